import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { publishBytes } from "./publish-bytes.ts";

const MESSAGE = {
  type: "publish",
  id: 10,
  topic: "a/b",
  payload: bytes("hi"),
  qos: 1,
  retain: false,
  dup: false,
} as const;

test("writes the bytes of the specification", () => {
  expect(hex(publishBytes(MESSAGE, 4))).toBe("32 09 00 03 61 2f 62 00 0a 68 69");
  expect(hex(publishBytes(MESSAGE, 5))).toBe("32 0a 00 03 61 2f 62 00 0a 00 68 69");
});

test("a message of QoS 0 has no identifier", () => {
  expect(hex(publishBytes({ ...MESSAGE, id: 0, qos: 0 }, 4))).toBe("30 07 00 03 61 2f 62 68 69");
});

test("says what another encoder says, whatever the topic, the length and the flags are", () => {
  const topics = ["t", "plant/roof-3/telemetry", "größe/温度/🌡", "x".repeat(65_535)];
  // Around every length at which the remaining length takes another byte.
  const lengths = [0, 1, 100, 119, 120, 121, 122, 123, 124, 125, 16_374, 16_379, 16_380, 16_384, 2_097_152];
  for (const topic of topics) {
    for (const length of lengths) {
      const payload = Buffer.alloc(length, 0x5a);
      for (const qos of [0, 1, 2] as const) {
        for (const [retain, dup] of [
          [false, false],
          [true, qos > 0],
        ] as const) {
          const id = qos === 0 ? 0 : 0xfffe;
          for (const version of [4, 5] as const) {
            const ours = publishBytes({ type: "publish", id, topic, payload, qos, retain, dup }, version);
            const packet = { cmd: "publish", messageId: id, topic, payload, qos, retain, dup } as const;
            expect(ours.equals(generate(packet, { protocolVersion: version }))).toBe(true);
          }
        }
      }
    }
  }
});

test("keeps no hold on the payload", () => {
  const payload = bytes("hi");
  const packet = publishBytes({ ...MESSAGE, payload }, 4);

  payload.fill(0);

  expect(hex(packet)).toBe("32 09 00 03 61 2f 62 00 0a 68 69");
});

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function hex(packet: Buffer): string {
  return packet.toString("hex").replace(/(..)(?=.)/g, "$1 ");
}
