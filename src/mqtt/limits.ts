import { type Millis, seconds } from "../lib/millis.ts";
import { utf8Length } from "../lib/mqtt-topic.ts";
import type { ConnectReply, QualityOfService } from "./packet.ts";

/** What the server allows on this connection: 3.1.1 says nothing and allows everything (MQTT 5, 3.2.2.3). */
export interface Limits {
  /** Messages of QoS 1 and 2 without their last acknowledgement. */
  readonly inFlight: number;
  readonly qos: number;
  readonly retain: boolean;
  /** Bytes of one packet. */
  readonly packet: number;
  readonly wildcards: boolean;
  readonly shared: boolean;
  readonly keepAlive: Millis;
}

/** As many packets may be in flight as there are identifiers. */
export const MAX_IN_FLIGHT = 65_535;

/** The limits of a CONNACK; a string says which of its values MQTT 5 forbids. */
export function limitsOf(reply: ConnectReply, keepAlive: Millis): Limits | string {
  if (reply.receiveMaximum === 0) return "CONNACK with a Receive Maximum of 0";
  if (reply.maximumPacketSize === 0) return "CONNACK with a Maximum Packet Size of 0";
  if (reply.maximumQos !== undefined && reply.maximumQos > 1) {
    return `CONNACK with a Maximum QoS of ${reply.maximumQos}`;
  }
  return {
    inFlight: reply.receiveMaximum ?? MAX_IN_FLIGHT,
    qos: reply.maximumQos ?? 2,
    retain: reply.retainAvailable ?? true,
    packet: reply.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    wildcards: reply.wildcardAvailable ?? true,
    shared: reply.sharedAvailable ?? true,
    keepAlive: reply.serverKeepAlive === undefined ? keepAlive : seconds(reply.serverKeepAlive),
  };
}

export interface Sized {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QualityOfService;
}

/** Bytes of a PUBLISH of MQTT 5 without properties. */
export function publishSize(message: Sized): number {
  const rest = 2 + utf8Length(message.topic) + (message.qos > 0 ? 2 : 0) + 1 + message.payload.length;
  return 1 + lengthSize(rest) + rest;
}

/** Bytes of a remaining length (MQTT 5, 1.5.5). */
function lengthSize(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  return length < 0x200000 ? 3 : 4;
}
