import { type Millis, NEVER } from "./millis.ts";
import { firesBefore, type Timer, TimerHeap } from "./timer-heap.ts";

/**
 * `wake` is worth waking the machine for and keeps the process alive. `miss` may be missed while the machine sleeps,
 * is late by up to the set's slack to share a turn with others, and lets the process end.
 */
export type TimerClass = "wake" | "miss";

export interface TimerOptions {
  /** Default: `wake`. */
  readonly class?: TimerClass;
  /** Fires again each such span after its first moment, without drift; spans missed altogether are left out. */
  readonly every?: Millis;
}

export interface TimersOptions {
  /** A monotonic clock. It may stand still while the machine sleeps: `slept` makes up for it. */
  readonly now: () => Millis;
  /** How late a timer of class `miss` may be. Default: 0. */
  readonly slack?: Millis;
}

/** One ordered set of timers: by moment, and first in, first out among those of one moment. */
export class Timers {
  readonly #clock: () => Millis;
  readonly #slack: Millis;
  readonly #wake = new TimerHeap();
  readonly #miss = new TimerHeap();
  #order = 0;
  #slept: Millis = 0;
  /** While firing, the moment of it: what is added comes after all that is due. */
  #firing: Millis = 0;

  constructor({ now, slack = 0 }: TimersOptions) {
    this.#clock = now;
    this.#slack = slack;
  }

  /** The clock, time asleep counted. Moments of timers are on it. */
  now(): Millis {
    return this.#clock() + this.#slept;
  }

  /** Timers that are armed. */
  get size(): number {
    return this.#wake.size + this.#miss.size;
  }

  /** When `fire` must next be called, on the clock that was handed in. */
  get deadline(): Millis {
    return Math.min(this.wakeDeadline, (this.#miss.peek()?.at ?? NEVER) + this.#slack - this.#slept);
  }

  /** The same for class `wake` alone: what a sleeping machine must be woken for, and what holds the process. */
  get wakeDeadline(): Millis {
    return (this.#wake.peek()?.at ?? NEVER) - this.#slept;
  }

  /** Calls `run` at `at` or soon after. Returns the way to call it off, which may be called at any time. */
  add(at: Millis, run: () => void, options: TimerOptions = {}): () => void {
    const { class: timerClass = "wake", every } = options;
    const heap = timerClass === "wake" ? this.#wake : this.#miss;
    let timer: Timer;
    const arm = (moment: Millis): void => {
      this.#order += 1;
      timer = {
        at: Math.max(moment, this.#firing),
        order: this.#order,
        run: every === undefined ? run : again,
      };
      heap.push(timer);
    };
    const again = (): void => {
      arm(nextMoment(timer.at, Number(every), this.now()));
      run();
    };
    arm(at);
    return () => heap.cancel(timer);
  }

  /**
   * Runs what is due, in order. What is added meanwhile waits for the next call, even if it is due. What a timer throws
   * goes to `raise`; the others still fire.
   */
  fire(raise: (error: unknown) => void): void {
    const now = this.now();
    const newest = this.#order;
    this.#firing = now;
    for (let heap = this.#first(); heap !== undefined; heap = this.#first()) {
      const timer = heap.peek() as Timer;
      if (timer.at > now || timer.order > newest) return;
      heap.pop();
      const run = timer.run as () => void;
      timer.run = undefined;
      try {
        run();
      } catch (error) {
        raise(error);
      }
    }
  }

  /** The machine slept for `span` and the clock stood still: every timer is nearer by so much. */
  slept(span: Millis): void {
    this.#slept += span;
  }

  /** The heap with the next timer. */
  #first(): TimerHeap | undefined {
    const wake = this.#wake.peek();
    const miss = this.#miss.peek();
    if (wake === undefined) return miss === undefined ? undefined : this.#miss;
    return miss !== undefined && firesBefore(miss, wake) ? this.#miss : this.#wake;
  }
}

/** The first moment of the series after `now`. */
function nextMoment(at: Millis, every: Millis, now: Millis): Millis {
  return at + every * Math.max(1, Math.floor((now - at) / every) + 1);
}
