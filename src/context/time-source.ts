import type { Reason } from "../lib/errors.ts";

/** Who knows the time: a `TimePart`. */
export interface TimeSource {
  /** Whether the time is known. */
  readonly isValid: boolean;
  /** Asks for it as soon as manners allow. */
  poll(): void;
  /** Calls each time it becomes known, until the returned function is called. */
  onValid(listener: () => void): () => void;
}

/**
 * A certificate that is not valid yet says nothing about its peer while the time is not known: it is time that has to
 * be asked for. Gives the reason that counts.
 */
export function reasonInDoubt(reason: Reason, time: TimeSource | undefined): Reason {
  if (reason.code !== "tls-not-yet-valid" || time === undefined || time.isValid) return reason;
  time.poll();
  return { ...reason, code: "tls-time-unknown" };
}
