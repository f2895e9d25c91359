import type { Millis } from "../lib/millis.ts";
import type { QualityOfService } from "./packet.ts";

/** The owner of births, which live as long as one connection. */
export const BIRTH_STREAM = -1;

/** A message handed over for publishing. */
export interface Outgoing {
  /** Names the message when it settles; unique in the process. */
  readonly ticket: number;
  /** The logical stream it belongs to. */
  readonly stream: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QualityOfService;
  readonly retain: boolean;
}

/** A message of QoS 1 or 2 on its way. */
export interface Entry {
  readonly message: Outgoing;
  /** Order of arrival. */
  readonly order: number;
  /** Order of the PUBREC; 0 before it. */
  released: number;
  /** Packet identifier; 0 before there is one. */
  id: number;
  phase: "publish" | "release";
  /** Written at least once, on whichever connection: the next PUBLISH is a DUP. */
  wasSent: boolean;
  /** Written on this connection and not yet acknowledged. */
  isInFlight: boolean;
  /** Repetitions on this connection. */
  resends: number;
  due: Millis;
  /** Nobody waits for it; it only keeps its identifier from being used again. */
  isAbandoned: boolean;
  /** Connections in succession on which the broker hung up while this was in flight. */
  hangUps: number;
}
