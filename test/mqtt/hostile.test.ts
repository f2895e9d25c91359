import { createServer, type Server, type Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { afterEach, describe, expect, test } from "vitest";
import { Malformed } from "../../src/lib/malformed.ts";
import { MqttSession, type SessionInput, SessionMemory } from "../../src/mqtt/index.ts";
import { Decoder } from "../../src/node/transports/mqtt/decode.ts";
import { encode } from "../../src/node/transports/mqtt/encode.ts";
import { Framer } from "../../src/node/transports/mqtt/framer.ts";
import { createTransport, TestLink, targetOf, withMqtt } from "./client.ts";
import { createSeeded } from "./seeded.ts";
import { SETTINGS as COMMON } from "./settings.ts";

const CONNACK_4 = Buffer.from([0x20, 2, 0, 0]);
const CONNACK_5 = Buffer.from([0x20, 3, 0, 0, 0]);

/** What a hostile broker sends after CONNACK (or instead of it), and the code of our DISCONNECT in MQTT 5. */
const VECTORS: readonly (readonly [string, readonly number[], number])[] = [
  ["CONNACK twice", [0x20, 3, 0, 0, 0], 0x82],
  ["QoS 3", [0x36, 5, 0, 1, 0x61, 0, 1], 0x81],
  ["a remaining length of 5 bytes", [0x30, 0xff, 0xff, 0xff, 0xff, 0x7f], 0x81],
  ["256 MB announced", [0x30, 0xff, 0xff, 0xff, 0x7f], 0x95],
  ["an unsolicited topic alias", [0x30, 8, 0, 1, 0x61, 3, 0x23, 0, 5, 0x78], 0x94],
  ["SUBACK with a wrong identifier", [0x90, 4, 0, 9, 0, 0], 0x82],
  ["SUBACK with two codes", [0x90, 5, 0, 1, 0, 0, 0], 0x82],
  ["SUBACK cut off", [0x90, 2, 0, 1], 0x81],
  ["SUBACK with an unknown code", [0x90, 4, 0, 1, 0, 0x44], 0x81],
  ["PUBACK for nothing", [0x40, 2, 0, 9], 0x82],
  ["PUBCOMP for nothing", [0x70, 2, 0, 9], 0x82],
  ["PUBACK of one byte", [0x40, 1, 9], 0x81],
  ["PUBACK with a reason code that is none", [0x40, 3, 0, 9, 0x55], 0x81],
  ["PUBREL with bad flags", [0x60, 2, 0, 9], 0x81],
  ["a packet of type 0", [0x00, 0], 0x81],
  ["CONNECT from a server", [0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0], 0x82],
  ["SUBSCRIBE from a server", [0x82, 7, 0, 1, 0, 0, 1, 0x61, 0], 0x82],
  ["PINGREQ from a server", [0xc0, 0], 0x82],
  ["PINGRESP with a body", [0xd0, 1, 0], 0x81],
  ["PUBLISH without a topic's end", [0x30, 3, 0, 9, 0x61], 0x81],
  ["PUBLISH without an identifier", [0x32, 3, 0, 1, 0x61], 0x81],
  ["PUBLISH with identifier 0", [0x32, 6, 0, 1, 0x61, 0, 0, 0], 0x82],
  ["PUBLISH with a wildcard", [0x30, 4, 0, 1, 0x23, 0], 0x82],
  ["PUBLISH with an empty topic", [0x30, 3, 0, 0, 0], 0x82],
  ["PUBLISH with a topic that is not UTF-8", [0x30, 5, 0, 2, 0xc3, 0x28, 0], 0x81],
  ["PUBLISH with an unknown property", [0x30, 6, 0, 1, 0x61, 2, 0x7e, 0], 0x81],
  ["AUTH", [0xf0, 2, 0x18, 0], 0x82],
];

describe("an acknowledgement of MQTT 5 with a code that is not its own", () => {
  const reason = Buffer.concat([Buffer.from([0x1f, 0, 200]), Buffer.alloc(200, "x")]);
  const long = Buffer.concat([Buffer.from([0xcb, 0x01]), reason]);

  test.each([
    ["PUBACK as mosquitto 2.0 sends it", [0x40, 3, 3, 0x4b, 0x95], { type: "puback", id: 0x34b, code: 0x95 }],
    ["PUBREC", [0x50, 3, 0, 9, 0x9a], { type: "pubrec", id: 9, code: 0x9a }],
    ["PUBREL", [0x62, 3, 0, 9, 0x80], { type: "pubrel", id: 9, code: 0x80 }],
    ["PUBCOMP", [0x70, 3, 0, 9, 0xff], { type: "pubcomp", id: 9, code: 0xff }],
    [
      "PUBACK that says more than 127 bytes",
      [0x40, 0xd0, 0x01, 0, 9, 0x95, ...long],
      { type: "puback", id: 9, code: 0x95, reason: "x".repeat(200) },
    ],
  ])("%s: says no from 0x80 on", (_, bytes, packet) => {
    expect(new Decoder(5).decode(Buffer.from(bytes))).toEqual(packet);
  });

  test.each([
    ["a code below 0x80", 5, [0x40, 3, 0, 9, 0x55]],
    ["properties cut off", 5, [0x40, 5, 0, 9, 0x95, 9, 0x1f]],
    ["no code in 3.1.1", 4, [0x40, 3, 0, 9, 0x95]],
  ] as const)("but %s is malformed", (_, version, bytes) => {
    expect(() => new Decoder(version).decode(Buffer.from(bytes))).toThrow(Malformed);
  });
});

describe("a broker that breaks the protocol", () => {
  let server: HostileBroker | undefined;
  afterEach(() => server?.close());

  test.each(VECTORS)(
    "%s: is left with the right code, the rest of its chunk unread",
    async (_, bytes, code) => {
      const good = generate(
        { cmd: "publish", topic: "t", payload: "after", qos: 0, dup: false, retain: false },
        V5,
      );
      server = await HostileBroker.start(Buffer.concat([CONNACK_5, Buffer.from(bytes), good]));
      const { transport } = createTransport();
      const keys = { mqtt_topic: "t", mqtt_subscribe: "t" };
      const link = new TestLink(transport, withMqtt(targetOf(server.port, keys), { version: 5 }));

      expect(await link.closed).toMatchObject({
        type: "failed",
        reason: { layer: "mqtt", code: code === 0x95 ? "mqtt-too-large" : "mqtt-protocol" },
      });
      expect(link.texts).toEqual([]);
      await server.isLeft;
      expect(server.heard.subarray(-4)).toEqual(DISCONNECT(code));
      await transport.close();
    },
  );

  test.each([
    ["Receive Maximum 0", [0x20, 6, 0, 0, 3, 0x21, 0, 0], "mqtt-protocol"],
    ["Receive Maximum twice", [0x20, 9, 0, 0, 6, 0x21, 0, 1, 0x21, 0, 2], "mqtt-protocol"],
    ["a CONNACK of one byte", [0x20, 1, 0], "mqtt-protocol"],
    ["a CONNACK that is cut off after its code", [0x20, 2, 0, 0], "mqtt-protocol"],
    ["a CONNACK with bad flags", [0x20, 3, 0xfe, 0, 0], "mqtt-protocol"],
    ["PUBLISH before CONNACK", [0x30, 4, 0, 1, 0x61, 0], "mqtt-protocol"],
    ["a CONNACK of 3.1.1 that refuses", [0x20, 2, 0, 1], "mqtt-refused"],
    ["not authorized", [0x20, 3, 0, 0x87, 0], "mqtt-auth-failed"],
  ])("%s: never a false success", async (_, bytes, code) => {
    server = await HostileBroker.start(Buffer.from(bytes));
    const { transport } = createTransport();
    const link = new TestLink(transport, withMqtt(targetOf(server.port, {}), { version: 5 }));

    await expect(link.established).rejects.toThrow("closed first");
    expect(await link.closed).toMatchObject({ reason: { code } });
    await transport.close();
  });
});

test("100 000 mutated packets: no throw, a fault or a value for each, little held", () => {
  const random = createSeeded(20_26);
  const started = performance.now();
  let ended = 0;
  let highest = 0;
  for (let round = 0; round < 100_000; ) {
    const version = random() < 0.5 ? 4 : 5;
    const memory = new SessionMemory();
    const session = new MqttSession({ ...SETTINGS, version }, memory);
    const framer = new Framer(SETTINGS.maximumPacketSize);
    const decoder = new Decoder(version);
    const feed = (input: SessionInput): boolean => {
      const outputs = session.handle(input, round);
      for (const output of outputs) if (output.type === "write") encode(output.packet, version);
      return outputs.at(-1)?.type !== "close";
    };
    feed({
      type: "attach",
      member: { id: 1, stream: 1, subscribe: { filter: "#", qos: 2 }, birth: undefined },
    });
    feed({ type: "opened" });
    const read = (bytes: Buffer): boolean => {
      let goesOn = true;
      const fault = framer.push(bytes, (packet) => {
        goesOn = feed(decoded(decoder, packet));
        return goesOn;
      });
      highest = Math.max(highest, framer.held);
      return fault === undefined ? goesOn : feed(fault);
    };
    let isAlive = read(version === 4 ? CONNACK_4 : CONNACK_5);
    feed({
      type: "send",
      message: { ticket: 1, stream: 1, topic: "t", payload: DATA, qos: 1, retain: false },
    });
    feed({
      type: "send",
      message: { ticket: 2, stream: 1, topic: "t", payload: DATA, qos: 2, retain: false },
    });
    for (let count = 0; isAlive && count < 20; count++, round++) {
      isAlive = read(mutate(SEEDS[version][Math.floor(random() * SEEDS[version].length)] ?? DATA, random));
    }
    round += 1;
    if (!isAlive) ended += 1;
  }

  expect(ended).toBeGreaterThan(1000);
  expect(highest).toBeLessThanOrEqual(SETTINGS.maximumPacketSize);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("a conversation cut into single bytes means the same", () => {
  const whole = Buffer.concat([...SEEDS[5], ...SEEDS[5]]);
  const read = (size: number): string[] => {
    const framer = new Framer(SETTINGS.maximumPacketSize);
    const packets: string[] = [];
    for (let at = 0; at < whole.length; at += size) {
      framer.push(whole.subarray(at, at + size), (packet) => packets.push(packet.toString("hex")) > 0);
    }
    return packets;
  };

  const expected = [...SEEDS[5], ...SEEDS[5]].map((packet) => packet.toString("hex"));
  for (const size of [1, 2, 3, 7, 64, whole.length]) expect(read(size)).toEqual(expected);
});

const V5 = { protocolVersion: 5 };
const DATA = Buffer.from("data");
const DISCONNECT = (code: number): Buffer => Buffer.from([0xe0, 2, code, 0]);
const SETTINGS = { ...COMMON, receiveMaximum: 10, maximumPacketSize: 4096 };

const PACKETS: readonly Packet[] = [
  {
    cmd: "connack",
    sessionPresent: false,
    returnCode: 0,
    reasonCode: 0,
    properties: { receiveMaximum: 5, reasonString: "hi" },
  },
  { cmd: "publish", topic: "a/b", payload: "x".repeat(40), qos: 0, dup: false, retain: false },
  { cmd: "publish", topic: "a/b", payload: "x".repeat(400), qos: 1, dup: false, retain: true, messageId: 3 },
  {
    cmd: "publish",
    topic: "a",
    payload: "x",
    qos: 2,
    dup: true,
    retain: false,
    messageId: 4,
    properties: { contentType: "t" },
  },
  { cmd: "puback", messageId: 2, reasonCode: 0 },
  { cmd: "pubrec", messageId: 3, reasonCode: 0x10 },
  { cmd: "pubrel", messageId: 4, reasonCode: 0 },
  { cmd: "pubcomp", messageId: 3, reasonCode: 0 },
  { cmd: "suback", messageId: 1, granted: [1], properties: { reasonString: "ok" } },
  { cmd: "unsuback", messageId: 9, granted: [0] },
  { cmd: "pingresp" },
  { cmd: "disconnect", reasonCode: 0x8b, properties: { reasonString: "bye" } },
];
const SEEDS = {
  4: PACKETS.filter(({ cmd }) => cmd !== "disconnect").map((packet) =>
    generate(packet, { protocolVersion: 4 }),
  ),
  5: PACKETS.map((packet) => generate(packet, V5)),
} as const;

function decoded(decoder: Decoder, bytes: Buffer): SessionInput {
  try {
    return { type: "packet", packet: decoder.decode(bytes) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { type: "malformed", detail: error.message };
  }
}

/** Flips, cuts, repeats and overwrites; one in four stays as it is. */
function mutate(seed: Buffer, random: () => number): Buffer {
  const bytes = Buffer.from(seed);
  const at = Math.floor(random() * bytes.length);
  switch (Math.floor(random() * 8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      return bytes;
    case 1:
      bytes[at] = Math.floor(random() * 256);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 4:
      bytes[1] = Math.floor(random() * 256);
      return bytes;
    case 5:
      if (bytes.length > 3) bytes.writeUInt16BE(Math.floor(random() * 65_536), Math.min(2, bytes.length - 2));
      return bytes;
    default:
      return bytes;
  }
}

/** Answers CONNECT with given bytes and listens until the client has left. */
class HostileBroker {
  heard: Buffer = Buffer.alloc(0);
  readonly isLeft: Promise<void>;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(bytes: Buffer) {
    let left = (): void => {};
    this.isLeft = new Promise((resolve) => {
      left = resolve;
    });
    this.#server = createServer((socket) => {
      this.#sockets.push(socket);
      socket.once("data", () => socket.write(bytes));
      socket.on("data", (chunk) => {
        this.heard = Buffer.concat([this.heard, chunk]);
      });
      socket.on("end", left).on("error", left);
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  static async start(bytes: Buffer): Promise<HostileBroker> {
    const broker = new HostileBroker(bytes);
    await new Promise<void>((resolve) => broker.#server.listen(0, "127.0.0.1", resolve));
    return broker;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
