import type { Clock } from "../../../context/index.ts";
import type { Millis } from "../../../lib/millis.ts";

/** One wake-up for a deadline that mostly moves away: it is armed anew only when it fires or must come earlier. */
export class LazyTimer {
  readonly #clock: Clock;
  readonly #run: () => void;
  #armedAt: Millis = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  get isArmed(): boolean {
    return this.#cancel !== undefined;
  }

  /** Runs not later than soon after `at`, unless stopped; perhaps earlier. */
  by(at: Millis): void {
    if (at >= this.#armedAt) return;
    this.#cancel?.();
    this.#armedAt = at;
    this.#cancel = this.#clock.wake(at, () => this.#fire(), false);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedAt = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#cancel = undefined;
    this.#armedAt = Number.POSITIVE_INFINITY;
    this.#run();
  }
}
