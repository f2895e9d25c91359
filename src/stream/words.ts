import type { Backoff } from "../lib/backoff.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { StateName, UserState } from "./states.ts";

/** What of a streamtype decides when a stream connects, retries and rests. */
export interface StreamSettings {
  readonly retry: Backoff & { readonly stable: Millis };
  readonly nailedUp: boolean;
  readonly opportunistic: boolean;
  /** Of a message-oriented stream (ws, mqtt, raw) the connection is kept; of a transaction (h1, h2) the end is success. */
  readonly transactional: boolean;
}

/** Identifies one attempt; inputs that carry an older one are ignored. */
export type AttemptId = number;

export type StreamInput =
  | { readonly type: "create" }
  /** `client_connect`: try now, with a fresh retry count. */
  | { readonly type: "connect" }
  /** `request_tx`: something is to be sent; connects if the stream rests. */
  | { readonly type: "request" }
  | { readonly type: "established"; readonly attempt: AttemptId }
  /** The peer works: payload came, or it acknowledged. Resets the retry count. */
  | { readonly type: "proved"; readonly attempt: AttemptId }
  /** `isProof`: the peer itself said so, which resets the retry count. */
  | { readonly type: "acknowledged"; readonly attempt: AttemptId; readonly isProof: boolean }
  | { readonly type: "refused"; readonly attempt: AttemptId; readonly reason: Reason }
  | { readonly type: "user-state"; readonly attempt: AttemptId; readonly state: UserState }
  /** A transaction came to its end, whatever its answer was. */
  | { readonly type: "completed"; readonly attempt: AttemptId }
  /** `repeatable` false: the work may have been done, so nobody but the caller may repeat it. */
  | {
      readonly type: "failed";
      readonly attempt: AttemptId;
      readonly reason: Reason;
      readonly repeatable: boolean;
    }
  /** Hang up; the retry rules apply as if the peer had. */
  | { readonly type: "disconnect"; readonly reason: Reason }
  /** The caller no longer wants what it asked for: rest, unless nailed up. */
  | { readonly type: "give-up"; readonly reason: Reason }
  /** What was asked for takes longer than the caller waits. Under way, it is given up; else it was still queued. */
  | { readonly type: "late"; readonly reason: Reason; readonly isUnderWay: boolean }
  /** Settings changed: connect anew at once, without counting a failure. */
  | { readonly type: "recycle"; readonly reason: Reason; readonly settings?: StreamSettings }
  /** Other settings from now on; what is under way goes on. */
  | { readonly type: "settings"; readonly settings: StreamSettings }
  | { readonly type: "start-timeout"; readonly span: Millis }
  | { readonly type: "cancel-timeout" }
  /** The end; with a reason where it is not the program that closes. */
  | { readonly type: "destroy"; readonly reason?: Reason };

export type StreamOutput =
  | {
      readonly type: "state";
      readonly state: StateName | UserState;
      readonly previous: StateName | undefined;
      readonly reason: Reason | undefined;
      /** Number of the attempt under way or just ended: one more than the failures before it, a lost connection included. */
      readonly attempt: number;
      /** Time until the next try, where one is planned. */
      readonly retryIn: Millis | undefined;
    }
  | { readonly type: "open"; readonly attempt: AttemptId }
  | { readonly type: "close"; readonly attempt: AttemptId }
  /** Nothing is under way or planned. With a reason when what was asked for failed; `exhausted` when retries are used up. */
  | { readonly type: "rested"; readonly reason: Reason | undefined; readonly exhausted: boolean };
