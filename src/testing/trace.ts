import { createHash } from "node:crypto";
import type { StateEvent } from "../context/index.ts";
import type { Millis } from "../lib/millis.ts";

/** One change of state in a simulation. */
export interface TraceEntry extends StateEvent {
  readonly at: Millis;
  /** Id of the stream. */
  readonly stream: number;
}

/** Everything that the streams of a simulation went through, in order. Two runs with the same seed have the same. */
export class Trace {
  readonly #limit: number;
  readonly #hash = createHash("sha256");
  #entries: TraceEntry[] = [];
  #length = 0;
  /** Lines that the hash does not cover yet: hashing many at a time is several times as fast. */
  #unhashed = "";

  /** The last `limit` entries are kept; the hash is over all. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many changes of state there were, kept or not. */
  get length(): number {
    return this.#length;
  }

  /** The last ones, oldest first. */
  get entries(): readonly TraceEntry[] {
    return this.#entries.slice(-this.#limit);
  }

  /** @internal */
  add(entry: TraceEntry): void {
    this.#length += 1;
    this.#unhashed += `${lineOf(entry)}\n`;
    if (this.#unhashed.length > 65_536) this.#settle();
    if (this.#limit > 0) this.#entries.push(entry);
    if (this.#entries.length > 2 * this.#limit) this.#entries = this.#entries.slice(-this.#limit);
  }

  /** States in order, of one stream or of all. */
  states(stream?: { readonly id: number }): readonly string[] {
    const of = this.entries.filter((entry) => stream === undefined || entry.stream === stream.id);
    return of.map((entry) => entry.state);
  }

  /** SHA-256 over every entry, in hexadecimal. */
  hash(): string {
    this.#settle();
    return this.#hash.copy().digest("hex");
  }

  /** A line for each entry kept: for people, and for comparing two runs. */
  text(): string {
    return this.entries.map(lineOf).join("\n");
  }

  #settle(): void {
    this.#hash.update(this.#unhashed);
    this.#unhashed = "";
  }
}

function lineOf({ at, stream, streamtype, state, attempt, retryIn, reason }: TraceEntry): string {
  const why = reason === undefined ? "" : ` ${reason.layer}/${reason.code}`;
  const next = retryIn === undefined ? "" : ` next in ${retryIn} ms`;
  return `${at} ${streamtype}#${stream} ${state} (attempt ${attempt})${why}${next}`;
}
