import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Malformed } from "../lib/malformed.ts";
import { isHostname, isWithin, labels, NameReader, parseName, toWire, writeName } from "./name.ts";

describe("a name", () => {
  test.each([
    ["www.example", "www.example"],
    ["WWW.Example.", "www.example"],
    [".", "."],
    ["a\\.b.example", "a\\.b.example"],
    ["a\\046b", "a\\.b"],
    ["\\065", "a"],
    ["a\\000b", "a\\000b"],
    ["a b", "a\\032b"],
    ["\\\\", "\\\\"],
    ["*.example", "*.example"],
    ["a".repeat(63), "a".repeat(63)],
  ])("DNS-10 %j is %j", (text, name) => {
    expect(parseName(text)).toBe(name);
    expect(parseName(name)).toBe(name);
  });

  test.each([
    "",
    "..",
    "a..b",
    ".a",
    "a".repeat(64),
    "\\256",
    "\\12",
    "a\\",
    "é",
    "\\é",
    `${"a.".repeat(127)}a`,
  ])("DNS-10 %j is none", (text) => {
    expect(parseName(text)).toBeUndefined();
  });

  test("DNS-10 has at most 255 bytes with the root's", () => {
    const longest = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

    expect(toWire(longest)?.length).toBe(255);
    expect(parseName(longest)).toBe(longest);
    expect(parseName(`${longest}d`)).toBeUndefined();
    expect(parseName(`${longest}.`)).toBe(longest);
    expect(parseName(`${longest}.e`)).toBeUndefined();
    expect(parseName("a.".repeat(127))).toBe("a.".repeat(127).slice(0, -1));
  });

  test("DNS-10 escapes round trip for any bytes", () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (parts) => {
        const wire = Uint8Array.from([...parts.flatMap((part) => [part.length, ...part]), 0]);
        const name = new NameReader(wire).read(0);

        expect(parseName(name)).toBe(name);
        expect(labels(name).length).toBe(parts.length);
        expect(new NameReader(toWire(name) as Uint8Array).read(0)).toBe(name);
      }),
    );
  });

  test.each(["a b.example", "a\\.b", "a\\000", "-o.example", "a.-b", "é", "*.example", ".", "a\\255.b"])(
    "DNS-10 %j is no host's name",
    (name) => {
      expect(isHostname(name)).toBe(false);
    },
  );

  test.each(["a", "a-b.example", "_dmarc.example", "1.2", "a--b-.c"])("%j may be a host's name", (name) => {
    expect(isHostname(name)).toBe(true);
  });

  test("knows its labels and what it is below", () => {
    expect(labels(".")).toEqual([]);
    expect(labels("a\\.b.c\\\\.d")).toEqual(["a\\.b", "c\\\\", "d"]);
    expect(isWithin("a.example", "example")).toBe(true);
    expect(isWithin("example", "example")).toBe(true);
    expect(isWithin("a", ".")).toBe(true);
    expect(isWithin("badexample", "example")).toBe(false);
    expect(isWithin("a\\.example", "example")).toBe(false);
    expect(isWithin("a\\\\.example", "example")).toBe(true);
  });

  test("is not written where there is no room", () => {
    expect(writeName(".", new Uint8Array(0), 0)).toBeUndefined();
    expect(writeName("ab", new Uint8Array(3), 0)).toBeUndefined();
    expect(writeName("a.b", new Uint8Array(2), 0)).toBeUndefined();
    expect(writeName("a.b", new Uint8Array(4), 0)).toBeUndefined();
    expect(writeName("a.", new Uint8Array(2), 0)).toBeUndefined();
    expect(writeName("a", new Uint8Array(3), 0)).toBe(3);
  });

  test("DNS-11 follows as many pointers as a name can have labels, and no more", () => {
    const bytes = new Uint8Array(300);
    for (let index = 1; index < 140; index++) {
      bytes[index * 2] = 0xc0;
      bytes[index * 2 + 1] = (index - 1) * 2;
    }

    expect(new NameReader(bytes.slice()).read(126 * 2)).toBe(".");
    expect(() => new NameReader(bytes.slice()).read(127 * 2)).toThrow(Malformed);
  });

  test("DNS-11 jumps only before the part it is in", () => {
    const bytes = Uint8Array.of(1, 0x61, 0, 1, 0x62, 0xc0, 0, 1, 0x63, 0xc0, 3);
    const reader = new NameReader(bytes);

    expect(reader.read(7)).toBe("c.b.a");
    expect(reader.end).toBe(11);
    expect(() => new NameReader(Uint8Array.of(1, 0x61, 0xc0, 0)).read(0)).toThrow(Malformed);
    expect(() => new NameReader(Uint8Array.of(0xc0)).read(0)).toThrow(Malformed);
  });
});
