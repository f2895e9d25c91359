import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import type { Lease } from "./lease.ts";

/** When a lease must be renewed, where from any server, and when it ends. */
export interface LeaseTimes {
  readonly renewAt: Millis;
  readonly rebindAt: Millis;
  readonly expiresAt: Millis;
}

const SPREAD = seconds(1);
/** Renewals closer than this would meet the limit of requests; see `pace.ts`. */
const LEAST_RENEWAL = seconds(2);

/**
 * The times of a lease whose REQUEST was sent at `sentAt` (RFC 2131, 4.4.5). T1 and T2 are spread by up to a second,
 * less where the lease is short, so that T1 < T2 < end holds. T1 is at least 2 s, or two thirds of a lease shorter
 * than 3 s, and never less than 1 s.
 */
export function leaseTimes(lease: Lease, sentAt: Millis, random: Random): LeaseTimes {
  if (lease.leaseSeconds === Number.POSITIVE_INFINITY) {
    return { renewAt: NEVER, rebindAt: NEVER, expiresAt: NEVER };
  }
  const end = seconds(lease.leaseSeconds);
  const least = Math.max(SPREAD, Math.min(LEAST_RENEWAL, (end * 2) / 3));
  const t1 = Math.max(seconds(lease.renewSeconds), least);
  const told = seconds(lease.rebindSeconds);
  const t2 = told > t1 ? told : (t1 + end) / 2;
  const gap = (t2 - t1) / 3;
  const renew = Math.max(t1 + spread(Math.min(SPREAD, t1 / 4, gap), random), least);
  const rebind = t2 + spread(Math.min(SPREAD, (end - t2) / 2, gap), random);
  return {
    renewAt: sentAt + Math.round(Math.min(renew, end)),
    rebindAt: sentAt + Math.round(Math.min(rebind, end)),
    expiresAt: sentAt + end,
  };
}

/** The same times after the clock stood still for `slept`. */
export function afterSleep(times: LeaseTimes, slept: Millis): LeaseTimes {
  return {
    renewAt: times.renewAt - slept,
    rebindAt: times.rebindAt - slept,
    expiresAt: times.expiresAt - slept,
  };
}

/**
 * The wait before a renewal is repeated: half of what remains, at least a minute, or a second on short leases;
 * a minute where the lease has no end.
 */
export function renewalWait(remaining: Millis, leaseSeconds: number): Millis {
  if (remaining === NEVER) return seconds(60);
  return Math.max(Math.round(remaining / 2), leaseSeconds < 60 ? seconds(1) : seconds(60));
}

/** The wait after transmission number `attempt`, 1 for the first: 4, 8, 16, 32, 64 s, each ± 1 s (RFC 2131, 4.1). */
export function retransmissionWait(attempt: number, random: Random): Millis {
  return seconds(Math.min(2 ** (attempt + 1), 64)) + Math.round(spread(SPREAD, random));
}

function spread(span: Millis, random: Random): Millis {
  return span * (random.fraction() * 2 - 1);
}
