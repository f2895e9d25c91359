import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, decodeUtf8, encodeUtf8, equalBytes, fromBase64, fromHex, toBase64, toHex } from "./bytes.ts";
import { Malformed } from "./malformed.ts";

const anyBytes = fc.uint8Array({ maxLength: 200 });

describe("bytes", () => {
  test("concat keeps the order of its parts", () => {
    expect(concat([Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)])).toEqual(
      Uint8Array.of(1, 2, 3),
    );
  });

  test("equalBytes compares length and every byte", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1))).toBe(false);
  });
});

describe("hexadecimal", () => {
  test("is the one of Node in both directions", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString("hex"));
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });

  test("refuses half a byte and other characters", () => {
    for (const text of ["a", "0g", "zz", " 00 "]) expect(() => fromHex(text)).toThrow(Malformed);
  });
});

describe("base64", () => {
  test("is the one of Node in both directions", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  test("skips white space and does without padding", () => {
    expect(fromBase64(" aGV\nsbG8\r\n")).toEqual(encodeUtf8("hello"));
    expect(fromBase64("+/+/")).toEqual(Uint8Array.of(0xfb, 0xff, 0xbf));
  });

  test("refuses what is not base64", () => {
    for (const text of ["a", "abcde", "ab-_", "ab=c", "a===", "é234"]) {
      expect(() => fromBase64(text)).toThrow(Malformed);
    }
  });
});

describe("UTF-8", () => {
  test("is the one of Node in both directions", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(encodeUtf8(text)).toEqual(new Uint8Array(Buffer.from(text, "utf8")));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
    for (const text of ["é€😀".repeat(5000), "a".repeat(4096)])
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
  });

  test("writes U+FFFD for a surrogate that stands alone", () => {
    expect(encodeUtf8("\ud800")).toEqual(Uint8Array.of(0xef, 0xbf, 0xbd));
  });

  test("refuses exactly what a strict decoder refuses", () => {
    const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        let wanted: string | undefined;
        try {
          wanted = strict.decode(bytes);
        } catch {
          expect(() => decodeUtf8(bytes)).toThrow(Malformed);
          return;
        }
        expect(decodeUtf8(bytes)).toBe(wanted);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["overlong", [0xc0, 0x80]],
    ["surrogate", [0xed, 0xa0, 0x80]],
    ["above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["cut off", [0xe2, 0x82]],
    ["continuation alone", [0x80]],
    ["five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ["bad continuation", [0xe2, 0x28, 0xa1]],
  ])("refuses: %s", (_, bytes) => {
    expect(() => decodeUtf8(Uint8Array.from(bytes))).toThrow(Malformed);
  });
});
