import type { Millis } from "../lib/millis.ts";

/** Where to ask: an address, as the driver understands it. */
export type NtpServer = string;

/** One request; a reply's bytes are judged against it. */
export type RequestId = number;

/** Why a reply sets no clock. */
export type NtpFault =
  /** Not the length of a packet. */
  | "malformed"
  /** It repeats another nonce than the request's: old, or forged. */
  | "originate"
  | "mode"
  | "version"
  /** The server says that it is not synchronised (leap 3). */
  | "unsynchronised"
  | "stratum"
  /** Its receive or transmit time is not there. */
  | "no-time"
  /** Its clock was set after it answered. */
  | "reference"
  | "root-delay"
  | "root-dispersion"
  /** It answered before it was asked, or took longer than the whole exchange. */
  | "delay"
  /** What it says may be wrong by more than 1.5 s. */
  | "distance";

export type NtpInput =
  /** Ask these from now on; what is known of those that stay is kept. */
  | { readonly type: "servers"; readonly servers: readonly NtpServer[] }
  /** `wall` is the wall clock now, in milliseconds since 1970. */
  | {
      readonly type: "reply";
      readonly server: NtpServer;
      readonly id: RequestId;
      readonly bytes: Uint8Array;
      readonly wall: number;
    }
  /** The system could not send, or the server's host refused. */
  | { readonly type: "failed"; readonly server: NtpServer; readonly id: RequestId }
  /** Ask as soon as manners allow: the network is back, or somebody doubts the time. */
  | { readonly type: "poll" }
  /** The machine slept and the monotonic clock stood still. */
  | { readonly type: "slept"; readonly span: Millis }
  | { readonly type: "stop" };

/** What the servers say, each as the offset of the wall clock. */
export interface Opinion {
  readonly server: NtpServer;
  /** Milliseconds to add to the wall clock, and how far off that may be. */
  readonly offset: number;
  readonly error: number;
}

export type NtpOutput =
  | {
      readonly type: "send";
      readonly server: NtpServer;
      readonly id: RequestId;
      readonly bytes: Uint8Array;
    }
  /** The request needs no reply any more. */
  | { readonly type: "forget"; readonly server: NtpServer; readonly id: RequestId }
  | { readonly type: "refused"; readonly server: NtpServer; readonly why: NtpFault }
  /** Kiss-o'-Death: `DENY` and `RSTR` end the server, `RATE` makes us slower, others only say no. */
  | {
      readonly type: "kissed";
      readonly server: NtpServer;
      readonly code: string;
      readonly isDropped: boolean;
    }
  /** One server's opinion; whether it is followed is said by `adjust` or `undecided`. */
  | {
      readonly type: "offset";
      readonly server: NtpServer;
      readonly offset: number;
      readonly delay: number;
      readonly leap: number;
      readonly stratum: number;
    }
  /** The servers do not allow a decision: they differ, one alone asks for a jump of years, or there is none. */
  | {
      readonly type: "undecided";
      readonly why: "disagreement" | "alone" | "no-servers";
      readonly opinions: readonly Opinion[];
    }
  /**
   * The time is known: `epoch` is the wall time of the monotonic clock's moment 0. Whoever may set the clock steps or
   * slews it by `offset`.
   */
  | {
      readonly type: "adjust";
      readonly how: "step" | "slew";
      readonly offset: number;
      readonly epoch: number;
      readonly error: number;
      readonly servers: readonly NtpServer[];
    }
  /** From now on certificates can be judged. */
  | { readonly type: "valid" }
  | { readonly type: "lost"; readonly why: string };

export interface NtpOptions {
  /** A moment that is known to have passed, in milliseconds since 1970: earlier ones mean the next era. */
  readonly notBefore?: number;
  /** Least milliseconds between regular requests to one server. Default: 64 s. */
  readonly pollMin?: Millis;
  /** Most. Default: 1024 s. */
  readonly pollMax?: Millis;
  /** How long the time stays valid without an answer. Default: 7 days. */
  readonly validFor?: Millis;
  /** Servers that must agree before the clock jumps by more than ten years. Default: 2. */
  readonly agreement?: number;
}
