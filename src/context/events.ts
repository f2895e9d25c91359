import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { StateName, UserState } from "../stream/index.ts";

/** A change of a stream's state. */
export interface StateEvent {
  readonly streamtype: string;
  readonly state: StateName | UserState;
  readonly previous: StateName | undefined;
  /** Why, where there is a why. */
  readonly reason: Reason | undefined;
  /** Number of the attempt: one more than the failures before it, of which the loss of a working connection is one. */
  readonly attempt: number;
  /** Milliseconds until the next try, where one is planned. */
  readonly retryIn: Millis | undefined;
}

/** A received message, or one piece of it. A raw byte stream is pieces without start or end. */
export interface Message {
  readonly payload: Uint8Array;
  readonly start: boolean;
  readonly end: boolean;
  /** ws: whether the peer sent it as binary. */
  readonly binary: boolean | undefined;
  /** mqtt: the topic it came on. */
  readonly topic: string | undefined;
  /** The payload as UTF-8; ill-formed bytes become U+FFFD. */
  text(): string;
}

/** How far a sent message is known to have come. */
export interface Acknowledgement {
  /** `peer`: the remote side acknowledged (mqtt QoS 1 and 2). `kernel`: written to the socket, nothing more is known. */
  readonly by: "peer" | "kernel";
}

/** Text is sent as UTF-8. */
export type Payload = string | Uint8Array;

/** A body of unknown length. A function is called anew for each attempt, so that a lost one can be repeated. */
export type Body = Payload | AsyncIterable<Uint8Array> | (() => AsyncIterable<Uint8Array>);
