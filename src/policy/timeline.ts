import { type Backoff, CONCEAL_ALWAYS } from "../lib/backoff.ts";
import type { Millis } from "../lib/millis.ts";

/** One attempt to reach a peer. Times are least and most. */
export interface Attempt {
  /** From 1. */
  readonly number: number;
  /** The wait before this attempt; 0 for the first. */
  readonly wait: readonly [Millis, Millis];
  /** From the first attempt to this one where the peer refuses each at once. */
  readonly elapsed: readonly [Millis, Millis];
  /** The same where the peer never answers, so that each attempt takes all the time it has. */
  readonly elapsedInSilence: readonly [Millis, Millis];
  /** Whether all retries have failed when this attempt fails. */
  readonly isLast: boolean;
}

/**
 * The attempts that a retry makes, the first `most` of them where there are more. `timeout` is how long one may take to
 * connect; the wait begins when it has failed.
 */
export function retryTimeline(backoff: Backoff, timeout: Millis, most = 20): readonly Attempt[] {
  const attempts: Attempt[] = [];
  let least = 0;
  let longest = 0;
  for (let number = 1; number <= most; number++) {
    const wait = number === 1 ? ([0, 0] as const) : bounds(backoff, number - 1);
    least += wait[0];
    longest += wait[1];
    const isLast = backoff.conceal !== CONCEAL_ALWAYS && number > backoff.conceal;
    const silence = (number - 1) * timeout;
    const elapsedInSilence = [least + silence, longest + silence] as const;
    attempts.push({ number, wait, elapsed: [least, longest], elapsedInSilence, isLast });
    if (isLast) break;
  }
  return attempts;
}

function bounds(backoff: Backoff, failures: number): readonly [Millis, Millis] {
  const wait = Number(backoff.table[Math.min(failures, backoff.table.length) - 1]);
  return [wait, wait + Math.floor((wait * backoff.jitterPercent) / 100)];
}
