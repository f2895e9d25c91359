import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Outgoing } from "./entry.ts";
import type { Inbound, Outbound, QualityOfService, Received, Version, Will } from "./packet.ts";

/** What a CONNECT says. */
export interface SessionSettings {
  readonly version: Version;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | Uint8Array | undefined;
  /** 0 never pings. */
  readonly keepAlive: Millis;
  readonly cleanStart: boolean;
  readonly will: Will | undefined;
  /** Seconds; MQTT 5 only. */
  readonly sessionExpiry: number;
  /** Messages of QoS 1 and 2 that the server may have in flight to us; MQTT 5 only. */
  readonly receiveMaximum: number;
  /** Bytes of the largest packet that we take. */
  readonly maximumPacketSize: number;
}

/** One logical stream's place on the connection. */
export interface Member {
  /** Unique in the process, for each place anew. */
  readonly id: number;
  readonly stream: number;
  readonly subscribe: Subscription | undefined;
  /** Sent once per network connection, whoever asks for it. */
  readonly birth: Will | undefined;
}

export interface Subscription {
  readonly filter: string;
  readonly qos: QualityOfService;
}

/** Whom a message is for. */
export interface Receivers {
  readonly members: readonly number[];
  /** Streams whose subscription the server's session still has, and which are not on the connection now. */
  readonly absent: readonly number[];
}

export type SessionInput =
  /** The way to the server is open. */
  | { readonly type: "opened" }
  | { readonly type: "attach"; readonly member: Member }
  | { readonly type: "detach"; readonly member: number }
  /** QoS 1 and 2: the message is kept until it settles, whatever happens to the connection. */
  | { readonly type: "send"; readonly message: Outgoing }
  | { readonly type: "packet"; readonly packet: Inbound }
  /** Bytes that are no packet. */
  | { readonly type: "malformed"; readonly detail: string }
  /** A packet of so many bytes is announced: more than we take. */
  | { readonly type: "oversized"; readonly length: number }
  /** Send a PINGREQ now. */
  | { readonly type: "probe" }
  /** Whether the driver reads: while it does not, silence proves nothing. */
  | { readonly type: "reading"; readonly on: boolean }
  /** The stream is gone for good. */
  | { readonly type: "forget"; readonly stream: number }
  /** The way to the server is closed, or never came to be. */
  | {
      readonly type: "lost";
      readonly reason: Reason;
      /** The peer has closed or reset the connection. The network or this side did it otherwise. */
      readonly isHangUp?: boolean;
    };

export type Outcome =
  | { readonly type: "acknowledged" }
  | { readonly type: "refused"; readonly reason: Reason }
  /** QoS 0 only. */
  | { readonly type: "lost"; readonly reason: Reason };

export type SessionOutput =
  | { readonly type: "write"; readonly packet: Outbound }
  | { readonly type: "established"; readonly member: number }
  /** The member is no longer on the connection. */
  | { readonly type: "refused"; readonly member: number; readonly reason: Reason }
  | ({ readonly type: "message"; readonly packet: Received } & Receivers)
  /** A message of QoS 0 settles here only when it could not be written. */
  | { readonly type: "settled"; readonly ticket: number; readonly outcome: Outcome }
  /** The end: write what is written, then close. Without a reason every member had left. */
  | { readonly type: "close"; readonly reason: Reason | undefined };
