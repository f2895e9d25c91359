import { equalBytes } from "../lib/bytes.ts";
import type { Millis } from "../lib/millis.ts";
import type { NtpReply } from "./packet.ts";
import { between, isZero, unixTime } from "./timestamp.ts";
import type { NtpFault } from "./words.ts";

/** RFC 4330, 5: more than a second of either is no useful time. */
const MOST_ROOT: Millis = 1000;
/** RFC 5905, 11.2.1 has 1.5 s as the distance beyond which a server is not fit. */
const MOST_DISTANCE: Millis = 1500;
/** Milliseconds that the clock of a cheap board may gain or lose in one. */
const DRIFT = 50e-6;

/** What one server said, in terms of our monotonic clock. */
export interface Sample {
  /** Wall time of the monotonic clock's moment 0. */
  readonly epoch: number;
  /** Half the width of the interval that the truth lies in, if the server is honest. */
  readonly error: number;
  /** When it came. */
  readonly at: Millis;
  /** Milliseconds on the way, there and back. */
  readonly delay: number;
  readonly leap: number;
  readonly stratum: number;
}

/** Why the reply may be anybody's: nothing else in it may be believed, and the true one may still come. */
export function suspicionOf(reply: NtpReply, nonce: Uint8Array): NtpFault | undefined {
  if (!equalBytes(reply.originate, nonce)) return "originate";
  if (reply.mode !== 4) return "mode";
  return reply.version === 4 ? undefined : "version";
}

/**
 * The sample of a reply to a request that left at `sentAt`, or why it is none. The checks are those of RFC 4330, 5 and
 * of `packet()` in RFC 5905, A.5.1.1, but for the nonce and a Kiss-o'-Death, which come before.
 */
export function judgeReply(
  reply: NtpReply,
  sentAt: Millis,
  { now, notBefore }: { readonly now: Millis; readonly notBefore: number },
): Sample | NtpFault {
  const { rootDelay, rootDispersion, receive, transmit } = reply;
  const fault = faultOf(reply);
  if (fault !== undefined) return fault;
  const trip = now - sentAt;
  const work = between(receive, transmit);
  if (work < 0 || work > trip + reply.precision) return "delay";
  const delay = Math.max(0, trip - work);
  const error = delay / 2 + rootDelay / 2 + rootDispersion + reply.precision;
  if (error > MOST_DISTANCE) return "distance";
  // Half of ((T2 - T1) + (T3 - T4)): the server's time in the middle of its work lies in the middle of the trip.
  const epoch = unixTime(receive, notBefore) + work / 2 - (sentAt + now) / 2;
  return { epoch, error, at: now, delay, leap: reply.leap, stratum: reply.stratum };
}

function faultOf(reply: NtpReply): NtpFault | undefined {
  const { leap, stratum, receive, transmit, reference } = reply;
  if (leap === 3) return "unsynchronised";
  if (stratum > 15) return "stratum";
  if (isZero(receive) || isZero(transmit)) return "no-time";
  if (!isZero(reference) && between(reference, transmit) < 0) return "reference";
  if (reply.rootDelay >= MOST_ROOT) return "root-delay";
  return reply.rootDispersion >= MOST_ROOT ? "root-dispersion" : undefined;
}

/** How far off a sample may be by now. */
export function errorNow({ error, at }: Sample, now: Millis): number {
  return error + (now - at) * DRIFT;
}
