import { type Backoff, leastWait, retryDelay, waitAfter } from "../lib/backoff.ts";
import type { ErrorCode, Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Spread } from "../lib/spread.ts";

const NETWORK_CHANGED: ErrorCode = "network-changed";
const TIME_UNKNOWN: ErrorCode = "time-unknown";
/** These say nothing about the peer. */
const UNCOUNTED: ReadonlySet<ErrorCode> = new Set([NETWORK_CHANGED, TIME_UNKNOWN]);

/**
 * The failures since the peer last proved to work, and the waits between them.
 *
 * Streams that lose their peer together must not come back together. Each keeps one part of the jitter through an
 * outage, so that they drift apart in proportion to its length (drawn anew for each wait the parts would gather around
 * their mean). Once the slowest is a whole wait behind the fastest, the fastest waits until the slowest has tried, and
 * the others so much longer as their part says: the crowd has become an even stream, and stays one.
 */
export class Retries {
  readonly #spread: Spread;
  #failures = 0;
  #last: Reason | undefined;
  /** In [0, 1); drawn at the first wait of an outage. */
  #part: number | undefined;
  /** How far the slowest is behind the fastest of those who lost their peer together. */
  #width: Millis = 0;

  constructor(spread: Spread) {
    this.#spread = spread;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The last failure, one that does not count included. */
  get last(): Reason | undefined {
    return this.#last;
  }

  fail(reason: Reason): void {
    this.#last = reason;
    if (!UNCOUNTED.has(reason.code)) this.#failures += 1;
  }

  /** What failed before counts no more. */
  forgive(): void {
    this.#failures = 0;
    this.#last = undefined;
    this.#part = undefined;
    this.#width = 0;
  }

  /** The wait before the next attempt after `reason`; undefined once `conceal` is used up. */
  delay(backoff: Backoff, reason: Reason | undefined): Millis | undefined {
    if (reason?.code === NETWORK_CHANGED) return 0;
    if (reason?.code === TIME_UNKNOWN) return this.wait(backoff);
    return retryDelay(backoff, Math.max(1, this.#failures), this.#fraction(backoff));
  }

  /** The wait alone, without asking whether the retries are used up. */
  wait(backoff: Backoff): Millis {
    return waitAfter(backoff, this.#failures, this.#fraction(backoff));
  }

  /** What to take of the jitter. */
  #fraction(backoff: Backoff): number {
    const wait = leastWait(backoff, this.#failures);
    const jitter = (wait * backoff.jitterPercent) / 100;
    this.#part ??= this.#spread.next();
    if (this.#width < wait || jitter === 0) {
      this.#width += jitter;
      return this.#part;
    }
    const least = Math.min(1, (this.#width - wait) / jitter);
    this.#width = wait + jitter;
    return least + (1 - least) * this.#part;
  }
}
