import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, encodeUtf8, fromHex, toHex } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import {
  broadcastOf,
  ipv4Bytes,
  ipv4Number,
  ipv4Of,
  isHost,
  isWithin,
  networkOf,
  parseIpv4,
  prefixLengthOf,
  readIpv4,
} from "./address.ts";
import { decodeArp, encodeArp } from "./arp.ts";
import { readClasslessRoutes } from "./classless-routes.ts";
import { clientId } from "./client-id.ts";
import { readDomainSearch, readFqdn } from "./domain-search.ts";
import { type Captured, decodeDatagram, encodeDatagram } from "./frame.ts";
import { decodeMessage, encodeMessage, type Fields, type Message } from "./message.ts";
import { readAreas, writeOptions } from "./option-area.ts";
import { hasRightLength } from "./option-code.ts";
import { isDomain, isPlain, isUri, safeText } from "./text.ts";

const MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
const address = fc.integer({ min: 0, max: 0xffffffff }).map(ipv4Of);

describe("an IPv4 address", () => {
  test.each(["0.0.0.0", "255.255.255.255", "192.0.2.1", "10.200.9.199"])(
    "is read from its canonical text: %s",
    (text) => {
      expect(parseIpv4(text)).toBe(text);
      expect(readIpv4(ipv4Bytes(text))).toBe(text);
      expect(ipv4Of(ipv4Number(text))).toBe(text);
    },
  );

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.",
    "1.2.3.4.5",
    "01.2.3.4",
    "256.1.1.1",
    "1.2.3.4 ",
    "a.b.c.d",
    "::1",
    "1..2.3",
  ])("is not read from other text: %s", (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });

  test("lies in a prefix with a first and a last address", () => {
    expect(networkOf("192.0.2.77", 26)).toBe("192.0.2.64");
    expect(broadcastOf("192.0.2.77", 26)).toBe("192.0.2.127");
    expect(networkOf("192.0.2.77", 0)).toBe("0.0.0.0");
    expect(broadcastOf("192.0.2.77", 32)).toBe("192.0.2.77");
    expect(isWithin("192.0.2.77", "192.0.2.64", 26)).toBe(true);
    expect(isWithin("192.0.2.128", "192.0.2.64", 26)).toBe(false);
  });

  test.each([
    ["255.255.255.0", 24],
    ["255.255.255.255", 32],
    ["0.0.0.0", 0],
    ["128.0.0.0", 1],
    ["255.255.254.0", 23],
    ["255.0.255.0", undefined],
    ["0.0.0.255", undefined],
    ["255.255.255.1", undefined],
  ])("is a mask when its ones are contiguous: %s is %s", (mask, length) => {
    expect(prefixLengthOf(mask)).toBe(length);
  });

  test.each([
    ["192.0.2.1", true],
    ["223.255.255.255", true],
    ["0.0.0.0", false],
    ["0.1.2.3", false],
    ["127.0.0.66", false],
    ["224.0.0.1", false],
    ["240.0.0.1", false],
    ["255.255.255.255", false],
  ])("may be a host's: %s %s", (text, expected) => {
    expect(isHost(text)).toBe(expected);
  });
});

describe("text from the network", () => {
  test("is printed without control characters, and each escape can be told from what it escapes", () => {
    const text = safeText(encodeUtf8('a\u001b[2J\n\\x é"\u007f\0\0'));

    expect(text).toBe('a\\x1b[2J\\x0a\\\\x \\xc3\\xa9"\\x7f');
  });

  test("is printable whatever it is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), (bytes) => {
        expect(safeText(bytes)).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });

  test("is plain when nothing needs an escape", () => {
    expect(isPlain(encodeUtf8("host-1\0"))).toBe(true);
    expect(isPlain(encodeUtf8("host\n"))).toBe(false);
    expect(isPlain(encodeUtf8("h\u00f6st"))).toBe(false);
  });

  test.each(["a", "example.test", "example.test.", "_tcp.a", `${"a".repeat(63)}.b`, "1.2.3.4"])(
    "is a domain: %s",
    (text) => {
      expect(isDomain(text)).toBe(true);
    },
  );

  test.each([
    "",
    ".",
    "a..b",
    "-a",
    "a b",
    "$(reboot)",
    "a;b",
    "a\n",
    "`x`",
    "a'b",
    "a".repeat(64),
    "a.".repeat(127),
  ])("is no domain: %j", (text) => {
    expect(isDomain(text)).toBe(false);
  });

  test.each([
    ["https://portal.test/api?x=%20", true],
    ["urn:ietf:params:capport:unrestricted", true],
    ["http://x/`reboot`", false],
    ["http://x/ y", false],
    ['http://x/"', false],
    ["http://x/%2", false],
    ["x", false],
    ["http:", false],
  ])("is a URI by its characters: %s %s", (text, expected) => {
    expect(isUri(text)).toBe(expected);
  });
});

