import type { Suspend } from "../../context/index.ts";
import type { Millis } from "../../lib/millis.ts";
import { type Libc, loadLibc, type Timespec } from "./libc.ts";

const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;
/** How often it is looked; Node's timers stand still in suspend and go on after it. */
const PERIOD: Millis = 1000;
const LEAST_SLEEP: Millis = 1000;
/** Two clocks are read one after the other; a process that is held up in between reads again. */
const AT_ONCE: Millis = 100;

/** Time that the machine has slept since it was started: the boot clock goes on in suspend, the monotonic one does not. */
export class LinuxSuspend implements Suspend {
  readonly #timeAsleep: () => Millis;

  constructor(timeAsleep: () => Millis) {
    this.#timeAsleep = timeAsleep;
  }

  watch(woke: (slept: Millis) => void): () => void {
    let known = this.#timeAsleep();
    const timer = setInterval(() => {
      const asleep = this.#timeAsleep();
      const slept = asleep - known;
      if (slept < LEAST_SLEEP) return;
      known = asleep;
      woke(slept);
    }, PERIOD).unref();
    return () => clearInterval(timer);
  }
}

/** Reads the kernel's clocks. What it returns throws SecureStreamsError `unsupported` where they cannot be read. */
export function kernelTimeAsleep(): () => Millis {
  let libc: Libc | undefined;
  return () => {
    libc ??= loadLibc();
    for (;;) {
      const before = millis(libc.clockGettime(CLOCK_MONOTONIC));
      const boot = millis(libc.clockGettime(CLOCK_BOOTTIME));
      const after = millis(libc.clockGettime(CLOCK_MONOTONIC));
      if (after - before < AT_ONCE) return boot - after;
    }
  };
}

function millis({ tv_sec, tv_nsec }: Timespec): Millis {
  return Number(tv_sec) * 1000 + Number(tv_nsec) / 1e6;
}
