import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Utf8Pieces } from "./utf8-pieces.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function inPieces(bytes: Uint8Array, cuts: readonly number[]): string {
  const pieces = new Utf8Pieces(decode);
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const texts = edges.slice(1).map((edge, index) => pieces.take(bytes.slice(edges[index], edge)));
  return texts.join("") + pieces.end();
}

describe("UTF-8 in pieces", () => {
  test("gives a character with the piece that completes it", () => {
    const pieces = new Utf8Pieces(decode);

    const told = [[0x61, 0xe2], [0x82], [0xac, 0xf0, 0x9f], [0x98, 0x80, 0x62]].map((piece) =>
      pieces.take(Uint8Array.from(piece)),
    );

    expect(told).toEqual(["a", "", "€", "😀b"]);
    expect(pieces.end()).toBe("");
  });

  test("drops the byte order mark that begins the whole, and no other", () => {
    const mark = [0xef, 0xbb, 0xbf];
    const bytes = Uint8Array.from([...mark, ...mark, 0x61, ...mark, ...mark]);

    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(inPieces(bytes, [cut])).toBe("\ufeffa\ufeff\ufeff");
    }
  });

  test("says at its end that a character was cut off", () => {
    const pieces = new Utf8Pieces(decode);

    expect(pieces.take(Uint8Array.from([0x61, 0xf0, 0x9f]))).toBe("a");

    expect(pieces.end()).toBe("\ufffd");
  });

  test("gives the same as the whole, however ill-formed and wherever it is cut", () => {
    const byte = fc.oneof(
      fc.constantFrom(0x00, 0x61, 0x80, 0x9f, 0xa0, 0xbb, 0xbf, 0xc0, 0xc3, 0xe0, 0xe2, 0xed, 0xef),
      fc.constantFrom(0xf0, 0xf4, 0xf5, 0xf8, 0xff),
      fc.integer({ min: 0, max: 0xff }),
    );
    const piece = fc.oneof(
      fc.array(byte, { maxLength: 4 }),
      fc.constantFrom([0xef, 0xbb, 0xbf], [0xe2, 0x82, 0xac], [0xf0, 0x9f, 0x98, 0x80]),
    );

    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(40), { maxLength: 8 }), (parts, at) => {
        const bytes = Uint8Array.from(parts.flat());
        const cuts = at.map((each) => Math.min(each, bytes.length));
        expect(inPieces(bytes, cuts)).toBe(decode(bytes));
        expect(
          inPieces(
            bytes,
            Array.from(bytes, (_, index) => index),
          ),
        ).toBe(decode(bytes));
      }),
      { numRuns: 5000 },
    );
  });
});