/** Made by hand after RFC 791 and RFC 768; the sums were worked out with another program (Python). */
const GOLDEN_PACKET = fromHex("45c000240000400040117808c0000201ffffffff004300440010f83148656c6c6f212121");

describe("a UDP datagram in an IPv4 packet", () => {
  const datagram = {
    source: "192.0.2.1",
    destination: "255.255.255.255",
    sourcePort: 67,
    destinationPort: 68,
    payload: encodeUtf8("Hello!!!"),
  };

  test("has the bytes of RFC 791 and RFC 768", () => {
    expect(toHex(encodeDatagram(datagram))).toBe(toHex(GOLDEN_PACKET));
    expect(decode(GOLDEN_PACKET)).toEqual(datagram);
  });

  test("comes back as it went in, whatever the length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), address, address, (payload, source, destination) => {
        const one = { source, destination, sourcePort: 68, destinationPort: 67, payload };

        expect(decode(encodeDatagram(one))).toEqual(one);
      }),
    );
  });

  test("is read behind IP options and before the padding of the frame", () => {
    const options = withHeader(GOLDEN_PACKET, (header) => concat([header, new Uint8Array(40).fill(1)]));

    expect(decode(concat([options, new Uint8Array(9)]))).toEqual(datagram);
  });

  test("without a checksum is taken, one of 0 is sent as 0xffff", () => {
    const packet = edit(GOLDEN_PACKET, 26, [0, 0]);
    expect(decode(packet)).toEqual(datagram);

    const zero = encodeDatagram({ ...datagram, payload: payloadOfSumZero(datagram) });
    expect([zero[26], zero[27]]).toEqual([0xff, 0xff]);
    expect(decode(zero).payload).toEqual(payloadOfSumZero(datagram));
  });

  test("with a partial checksum carries the sum of the pseudo-header, not complemented", () => {
    // 0xc000 + 0x0201 + 0xffff + 0xffff + 17 + 16, folded.
    const packet = edit(GOLDEN_PACKET, 26, [0xc2, 0x22]);

    expect(decode(packet, { checksum: "partial" })).toEqual(datagram);
    expect(() => decode(packet)).toThrow("The UDP checksum is wrong");
    expect(() => decode(GOLDEN_PACKET, { checksum: "partial" })).toThrow("The UDP checksum is wrong");
    expect(() => decode(edit(GOLDEN_PACKET, 26, [0, 0]), { checksum: "partial" })).toThrow(Malformed);
  });

  test("is taken with a priority tag and not from another VLAN", () => {
    expect(decode(GOLDEN_PACKET, { vlan: 0 })).toEqual(datagram);
    expect(() => decode(GOLDEN_PACKET, { vlan: 5 })).toThrow("The frame belongs to VLAN 5");
  });

  test.each<[string, Uint8Array, string]>([
    ["empty", new Uint8Array(0), "The IP header is cut off"],
    ["IPv6", edit(GOLDEN_PACKET, 0, [0x65]), "The packet is not IPv4"],
    ["a header of 16 bytes", edit(GOLDEN_PACKET, 0, [0x44]), "The IP header length is impossible"],
    ["a header longer than the packet", edit(GOLDEN_PACKET, 0, [0x4f]), "The IP header length is impossible"],
    ["more fragments", resum(edit(GOLDEN_PACKET, 6, [0x20])), "The packet is a fragment"],
    ["a later fragment", resum(edit(GOLDEN_PACKET, 7, [0x01])), "The packet is a fragment"],
    ["TCP", resum(edit(GOLDEN_PACKET, 9, [6])), "The packet is not UDP"],
    [
      "a total length beyond the end",
      resum(edit(GOLDEN_PACKET, 3, [37])),
      "The IP total length runs past the end",
    ],
    ["a wrong header sum", edit(GOLDEN_PACKET, 10, [0]), "The IP checksum is wrong"],
    ["no room for UDP", resum(edit(GOLDEN_PACKET, 3, [27])), "The UDP header is cut off"],
    ["UDP length 7", edit(GOLDEN_PACKET, 25, [7]), "The UDP length 7 is impossible"],
    ["UDP length 0", edit(GOLDEN_PACKET, 25, [0]), "The UDP length 0 is impossible"],
    ["UDP length 17", edit(GOLDEN_PACKET, 25, [17]), "The UDP length 17 is impossible"],
    ["a wrong payload", edit(GOLDEN_PACKET, 30, [0]), "The UDP checksum is wrong"],
  ])("is refused: %s", (_, bytes, why) => {
    expect(() => decode(bytes)).toThrow(why);
    expect(() => decode(bytes)).toThrow(Malformed);
  });

  test("is refused at every cut", () => {
    for (let length = 0; length < GOLDEN_PACKET.length; length++) {
      expect(() => decode(GOLDEN_PACKET.subarray(0, length)), `${length} bytes`).toThrow(Malformed);
    }
  });
});

