import type { Clock } from "../context/index.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import { Timers } from "../lib/timers.ts";
import { raise } from "./raise.ts";

/** setTimeout takes no more than this; the set is asked again and waits on. */
const LONGEST_WAIT = 2 ** 31 - 1;

interface Armed {
  readonly at: Millis;
  readonly holds: boolean;
  readonly timeout: NodeJS.Timeout;
}

/** Node's monotonic clock: one ordered set of timers, and one timer of Node's under it. */
export class SystemClock implements Clock {
  readonly #timers = new Timers({ now: () => performance.now() });
  #armed: Armed | undefined;

  now(): Millis {
    return this.#timers.now();
  }

  wall(): number {
    return Date.now();
  }

  wake(at: Millis, run: () => void, holds: boolean): () => void {
    const cancel = this.#timers.add(at, run, { class: holds ? "wake" : "miss" });
    this.#arm();
    return () => {
      cancel();
      this.#arm();
    };
  }

  /** A timer of Node's that is too early is left alone: it fires for nothing, and re-arming costs. */
  #arm(): void {
    const at = this.#timers.deadline;
    const holds = this.#timers.wakeDeadline !== NEVER;
    const armed = this.#armed;
    if (armed !== undefined && at !== NEVER && armed.holds === holds && armed.at <= at) return;
    if (armed !== undefined) clearTimeout(armed.timeout);
    this.#armed = undefined;
    if (at === NEVER) return;
    const wait = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_WAIT);
    const timeout = setTimeout(() => this.#fire(), wait);
    if (!holds) timeout.unref();
    this.#armed = { at, holds, timeout };
  }

  #fire(): void {
    this.#armed = undefined;
    this.#timers.fire(raise);
    this.#arm();
  }
}

/** The timers of the process. */
export const systemClock: SystemClock = new SystemClock();

/** The same timers, where somebody knows better than the system how many milliseconds it is since 1970. */
export function clockWithWall(wall: () => number): Clock {
  return {
    now: () => systemClock.now(),
    wall,
    wake: (at, run, holds) => systemClock.wake(at, run, holds),
  };
}
