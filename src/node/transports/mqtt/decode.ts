import { isUtf8 } from "node:buffer";
import { type Packet, type Parser, parser } from "mqtt-packet";
import { Malformed } from "../../../lib/malformed.ts";
import type { Inbound } from "../../../mqtt/index.ts";

type Properties = Readonly<Record<string, unknown>>;

const ACKNOWLEDGEMENTS = { 64: "puback", 80: "pubrec", 98: "pubrel", 112: "pubcomp" } as const;
/** A failure that the specification allows in each of them (MQTT 5, 2.4). */
const OWN_FAILURE = { puback: 0x80, pubrec: 0x80, pubrel: 0x92, pubcomp: 0x92 } as const;
const FIRST_FAILURE = 0x80;

/** The least remaining length of each packet that a server sends, in 3.1.1 and in 5. */
const LEAST: Readonly<Record<string, readonly [number, number]>> = {
  connack: [2, 3],
  publish: [2, 3],
  puback: [2, 2],
  pubrec: [2, 2],
  pubrel: [2, 2],
  pubcomp: [2, 2],
  suback: [3, 4],
  unsuback: [2, 4],
};
/** Packets that have exactly their least length in 3.1.1. */
const EXACT: ReadonlySet<string> = new Set(["connack", "puback", "pubrec", "pubrel", "pubcomp", "unsuback"]);

/** Reads packets of a server that speaks `version`, each given whole. */
export class Decoder {
  readonly #version: 4 | 5;
  readonly #parser: Parser;
  #packet: Packet | undefined;
  #fault: string | undefined;

  constructor(version: 4 | 5) {
    this.#version = version;
    this.#parser = parser({ protocolVersion: version });
    this.#parser.on("packet", (packet) => {
      this.#packet = packet;
    });
    this.#parser.on("error", (error: unknown) => {
      this.#fault = error instanceof Error ? error.message : String(error);
    });
  }

  /** Throws Malformed. */
  decode(bytes: Buffer): Inbound {
    const type = ACKNOWLEDGEMENTS[bytes[0] as keyof typeof ACKNOWLEDGEMENTS];
    // The acknowledgement without a reason code is the commonest packet of a sender.
    if (type !== undefined && bytes.length === 4) return { type, id: bytes.readUInt16BE(2), code: 0 };
    if (type !== undefined && this.#version === 5) return this.#decodeFailure(bytes, type);
    return this.#decodeKnown(bytes);
  }

  /**
   * An acknowledgement with a code. Brokers refuse a message with codes that the specification lists for other packets:
   * mosquitto 2.0 answers one that is too large with a PUBACK of 0x95. From 0x80 on each of them says no (MQTT 5, 2.4);
   * to break off would have the message refused the same way on each connection.
   */
  #decodeFailure(bytes: Buffer, type: keyof typeof OWN_FAILURE): Inbound {
    const at = codeIndex(bytes);
    const code = bytes[at] ?? 0;
    if (code < FIRST_FAILURE) return this.#decodeKnown(bytes);
    const known = Buffer.from(bytes);
    known[at] = OWN_FAILURE[type];
    const packet = this.#decodeKnown(known);
    return packet.type === type ? { ...packet, code } : packet;
  }

  #decodeKnown(bytes: Buffer): Inbound {
    const packet = this.#parse(bytes);
    const length = packet.length ?? 0;
    const least = LEAST[packet.cmd]?.[this.#version === 4 ? 0 : 1] ?? 0;
    // A 3.1.1 server answers a CONNECT of 5 with a CONNACK of its own kind (MQTT 5, 4.13).
    const isOldRefusal = packet.cmd === "connack" && length === 2 && (bytes[3] ?? 0) !== 0;
    if (length < least && !isOldRefusal) throw new Malformed(`${packet.cmd} is cut off`);
    if (this.#version === 4 && EXACT.has(packet.cmd) && length !== least) {
      throw new Malformed(`${packet.cmd} with ${length} bytes`);
    }
    return read(packet, bytes);
  }

  #parse(bytes: Buffer): Packet {
    this.#packet = undefined;
    this.#fault = undefined;
    try {
      this.#parser.parse(bytes);
    } catch (error) {
      throw new Malformed(error instanceof Error ? error.message : String(error));
    }
    if (this.#fault !== undefined) throw new Malformed(this.#fault);
    if (this.#packet === undefined) throw new Malformed("a packet that ends too early");
    return this.#packet;
  }
}

function read(packet: Packet, bytes: Buffer): Inbound {
  const said: Properties = ("properties" in packet && packet.properties) || {};
  const reason = text(said, "reasonString");
  switch (packet.cmd) {
    case "connack":
      return {
        type: "connack",
        sessionPresent: packet.sessionPresent,
        code: packet.reasonCode ?? packet.returnCode ?? 0,
        reason,
        receiveMaximum: number(said, "receiveMaximum"),
        maximumQos: number(said, "maximumQoS"),
        retainAvailable: flag(said, "retainAvailable"),
        maximumPacketSize: number(said, "maximumPacketSize"),
        assignedClientId: text(said, "assignedClientIdentifier"),
        wildcardAvailable: flag(said, "wildcardSubscriptionAvailable"),
        sharedAvailable: flag(said, "sharedSubscriptionAvailable"),
        serverKeepAlive: number(said, "serverKeepAlive"),
        serverReference: text(said, "serverReference"),
      };
    case "publish": {
      const { qos, retain, dup, topic, payload } = packet;
      if (topic.includes("\ufffd") && !isUtf8(topicBytes(bytes))) {
        throw new Malformed("a topic that is not UTF-8");
      }
      return {
        type: "publish",
        id: qos === 0 ? 0 : identifier(packet),
        topic,
        // A copy, or a message kept for long would hold the whole chunk it came in.
        payload: typeof payload === "string" ? Buffer.from(payload) : new Uint8Array(payload),
        qos,
        retain,
        dup,
        topicAlias: number(said, "topicAlias"),
      };
    }
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      return { type: packet.cmd, id: identifier(packet), code: packet.reasonCode ?? 0, reason };
    case "suback":
    case "unsuback": {
      const codes = (packet.granted ?? []).map(Number);
      return { type: packet.cmd, id: identifier(packet), codes, reason };
    }
    case "pingresp":
      if (packet.length !== 0) throw new Malformed("pingresp with a body");
      return { type: "pingresp" };
    case "disconnect":
      return {
        type: "disconnect",
        code: packet.reasonCode ?? 0,
        reason,
        serverReference: text(said, "serverReference"),
      };
    default:
      return { type: "other", name: packet.cmd };
  }
}

/** Where the reason code of an acknowledgement is: behind type, remaining length and identifier. */
function codeIndex(bytes: Buffer): number {
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 3;
}

function identifier(packet: Packet): number {
  const id = packet.messageId ?? -1;
  if (id < 0) throw new Malformed(`${packet.cmd} without an identifier`);
  return id;
}

function topicBytes(bytes: Buffer): Buffer {
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  const length = bytes.readUInt16BE(at + 1);
  return bytes.subarray(at + 3, at + 3 + length);
}

function number(properties: Properties, name: string): number | undefined {
  const value = properties[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0) return value;
  throw new Malformed(`${name} is cut off or stands twice`);
}

function flag(properties: Properties, name: string): boolean | undefined {
  const value = properties[name];
  if (value === undefined || typeof value === "boolean") return value;
  throw new Malformed(`${name} stands twice`);
}

function text(properties: Properties, name: string): string | undefined {
  const value = properties[name];
  if (value === undefined || typeof value === "string") return value;
  throw new Malformed(`${name} is cut off or stands twice`);
}