describe("an ARP packet", () => {
  /** A probe as RFC 5227, 2.1.1 has it, in the form of RFC 826. */
  const PROBE = "000108000604000102000000000a00000000000000000000c0000264";
  const probe = {
    operation: "request",
    senderHardware: MAC,
    sender: "0.0.0.0",
    targetHardware: new Uint8Array(6),
    target: "192.0.2.100",
  } as const;

  test("has the bytes of RFC 826", () => {
    expect(toHex(encodeArp(probe))).toBe(PROBE);
    expect(decodeArp(fromHex(PROBE))).toEqual(probe);
    expect(decodeArp(encodeArp({ ...probe, operation: "reply" })).operation).toBe("reply");
  });

  test("may be padded, and is refused at every cut", () => {
    const bytes = fromHex(PROBE);

    expect(decodeArp(concat([bytes, new Uint8Array(18)]))).toEqual(probe);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeArp(bytes.subarray(0, length))).toThrow(Malformed);
    }
  });

  test("is refused where it is not for IPv4 on Ethernet, or of another operation", () => {
    const bytes = fromHex(PROBE);

    expect(() => decodeArp(edit(bytes, 1, [6]))).toThrow("Not ARP for IPv4 on Ethernet");
    expect(() => decodeArp(edit(bytes, 4, [8]))).toThrow(Malformed);
    expect(() => decodeArp(edit(bytes, 7, [3]))).toThrow("The ARP operation 3 is unknown");
    expect(() => decodeArp(edit(bytes, 6, [1]))).toThrow(Malformed);
  });
});

/** DHCPDISCOVER, laid out by hand after RFC 2131, figure 1 and table 1; 300 bytes. */
const GOLDEN_DISCOVER =
  "01010600" + // op, htype, hlen, hops
  "12345678" + // xid
  "00038000" + // secs 3, broadcast flag
  "00000000".repeat(4) + // ciaddr, yiaddr, siaddr, giaddr
  "02000000000a" + // chaddr
  "00".repeat(10 + 64 + 128) +
  "63825363" + // magic cookie
  "350101" + // 53: DISCOVER
  "3d070102000000000a" + // 61
  "ff" +
  "00".repeat(47);

