import type { Reason } from "../../../lib/errors.ts";

/** A connection came or went. */
export interface ConnectionEvent {
  readonly type: "opened" | "closed";
  readonly protocol: "h1" | "h2";
  readonly peer: string;
  /** Why it was closed, where it was not merely idle. */
  readonly reason?: Reason | undefined;
}
