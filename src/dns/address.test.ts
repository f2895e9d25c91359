import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressFamily, formatIpv6, mapped, parseIpv4, parseIpv6, reverseName } from "./address.ts";

describe("an address", () => {
  test("of four is dotted decimal without leading zeros", () => {
    expect(parseIpv4("192.0.2.1")).toEqual(Uint8Array.of(192, 0, 2, 1));
    for (const text of [
      "192.0.2",
      "192.0.2.256",
      "192.0.2.01",
      "192.0.2.1.",
      "0x7f.0.0.1",
      "1.2.3.4.5",
      "1111.2.3.4",
    ]) {
      expect(parseIpv4(text)).toBeUndefined();
    }
  });

  test("of six does not end in what is no address of four", () => {
    expect(parseIpv6("::ffff:192.0.2.1")).toHaveLength(16);
    expect(parseIpv6("::ffff:192.0.2.256")).toBeUndefined();
    expect(parseIpv6("::192.0.2")).toBeUndefined();
  });

  test("of six is what Node takes for one", () => {
    const part = fc.constantFrom("0", "1", "ffff", "2001", "db8", "", ":", "1.2.3.4", "g", "12345");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
        const text = parts.join(":");
        expect(parseIpv6(text) !== undefined).toBe(isIP(text) === 6);
      }),
      { numRuns: 3000 },
    );
    for (const text of ["::1.2.3.999", "::1.2.3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:1.2.3.4", "1::2::3"]) {
      expect(parseIpv6(text), text).toBeUndefined();
    }
  });

  test("of six is written as RFC 5952 asks", () => {
    for (const [text, canonical] of [
      ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["0:0:0:0:0:0:0:0", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
      ["fe80::1:2:3:4", "fe80::1:2:3:4"],
      ["2001:db8::192.0.2.1", "2001:db8::c000:201"],
    ] as const) {
      expect(formatIpv6(parseIpv6(text) as Uint8Array)).toBe(canonical);
    }
  });

  test("round trips", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseIpv6(formatIpv6(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    ["192.0.2.1", 4],
    ["::1", 6],
    ["fe80::1%eth0", 6],
    ["fe80::1%", 0],
    ["1.2.3", 0],
    ["a:b", 0],
    ["example", 0],
    ["", 0],
    ["1.2.3.4.example9", 0],
  ] as const)("%j is of family %d", (text, family) => {
    expect(addressFamily(text)).toBe(family);
  });

  test("may be carried over IPv6", () => {
    expect(mapped("192.0.2.1")).toBe("::ffff:192.0.2.1");
    expect(mapped("2001:db8::1")).toBe("2001:db8::1");
  });

  test("has a name for its PTR record", () => {
    expect(reverseName("192.0.2.1")).toBe("1.2.0.192.in-addr.arpa");
    expect(reverseName("2001:db8::1")).toBe(
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
    );
    expect(reverseName("www.example")).toBeUndefined();
  });
});