describe("a BOOTP message", () => {
  const discover: Fields = {
    op: "request",
    xid: 0x12345678,
    secs: 3,
    isBroadcast: true,
    chaddr: MAC,
    options: new Map([
      [53, Uint8Array.of(1)],
      [61, Uint8Array.of(1, ...MAC)],
    ]),
  };

  test("has the bytes of RFC 2131", () => {
    expect(toHex(encodeMessage(discover))).toBe(GOLDEN_DISCOVER);
    expect(decodeMessage(fromHex(GOLDEN_DISCOVER))).toEqual({
      ...discover,
      ciaddr: "0.0.0.0",
      yiaddr: "0.0.0.0",
      siaddr: "0.0.0.0",
      giaddr: "0.0.0.0",
      hasRest: false,
    });
  });

  test("comes back as it went in", () => {
    const options = fc
      .array(
        fc.tuple(
          fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52),
          fc.uint8Array({ maxLength: 700 }),
        ),
        { maxLength: 6 },
      )
      .map((all) => new Map(all));
    const message: fc.Arbitrary<Message> = fc.record({
      op: fc.constantFrom("request", "reply"),
      xid: fc.integer({ min: 0, max: 0xffffffff }),
      secs: fc.integer({ min: 0, max: 0xffff }),
      isBroadcast: fc.boolean(),
      ciaddr: address,
      yiaddr: address,
      siaddr: address,
      giaddr: address,
      chaddr: fc.uint8Array({ minLength: 6, maxLength: 6 }),
      options,
      hasRest: fc.constant(false),
    });
    fc.assert(
      fc.property(message, (one) => {
        expect(decodeMessage(encodeMessage(one))).toEqual(one);
      }),
    );
  });

  test("is refused at every cut before the end of its options", () => {
    const bytes = fromHex(GOLDEN_DISCOVER);

    for (let length = 0; length < bytes.length - 47; length++) {
      expect(() => decodeMessage(bytes.subarray(0, length)), `${length} bytes`).toThrow(Malformed);
    }
    for (let length = bytes.length - 47; length <= bytes.length; length++) {
      expect(decodeMessage(bytes.subarray(0, length)).xid).toBe(0x12345678);
    }
  });

  test.each<[string, number, number[], string]>([
    ["another cookie", 236, [0x63, 0x82, 0x53, 0x64], "The magic cookie is wrong"],
    ["no cookie", 236, [0, 0, 0, 0], "The magic cookie is wrong"],
    ["operation 0", 0, [0], "The operation 0 is unknown"],
    ["operation 3", 0, [3], "The operation 3 is unknown"],
    ["Infiniband", 1, [32], "Not for Ethernet"],
    ["a hardware address of 16 bytes", 2, [16], "Not for Ethernet"],
  ])("is refused: %s", (_, at, value, why) => {
    expect(() => decodeMessage(edit(fromHex(GOLDEN_DISCOVER), at, value))).toThrow(why);
  });
});

describe("options", () => {
  const none = { file: new Uint8Array(0), sname: new Uint8Array(0) };
  const read = (hex: string, file = "", sname = "") =>
    readAreas({ options: fromHex(hex), file: fromHex(file), sname: fromHex(sname) });

  test("longer than 255 bytes are split and joined again (RFC 3396)", () => {
    const value = Uint8Array.from({ length: 600 }, (_, index) => index & 0xff);
    const bytes = writeOptions([[121, value]]);

    expect(bytes.length).toBe(600 + 3 * 2 + 1);
    expect([bytes[1], bytes[258], bytes[515]]).toEqual([255, 255, 90]);
    expect(readAreas({ options: bytes, ...none }).options).toEqual(new Map([[121, value]]));
  });

  test("of exactly 255 and 510 bytes leave no empty part behind", () => {
    for (const length of [255, 510]) {
      const bytes = writeOptions([[43, new Uint8Array(length)]]);
      expect(bytes.length).toBe(length + (length / 255) * 2 + 1);
    }
    expect(toHex(writeOptions([[80, new Uint8Array(0)]]))).toBe("5000ff");
  });

  test("of one code in several places are joined in the order options, file, sname", () => {
    const { options } = read("340103" + "0c0141" + "00" + "0c0142" + "ff", "0c0143ff", "0c0144ff");

    expect(options.get(12)).toEqual(encodeUtf8("ABCD"));
    expect(options.has(52)).toBe(false);
  });

  test("stand in file or sname alone where option 52 says so", () => {
    expect(read("340101ff", "0c0141ff", "").options).toEqual(new Map([[12, encodeUtf8("A")]]));
    expect(read("340102ff", "", "0c0141ff").options).toEqual(new Map([[12, encodeUtf8("A")]]));
    expect(read("ff", "0c0141ff", "0c0141ff").options).toEqual(new Map());
  });

  test("tell of what follows their end", () => {
    expect(read("ff0000").hasRest).toBe(false);
    expect(read("ff0001").hasRest).toBe(true);
    expect(read("340103ff", "ff01", "ff00").hasRest).toBe(true);
    expect(read("340103ff", "ff00", "ff0001").hasRest).toBe(true);
  });

  test.each<[string, string, string, string]>([
    ["no end", "350102", "", "The options have no end"],
    ["nothing", "", "", "The options have no end"],
    ["no length", "35", "", "Option 53 is cut off"],
    ["a length past the end", "3505ff", "", "Option 53 is cut off"],
    ["overload of no bytes", "3400ff", "", "Option overload is not 1, 2 or 3"],
    ["overload of two bytes", "34020101ff", "", "Option overload is not 1, 2 or 3"],
    ["overload 0", "340100ff", "", "Option overload is not 1, 2 or 3"],
    ["overload 255", "3401ffff", "", "Option overload is not 1, 2 or 3"],
    [
      "overload in an overloaded field",
      "340101ff",
      "340101ff",
      "Option overload stands in an overloaded field",
    ],
    ["an overloaded field without an end", "340101ff", "0c0141", "The options have no end"],
  ])("are refused: %s", (_, options, file, why) => {
    expect(() => read(options, file)).toThrow(why);
  });

  test.each<[number, number, boolean]>([
    [1, 4, true],
    [1, 5, false],
    [1, 255, false],
    [6, 8, true],
    [6, 3, false],
    [6, 0, false],
    [12, 1, true],
    [12, 0, false],
    [25, 3, false],
    [33, 8, true],
    [33, 4, false],
    [68, 0, true],
    [80, 0, true],
    [80, 1, false],
    [212, 22, true],
    [212, 26, true],
    [212, 4, false],
    [212, 255, false],
    [224, 77, true],
  ])("have the length of their definition: option %i of %i bytes is %s", (code, length, expected) => {
    expect(hasRightLength(code, length)).toBe(expected);
  });
});

