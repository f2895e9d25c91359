import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressBytes, familyOf } from "./address.ts";
import { toHex } from "./bytes.ts";

describe("addressBytes", () => {
  test.each([
    ["192.0.2.255", "00000000000000000000ffffc00002ff"],
    ["0.0.0.0", "00000000000000000000ffff00000000"],
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["2001:db8::A:b", "20010db80000000000000000000a000b"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["1::", "00010000000000000000000000000000"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::2:3:4:5:6:7:8", "00000002000300040005000600070008"],
    ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
    ["64:ff9b::1:192.0.2.1", "0064ff9b000000000000000" + "1c0000201"],
    ["1:2:3:4:5:6:192.0.2.1", "000100020003000400050006c0000201"],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ])("reads %s", (text, hex) => {
    expect(toHex(addressBytes(text) ?? new Uint8Array(0))).toBe(hex);
  });

  test.each([
    ["nothing", ""],
    ["a name", "example.com"],
    ["three numbers", "192.0.2"],
    ["five numbers", "1.2.3.4.5"],
    ["a number above 255", "192.0.2.256"],
    ["a leading zero, which some read as octal", "192.0.02.1"],
    ["a space", "192.0.2.1 "],
    ["an IPv4 zone", "192.0.2.1%eth0"],
    ["seven groups", "1:2:3:4:5:6:7"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["a gap of nothing", "1:2:3:4::5:6:7:8"],
    ["two gaps", "1::2::3"],
    ["three colons", "1:::2"],
    ["one colon", ":"],
    ["a leading colon", ":1:2:3:4:5:6:7"],
    ["five digits", "::12345"],
    ["no hexadecimal", "::g"],
    ["IPv4 in the middle", "::192.0.2.1:1"],
    ["a bad IPv4 at the end", "::192.0.2"],
    ["IPv4 where there is no room", "1:2:3:4:5:6:7:192.0.2.1"],
    ["an empty zone", "fe80::1%"],
    ["a zone alone", "%eth0"],
  ])("refuses %s", (_, text) => {
    expect(addressBytes(text)).toBeUndefined();
    expect(familyOf(text)).toBeUndefined();
  });

  test("takes what Node takes", () => {
    const piece = fc.oneof(
      fc.constantFrom("::", ":", ".", "0", "1", "255", "256", "ffff", "a", "%", "eth0"),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const text = pieces.join("");
        fc.pre(!text.includes("%"));
        expect(familyOf(text) ?? 0).toBe(isIP(text));
      }),
      { numRuns: 3000 },
    );
  });

  test("familyOf tells the families apart", () => {
    expect(familyOf("127.0.0.1")).toBe(4);
    expect(familyOf("fe80::1%lo")).toBe(6);
  });
});
