import { describe, expect, test } from "vitest";
import { GrowingBytes } from "./growing-bytes.ts";

describe("growing bytes", () => {
  test("are nothing before the first piece", () => {
    expect(new GrowingBytes().whole()).toEqual(new Uint8Array());
  });

  test("are all pieces in order, small and large", () => {
    const bytes = new GrowingBytes();
    const expected: number[] = [];
    for (const length of [1, 0, 1023, 1, 5000, 3]) {
      const piece = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
      bytes.add(piece);
      expected.push(...piece);
    }

    expect([...bytes.whole()]).toEqual(expected);
  });

  test("take at most twice their room, in pieces of one byte", () => {
    const bytes = new GrowingBytes();
    for (let count = 0; count < 5000; count++) bytes.add(Uint8Array.of(count & 0xff));

    expect(bytes.whole().length).toBe(5000);
    expect(bytes.whole().buffer.byteLength).toBeLessThanOrEqual(10_000);
  });
});
