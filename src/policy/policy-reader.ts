import { type DecodeUtf8, Utf8Pieces } from "../lib/utf8-pieces.ts";
import { LIMITS } from "./json.ts";
import { JsoncReader } from "./jsonc.ts";
import { concludePolicy, type Options, type Parsed } from "./parse.ts";
import { Problems } from "./problem.ts";
import { placeText, Source } from "./source.ts";

/** A policy whose UTF-8 comes in pieces, cut anywhere: what comes of it is what `parsePolicy` gives for the whole. */
export class PolicyReader {
  readonly #options: Options;
  readonly #problems = new Problems();
  readonly #text: Utf8Pieces;
  readonly #reader: JsoncReader;

  constructor(decode: DecodeUtf8, options: Options = {}) {
    this.#options = options;
    this.#text = new Utf8Pieces(decode);
    const source = new Source(options.source ?? "policy");
    this.#reader = new JsoncReader(source, { ...LIMITS, ...options.limits }, this.#problems);
  }

  /** Where the next piece begins: `source:line:column`. */
  get where(): string {
    return placeText(this.#reader.end);
  }

  /**
   * Takes what came next. A refusal, with the faults so far, as soon as no policy can come of it: who stops there says
   * what is wrong, who goes on hears of every fault.
   */
  push(bytes: Uint8Array): Parsed | undefined {
    this.#reader.push(this.#text.take(bytes));
    if (!this.#problems.hasErrors) return undefined;
    return concludePolicy(undefined, this.#problems, this.#options);
  }

  /** Nothing more comes: the policy is checked as a whole. */
  finish(): Parsed {
    this.#reader.push(this.#text.end());
    return concludePolicy(this.#reader.finish(), this.#problems, this.#options);
  }
}
