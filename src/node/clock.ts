import type { Clock } from "../context/index.ts";

/** setTimeout takes no more than this; the driver is woken early and waits on. */
const LONGEST_WAIT = 2 ** 31 - 1;

/** Node's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  wake(at, run, holds) {
    const wait = Math.min(Math.max(0, Math.ceil(at - performance.now())), LONGEST_WAIT);
    const timer = setTimeout(run, wait);
    if (!holds) timer.unref();
    return () => clearTimeout(timer);
  },
};
