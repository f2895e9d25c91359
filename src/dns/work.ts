import type { Random } from "../lib/random.ts";
import { Deadlines } from "./deadlines.ts";
import { decoderShapes } from "./message.ts";
import type { ResolverOptions } from "./options.ts";
import { Slab } from "./slab.ts";
import { Statistics } from "./statistics.ts";
import type { ResolverOutput, TraceEvent } from "./words.ts";

const NONE: readonly never[] = [];

/** What the parts of one resolver share: its settings, randomness, deadlines, counters and the outputs under way. */
export class Work {
  readonly options: ResolverOptions;
  readonly random: Random;
  readonly deadlines = new Deadlines();
  readonly statistics = new Statistics();
  readonly slab = new Slab();
  /**
   * V8 throws away the code for shapes of which a full collection finds no object: these are kept, so that a process
   * that resolves now and then need not compile anew each time.
   */
  readonly shapes: unknown[] = [decoderShapes()];
  /** Whether anyone wants `trace` outputs. */
  isTraced = false;
  #outputs: ResolverOutput[] | undefined;

  constructor(options: ResolverOptions, random: Random) {
    this.options = options;
    this.random = random;
  }

  emit(output: ResolverOutput): void {
    // An array that is written with its item takes a tenth of the room of one that grows by it.
    if (this.#outputs === undefined) this.#outputs = [output];
    else this.#outputs.push(output);
  }

  trace(event: TraceEvent): void {
    if (this.isTraced) this.emit({ type: "trace", event });
  }

  /** All outputs since the last call. */
  take(): readonly ResolverOutput[] {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    return outputs ?? NONE;
  }
}