describe("search domains", () => {
  test("are those of the example of RFC 3397, section 2", () => {
    // "eng.apple.com." and "marketing.apple.com.", the second with a pointer to offset 4.
    const bytes = fromHex("03656e67056170706c6503636f6d00" + "096d61726b6574696e67c004");

    expect(readDomainSearch(bytes)).toEqual(["eng.apple.com", "marketing.apple.com"]);
  });

  test("are in lower case, one after the other", () => {
    expect(readDomainSearch(fromHex("014100" + "014200" + "c000"))).toEqual(["a", "b", "a"]);
  });

  test.each<[string, string, string]>([
    ["a pointer to itself", "c000", "A pointer does not go backwards"],
    ["a pointer forwards", "c00201610000", "A pointer does not go backwards"],
    ["a pointer into its own name", "0161c000", "A pointer does not go backwards"],
    ["two that lead to one another", "0161c0040162c000", "A pointer does not go backwards"],
    ["a pointer of one byte", "016100c0", "A pointer is cut off"],
    ["no end", "0161", "A search domain is cut off"],
    ["a label past the end", "056100", "A search domain is too long"],
    ["nothing after a label", "016101", "A search domain is too long"],
    ["a reserved label", "4161", "A label has a reserved type"],
    ["the root", "00", "A search domain is no domain"],
    ["a space", "03612062" + "00", "A search domain is no domain"],
    ["a shell's word", "0324286200", "A search domain is no domain"],
  ])("are refused: %s", (_, hex, why) => {
    expect(() => readDomainSearch(fromHex(hex))).toThrow(why);
  });

  test("are bounded: by length, and by number", () => {
    const label = `3f${"61".repeat(63)}`;

    expect(() => readDomainSearch(fromHex(`${label.repeat(4)}00`))).toThrow("A search domain is too long");
    expect(() => readDomainSearch(fromHex(`016100${"c000".repeat(40)}`))).toThrow(
      "More than 32 search domains",
    );
    expect(() => readDomainSearch(fromHex("0161000261"))).toThrow(Malformed);
  });

  test("end where nothing follows the last label", () => {
    expect(() => readDomainSearch(fromHex("01610162"))).toThrow(Malformed);
    expect(() => readDomainSearch(fromHex("0161c0"))).toThrow(Malformed);
  });
});

