import type { Clock } from "../context/index.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import { Timers } from "../lib/timers.ts";

/** setTimeout takes no more than this; the set is asked again and waits on. */
const LONGEST_WAIT = 2 ** 31 - 1;

interface Armed {
  readonly at: Millis;
  readonly holds: boolean;
  readonly timeout: NodeJS.Timeout;
}

/** The timers of the process: one ordered set, and one timer of Node's under it. */
const timers = new Timers({ now: () => performance.now() });
let armed: Armed | undefined;

/** Node's monotonic clock. */
export const systemClock: Clock = {
  now: () => timers.now(),
  wall: () => Date.now(),
  wake(at, run, holds) {
    const cancel = timers.add(at, run, { class: holds ? "wake" : "miss" });
    arm();
    return () => {
      cancel();
      arm();
    };
  },
};

/** A timer of Node's that is too early is left alone: it fires for nothing, and re-arming costs. */
function arm(): void {
  const at = timers.deadline;
  const holds = timers.wakeDeadline !== NEVER;
  if (armed !== undefined && armed.holds === holds && armed.at <= at) return;
  if (armed !== undefined) clearTimeout(armed.timeout);
  armed = undefined;
  if (at === NEVER) return;
  const wait = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_WAIT);
  const timeout = setTimeout(fire, wait);
  if (!holds) timeout.unref();
  armed = { at, holds, timeout };
}

function fire(): void {
  armed = undefined;
  timers.fire(raise);
  arm();
}

/** An uncaught exception, after the other timers of this turn. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
