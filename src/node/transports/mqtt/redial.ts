import type { Clock } from "../../../context/index.ts";
import type { Millis } from "../../../lib/millis.ts";

const FIRST_PAUSE: Millis = 100;
const LONGEST_PAUSE: Millis = 1000;
/** After so many in succession the streams are told, and the policy's backoff decides again. */
const MOST = 8;

/** Connections that a session makes by itself, to find the message on which the broker hangs up. */
export class Redial {
  readonly #clock: Clock;
  readonly #run: () => void;
  #count = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  get isPending(): boolean {
    return this.#cancel !== undefined;
  }

  /** Runs after a pause. False where it has done so too often. */
  again(): boolean {
    if (this.#count === MOST) {
      this.#count = 0;
      return false;
    }
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#count, LONGEST_PAUSE);
    this.#count += 1;
    const run = (): void => {
      this.#cancel = undefined;
      this.#run();
    };
    this.#cancel = this.#clock.wake(this.#clock.now() + pause, run, true);
    return true;
  }

  /** The trial is over. */
  reset(): void {
    this.#count = 0;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