describe("the full name of a host (option 81)", () => {
  test("is text or wire form by its flag", () => {
    expect(readFqdn(fromHex("000000" + "612e62"))).toBe("a.b");
    expect(readFqdn(fromHex("040000" + "01610162" + "00"))).toBe("a.b");
    expect(readFqdn(fromHex("040000" + "01610162"))).toBe("a.b");
    expect(readFqdn(fromHex("040000"))).toBeUndefined();
  });

  test.each([
    ["a label of 64 bytes", `040000${"40"}${"61".repeat(64)}00`],
    ["a label of 64 letters", `000000${"61".repeat(64)}`],
    ["something after the name", "040000" + "0161000161" + "00"],
    ["a pointer", "040000" + "c00000"],
    ["a shell's word", "000000" + "24286229"],
  ])("is refused: %s", (_, hex) => {
    expect(() => readFqdn(fromHex(hex))).toThrow(Malformed);
  });
});

describe("classless routes", () => {
  test("are those of the table of RFC 3442", () => {
    const routers = "0a000001";
    const bytes = fromHex(
      ["00", "080a", "180a0000", "100a11", "180a1b81", "190a229d80", "200a0000fe"]
        .map((destination) => destination + routers)
        .join(""),
    );

    expect(readClasslessRoutes(bytes).map((each) => `${each.destination}/${each.prefixLength}`)).toEqual([
      "0.0.0.0/0",
      "10.0.0.0/8",
      "10.0.0.0/24",
      "10.17.0.0/16",
      "10.27.129.0/24",
      "10.34.157.128/25",
      "10.0.0.254/32",
    ]);
  });

  test("have no bits beyond their prefix, and no gateway where the router is 0", () => {
    expect(readClasslessRoutes(fromHex("09" + "0aff" + "00000000"))).toEqual([
      { destination: "10.128.0.0", prefixLength: 9, gateway: undefined },
    ]);
  });

  test.each<[string, string, string]>([
    ["a prefix of 33 bits", "21c000020001c0000201", "A route has a prefix of 33 bits"],
    ["a cut", "180a00000a0000", "A route is cut off"],
    ["a router that is no host", "18c00002" + "e0000001", 'A route leads over "224.0.0.1"'],
    ["too many", "00c0000201".repeat(65), "More than 64 routes"],
  ])("are refused: %s", (_, hex, why) => {
    expect(() => readClasslessRoutes(fromHex(hex))).toThrow(why);
  });
});

describe("a client identifier", () => {
  test.each<[string, Parameters<typeof clientId>[0], string]>([
    ["DUID-LL with IAID (RFC 4361)", { type: "duid" }, "ff0000000a0003000102000000000a"],
    [
      "DUID-UUID (RFC 6355)",
      { type: "uuid", uuid: new Uint8Array(16).fill(0x11) },
      `ff0000000a0004${"11".repeat(16)}`,
    ],
    ["hardware type and address (RFC 2132)", { type: "mac" }, "0102000000000a"],
    ["given bytes", { type: "given", bytes: Uint8Array.of(0, 1, 2) }, "000102"],
  ])("is %s", (_, choice, hex) => {
    expect(toHex(clientId(choice, MAC))).toBe(hex);
  });
});

function decode(bytes: Uint8Array, rest: Partial<Captured> = {}): ReturnType<typeof decodeDatagram> {
  return decodeDatagram({ bytes, checksum: "full", vlan: undefined, ...rest });
}

function edit(bytes: Uint8Array, at: number, value: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(value, at);
  return copy;
}

/** The same packet with the right header checksum. */
function resum(packet: Uint8Array): Uint8Array {
  return withHeader(packet, (header) => header);
}

/** Replaces the IP header, and mends its lengths and checksum; the UDP part stays. */
function withHeader(packet: Uint8Array, change: (header: Uint8Array) => Uint8Array): Uint8Array {
  const header = change(packet.slice(0, 20)).slice();
  const grown = header.length - 20;
  header[0] = 0x40 | (header.length / 4);
  header[3] = Number(header[3]) + grown;
  header[10] = 0;
  header[11] = 0;
  let sum = 0;
  for (let index = 0; index < header.length; index += 2) {
    sum += (Number(header[index]) << 8) | Number(header[index + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  header[10] = (~sum >> 8) & 0xff;
  header[11] = ~sum & 0xff;
  return concat([header, packet.subarray(20)]);
}

/** Two bytes that make the sum of the datagram 0xffff without a checksum. */
function payloadOfSumZero(datagram: Parameters<typeof encodeDatagram>[0]): Uint8Array {
  const packet = encodeDatagram({ ...datagram, payload: new Uint8Array(2) });
  return packet.slice(26, 28);
}
