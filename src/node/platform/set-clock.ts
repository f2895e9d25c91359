import { createRequire } from "node:module";
import type { Millis } from "../../lib/millis.ts";
import { loadLibc } from "./libc.ts";

const CLOCK_REALTIME = 0;

/**
 * Sets the system's clock: `step` by clock_settime, `slew` by adjtime, which lets it run up to 0.05 % faster or slower.
 * False where CAP_SYS_TIME is missing. Throws `unsupported` where the platform is.
 */
export function createClockSetter(): (how: "step" | "slew", offset: Millis) => boolean {
  loadLibc();
  const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
  const libc = koffi.load(null);
  const setTime = libc.func("clock_settime", "int", ["int", "int64_t *"]);
  const adjust = libc.func("adjtime", "int", ["int64_t *", "void *"]);
  return (how, offset) => {
    const target = how === "step" ? Date.now() + offset : offset;
    const seconds = Math.floor(target / 1000);
    const rest = target - seconds * 1000;
    if (how === "slew") return adjust([seconds, Math.floor(rest * 1000)], null) === 0;
    return setTime(CLOCK_REALTIME, [seconds, Math.floor(rest * 1_000_000)]) === 0;
  };
}
