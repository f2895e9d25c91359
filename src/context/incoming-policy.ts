import { SecureStreamsError } from "../lib/errors.ts";
import { type PolicyDocument, PolicyError, PolicyReader, requirePolicy } from "../policy/index.ts";
import type { Text } from "./ports.ts";

/** White space of JSON, and the bytes of a byte order mark. */
const BEFORE: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0xef, 0xbb, 0xbf]);
const OBJECT = 0x7b;
const COMMENT = 0x2f;

/** A policy on its way: read as it comes, put in force whole or not at all. */
export class IncomingPolicy {
  readonly #reader: PolicyReader;
  readonly #install: (document: PolicyDocument) => void;
  #hasBegun = false;

  constructor(
    text: Text,
    options: { readonly source: string; readonly strict: boolean },
    install: (document: PolicyDocument) => void,
  ) {
    this.#reader = new PolicyReader((bytes) => text.decode(bytes), options);
    this.#install = install;
  }

  /** Where the next piece begins: `source:line:column`. */
  get where(): string {
    return this.#reader.where;
  }

  /** Reads the next bytes, cut anywhere. Throws PolicyError as soon as they can be no policy: nothing more is needed. */
  push(bytes: Uint8Array): void {
    this.#begin(bytes);
    const refusal = this.#reader.push(bytes);
    if (refusal !== undefined) throw new PolicyError(refusal.problems);
  }

  /** All of it has come: puts it in force. Throws PolicyError, and then what was in force still is. */
  install(): void {
    this.#install(requirePolicy(this.#reader.finish()));
  }

  #begin(bytes: Uint8Array): void {
    const first = this.#hasBegun ? undefined : bytes.find((byte) => !BEFORE.has(byte));
    if (first === undefined) return;
    this.#hasBegun = true;
    if (first !== OBJECT && first !== COMMENT) throw new SecureStreamsError(noPolicy(this.where));
  }
}

function noPolicy(where: string) {
  const message = `${where}: error: what came is no policy, it does not begin with an object`;
  return { layer: "policy", code: "policy-syntax", message } as const;
}
