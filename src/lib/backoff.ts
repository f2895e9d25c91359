import type { Millis } from "./millis.ts";
import type { Random } from "./random.ts";

/** `conceal` that never gives up. */
export const CONCEAL_ALWAYS = 65_535;

/** How a failed attempt is followed by the next. Policy: `retry`. */
export interface Backoff {
  /** Waits in ms; the last one repeats; never empty. */
  readonly table: readonly Millis[];
  /** Attempts to hide before all retries have failed; 65535 hides for ever. */
  readonly conceal: number;
  /** Random addition, in percent of the wait; 0 adds nothing. */
  readonly jitterPercent: number;
}

/**
 * Milliseconds to wait after the failure of attempt number `failures` (1 for the first);
 * undefined once `conceal` is used up. Policy: `retry`.
 */
export function retryDelay(backoff: Backoff, failures: number, random: Random): Millis | undefined {
  if (backoff.conceal !== CONCEAL_ALWAYS && failures > backoff.conceal) return undefined;
  return waitAfter(backoff, failures, random);
}

/** The wait alone, without asking whether the retries are used up. */
export function waitAfter(backoff: Backoff, failures: number, random: Random): Millis {
  const wait = backoff.table[Math.min(failures, backoff.table.length) - 1] ?? 3000;
  const jitter = backoff.jitterPercent === 0 ? 0 : (wait * backoff.jitterPercent * random.fraction()) / 100;
  return wait + Math.floor(jitter);
}
