import { describe, expect, test } from "vitest";
import { fromHex } from "../../test/ntp/hex.ts";
import { replyTo } from "../../test/ntp/server.ts";
import { Malformed } from "../lib/malformed.ts";
import { SeededRandom } from "../testing/index.ts";
import { decodeReply, encodeRequest, kissCode } from "./packet.ts";
import { between, unixTime } from "./timestamp.ts";

const NONCE = fromHex("0102030405060708");
/** chrony 4.3 with `local stratum 8`, to a request with the nonce 01..08, at 2026-11-26T07:36:16.023Z. */
const CHRONY = fromHex(
  "240800e600000000000000007f7f0101eeb25fee431b93bc0102030405060708eeb25ff005e6928deeb25ff005eaa5b2",
);
const Y2026 = Date.UTC(2026, 0, 1);

describe("a request", () => {
  test("is version 4, mode 3, and nothing but its nonce", () => {
    expect(encodeRequest(NONCE)).toEqual(fromHex(`23${"00".repeat(39)}0102030405060708`));
  });
});

describe("a reply", () => {
  test("of chrony is read to the last bit", () => {
    const reply = decodeReply(CHRONY);

    expect(reply).toEqual({
      leap: 0,
      version: 4,
      mode: 4,
      stratum: 8,
      precision: 1000 / 2 ** 26,
      rootDelay: 0,
      rootDispersion: 0,
      referenceId: fromHex("7f7f0101"),
      reference: { seconds: 0xeeb25fee, fraction: 0x431b93bc },
      originate: NONCE,
      receive: { seconds: 0xeeb25ff0, fraction: 0x05e6928d },
      transmit: { seconds: 0xeeb25ff0, fraction: 0x05eaa5b2 },
      rest: 0,
    });
    expect(new Date(unixTime(reply.transmit, Y2026)).toISOString()).toBe("2026-11-26T07:36:16.023Z");
  });

  test("may be followed by a MAC or extension fields, which are counted and not read", () => {
    const extended = new Uint8Array(68);
    extended.set(CHRONY);

    expect(decodeReply(extended)).toEqual({ ...decodeReply(CHRONY), rest: 20 });
  });

  test.each([0, 1, 47, 49, 50, 1025, 1028, 65_507])("of %i bytes is none", (length) => {
    expect(() => decodeReply(new Uint8Array(length))).toThrow(Malformed);
  });

  test("cut at any byte is none, at a view's offset or not", () => {
    for (let length = 0; length < 48; length++) {
      expect(() => decodeReply(CHRONY.subarray(0, length))).toThrow(Malformed);
    }
    const padded = new Uint8Array(60);
    padded.set(CHRONY, 7);
    expect(decodeReply(padded.subarray(7, 55))).toEqual(decodeReply(CHRONY));
  });

  test("gives back every field that was put into it (property)", () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < 2000; round++) {
      const fields = {
        leap: random.uint16() % 4,
        version: random.uint16() % 8,
        mode: random.uint16() % 8,
        stratum: random.uint16() % 256,
        precision: (random.uint16() % 256) - 128,
        rootDelay: random.uint16(),
        rootDispersion: random.uint16(),
      };
      const reply = decodeReply(replyTo(encodeRequest(NONCE), Y2026 + round, fields));
      expect(reply).toMatchObject({
        leap: fields.leap,
        version: fields.version,
        mode: fields.mode,
        stratum: fields.stratum,
        precision: 1000 * 2 ** fields.precision,
      });
      expect(reply.rootDelay).toBeCloseTo(fields.rootDelay, 1);
      expect(reply.rootDispersion).toBeCloseTo(fields.rootDispersion, 1);
      expect(unixTime(reply.transmit, Y2026)).toBeCloseTo(Y2026 + round, 2);
    }
  });

  test("made of random bytes is malformed or a value, in no time", () => {
    const random = new SeededRandom(4);
    for (let round = 0; round < 10_000; round++) {
      const bytes = random.bytes(random.uint16() % 120);
      try {
        expect(decodeReply(bytes).rest).toBe(bytes.length - 48);
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed);
      }
    }
  });
});

describe("a Kiss-o'-Death", () => {
  test.each([
    ["RATE", "RATE"],
    ["DENY", "DENY"],
    ["ab\n\0", "????"],
  ])("with %j says %s", (referenceId, code) => {
    const reply = decodeReply(replyTo(encodeRequest(NONCE), Y2026, { stratum: 0, referenceId }));

    expect(kissCode(reply)).toBe(code);
  });
});

describe("a timestamp", () => {
  test.each([
    ["2036-02-07T06:28:15.000Z", 0xffff_ffff],
    ["2036-02-07T06:28:16.000Z", 0],
    ["2036-02-07T06:28:17.000Z", 1],
  ])("%s is %i seconds of its era", (iso, seconds) => {
    const wire = (Date.parse(iso) / 1000 + 2_208_988_800) % 2 ** 32;

    expect(wire).toBe(seconds);
    expect(unixTime({ seconds: wire, fraction: 0 }, Y2026)).toBe(Date.parse(iso));
  });

  test("after 2036 is right for a program of before, and the other way round", () => {
    const in2106 = { seconds: (Date.UTC(2106, 1, 7) / 1000 + 2_208_988_800) % 2 ** 32, fraction: 0 };
    const in2035 = { seconds: Date.UTC(2035, 5, 1) / 1000 + 2_208_988_800, fraction: 0 };

    expect(unixTime(in2106, Y2026)).toBe(Date.UTC(2106, 1, 7));
    expect(unixTime(in2035, Y2026)).toBe(Date.UTC(2035, 5, 1));
    expect(unixTime(in2106, Date.UTC(2100, 0, 1))).toBe(Date.UTC(2106, 1, 7));
  });

  test("has fractions of 2^-32 seconds, not of nanoseconds", () => {
    const half = { seconds: 0, fraction: 0x8000_0000 };

    expect(unixTime(half, Y2026) % 1000).toBe(500);
    expect(between({ seconds: 5, fraction: 0x4000_0000 }, { seconds: 7, fraction: 0xc000_0000 })).toBe(2500);
  });

  test("is before another one across the change of the era", () => {
    expect(between({ seconds: 0xffff_ffff, fraction: 0 }, { seconds: 1, fraction: 0 })).toBe(2000);
    expect(between({ seconds: 1, fraction: 0 }, { seconds: 0xffff_ffff, fraction: 0 })).toBe(-2000);
  });
});
