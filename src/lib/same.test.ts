import { describe, expect, test } from "vitest";
import { isSame } from "./same.ts";

describe("two values", () => {
  test.each([
    [1, 1],
    [undefined, undefined],
    [{ a: [1, { b: "x" }] }, { a: [1, { b: "x" }] }],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 2)],
    [new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])],
  ])("%j and %j are the same", (a, b) => {
    expect(isSame(a, b)).toBe(true);
  });

  test.each([
    [1, 2],
    [1, "1"],
    [{ a: 1 }, undefined],
    [null, { a: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: 1 }, { b: 1 }],
    [Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    ["x", Uint8Array.of(0x78)],
  ])("%j and %j are not", (a, b) => {
    expect(isSame(a, b)).toBe(false);
  });
});
