/** A moment or a span on a monotonic clock, in milliseconds. Never wall time. */
export type Millis = number;

/** The deadline of a machine that waits for nothing. */
export const NEVER: Millis = Number.POSITIVE_INFINITY;

export function seconds(count: number): Millis {
  return count * 1000;
}

export function minutes(count: number): Millis {
  return count * 60_000;
}

export function hours(count: number): Millis {
  return count * 3_600_000;
}
