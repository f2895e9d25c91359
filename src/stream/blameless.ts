import type { ErrorCode, Reason } from "../lib/errors.ts";
import { type Millis, seconds } from "../lib/millis.ts";

/**
 * Failures that say nothing about the peer: none is counted, and the next try waits so long. A lost path may be
 * replaced already; the time is asked for no more often than its servers allow (RFC 4330, 10).
 */
const WAITS: Readonly<Partial<Record<ErrorCode, Millis>>> = {
  "network-changed": 0,
  "tls-time-unknown": seconds(15),
};

/** The wait after a failure that is not the peer's; undefined where it may be. */
export function blamelessWait(reason: Reason | undefined): Millis | undefined {
  return reason === undefined ? undefined : WAITS[reason.code];
}
