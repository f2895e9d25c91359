import type { Millis } from "./millis.ts";

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
 * Milliseconds to wait after the failure of attempt number `failures` (1 for the first), of whose jitter `fraction`
 * in [0, 1) is taken; undefined once `conceal` is used up. Policy: `retry`.
 */
export function retryDelay(backoff: Backoff, failures: number, fraction: number): Millis | undefined {
  if (backoff.conceal !== CONCEAL_ALWAYS && failures > backoff.conceal) return undefined;
  return waitAfter(backoff, failures, fraction);
}

/** The wait alone, without asking whether the retries are used up. */
export function waitAfter(backoff: Backoff, failures: number, fraction: number): Millis {
  const wait = leastWait(backoff, failures);
  return wait + Math.floor((wait * backoff.jitterPercent * fraction) / 100);
}

/** The wait without jitter. */
export function leastWait({ table }: Backoff, failures: number): Millis {
  return table[Math.min(failures, table.length) - 1] ?? 3000;
}
