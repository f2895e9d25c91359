import { describe, expect, test } from "vitest";
import { parseType, typeName, typeNumber } from "./type.ts";

describe("a record type", () => {
  test.each([
    ["a", "A", 1],
    ["AAAA", "AAAA", 28],
    ["https", "HTTPS", 65],
    ["TYPE65280", "TYPE65280", 65_280],
    ["type1", "A", 1],
    ["TYPE257", "CAA", 257],
  ] as const)("%s is %s, on the wire %d", (text, type, number) => {
    expect(parseType(text)).toBe(type);
    expect(typeNumber(type)).toBe(number);
    expect(typeName(number)).toBe(type);
  });

  test.each(["", "B", "TYPE", "TYPE0", "TYPE65536", "TYPE123456", "constructor", "A "])(
    "%j is none",
    (text) => {
      expect(parseType(text)).toBeUndefined();
    },
  );
});
