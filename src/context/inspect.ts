import type { Millis } from "../lib/millis.ts";
import type { Protocol } from "../policy/index.ts";
import type { StateName } from "../stream/index.ts";
import type { ConnectionInfo } from "./ports.ts";

/** One stream as it is now. */
export interface StreamInfo {
  readonly id: number;
  readonly streamtype: string;
  readonly protocol: Protocol;
  /** The policy's `payload_fmt`: a hint for the program. */
  readonly payloadFormat: string | undefined;
  readonly state: StateName;
  /** Consecutive failures since the peer last proved to work. */
  readonly failures: number;
  /** Milliseconds until the next try, where one is planned. */
  readonly retryIn: Millis | undefined;
  /** Messages and bytes that wait for a connection, and messages whose outcome is open. */
  readonly sending: { readonly waiting: number; readonly bytes: number; readonly inFlight: number };
  /** http transactions under way and waiting. */
  readonly transactions: number;
  /** Received and not yet read. */
  readonly unread: { readonly messages: number; readonly bytes: number };
}

/** Everything a context holds. */
export interface Inspection {
  readonly streams: readonly StreamInfo[];
  readonly connections: readonly ConnectionInfo[];
}
