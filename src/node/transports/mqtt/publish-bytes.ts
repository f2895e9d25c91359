import type { Outbound } from "../../../mqtt/index.ts";

const PUBLISH = 0x30;
const DUP = 0x08;
const RETAIN = 0x01;

/**
 * The bytes of a PUBLISH without properties (MQTT 3.1.1, 3.3; MQTT 5, 3.3), in one piece: it is the commonest packet of a
 * sender. Its topic has at most 65 535 bytes, the whole at most 268 435 455.
 */
export function publishBytes(packet: Extract<Outbound, { type: "publish" }>, version: 4 | 5): Buffer {
  const { id, topic, payload, qos, retain, dup } = packet;
  const topicLength = Buffer.byteLength(topic);
  const remaining = 2 + topicLength + (qos > 0 ? 2 : 0) + (version === 5 ? 1 : 0) + payload.length;
  const bytes = Buffer.allocUnsafe(1 + lengthOf(remaining) + remaining);
  bytes[0] = PUBLISH | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0);
  let at = writeLength(bytes, remaining);
  at = bytes.writeUInt16BE(topicLength, at);
  at += bytes.write(topic, at);
  if (qos > 0) at = bytes.writeUInt16BE(id, at);
  if (version === 5) bytes[at++] = 0;
  bytes.set(payload, at);
  return bytes;
}

/** Bytes that a remaining length takes: seven bits each (MQTT 3.1.1, 2.2.3). */
function lengthOf(remaining: number): number {
  if (remaining < 128) return 1;
  return remaining < 16_384 ? 2 : remaining < 2_097_152 ? 3 : 4;
}

/** Writes the remaining length behind the first byte; returns the place of what follows. */
function writeLength(bytes: Buffer, remaining: number): number {
  let at = 1;
  let rest = remaining;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
