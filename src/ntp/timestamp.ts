/** Milliseconds from 1900 to 1970. */
const TO_UNIX = 2_208_988_800_000;
/** Milliseconds until the seconds of a timestamp begin anew: an era (RFC 5905, 6). */
const ERA = 0x1_0000_0000 * 1000;

/** A 64-bit timestamp: seconds since 1900 modulo 2^32, and 2^-32 seconds. */
export interface Timestamp {
  readonly seconds: number;
  readonly fraction: number;
}

export function isZero({ seconds, fraction }: Timestamp): boolean {
  return seconds === 0 && fraction === 0;
}

/**
 * Milliseconds since 1970 of a timestamp: of the moments it may stand for, the first that is not before `notBefore`.
 * Seconds start again in 2036, 2172, ...; a moment that is known to have passed tells them apart for 136 years.
 */
export function unixTime({ seconds, fraction }: Timestamp, notBefore: number): number {
  const time = seconds * 1000 + (fraction * 1000) / 0x1_0000_0000 - TO_UNIX;
  return time + Math.ceil((notBefore - time) / ERA) * ERA;
}

/** The number of the era that a moment lies in: 0 until 2036-02-07T06:28:16Z. */
export function eraOf(time: number): number {
  return Math.floor((time + TO_UNIX) / ERA);
}

/** Milliseconds from `earlier` to `later`, which lie less than 68 years apart. */
export function between(earlier: Timestamp, later: Timestamp): number {
  const seconds = (later.seconds - earlier.seconds) | 0;
  return seconds * 1000 + ((later.fraction - earlier.fraction) * 1000) / 0x1_0000_0000;
}
