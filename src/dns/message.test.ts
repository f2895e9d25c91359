import { type Answer as PacketAnswer, decode as packetDecode, encode as packetEncode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EMPTY } from "../../test/dns/responder.ts";
import { FIVE, RECORDS, SEEDS } from "../../test/dns/seeds.ts";
import { fromHex, toHex } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";

/** Header of a response with one question `a` of type A; counts follow. */
const HEAD = (counts: string): string => `0001 8180 0001 ${counts} 0161 00 0001 0001`;

describe("a message", () => {
  test("golden: the query of RFC 1035's form for www.example A", () => {
    const message = { ...EMPTY, id: 0x1234, isResponse: false, recursionAvailable: false };

    const bytes = encodeMessage({ ...message, question: { name: "www.example", type: "A" } });

    expect(toHex(bytes)).toBe("12340100000100000000000003777777076578616d706c650000010001");
  });

  test("golden: an answer with a compressed owner, as name servers write it", () => {
    const bytes = hex(`${HEAD("0001 0000 0000")} c00c 0001 0001 0000003c 0004 c0000201`);

    expect(decodeMessage(bytes)).toEqual({
      ...EMPTY,
      id: 1,
      question: { name: "a", type: "A" },
      answers: [{ type: "A", name: "a", ttl: 60, address: "192.0.2.1" }],
    });
  });

  test("decode(encode(x)) is x, for every type", () => {
    for (const record of RECORDS) {
      const question = { name: record.name, type: record.type };
      const message: Message = {
        ...EMPTY,
        question,
        answers: [record],
        authorities: [record],
        additionals: [record],
      };

      expect(decodeMessage(encodeMessage(message))).toEqual(message);
    }
  });

  test("decode(encode(x)) is x, for every flag and number", () => {
    const flag = fc.boolean();
    const message = fc.record({
      ...Object.fromEntries(Object.keys(EMPTY).map((key) => [key, fc.constant(EMPTY[key as keyof Message])])),
      id: fc.nat(0xffff),
      isResponse: flag,
      opcode: fc.nat(15),
      isAuthoritative: flag,
      isTruncated: flag,
      recursionDesired: flag,
      recursionAvailable: flag,
      rcode: fc.nat(0xfff),
      edns: fc.record({
        size: fc.nat(0xffff),
        version: fc.nat(255),
        options: fc.array(fc.record({ code: fc.nat(0xffff), value: fc.uint8Array({ maxLength: 40 }) }), {
          maxLength: 3,
        }),
      }),
    }) as unknown as fc.Arbitrary<Message>;
    fc.assert(
      fc.property(message, (each) => {
        expect(decodeMessage(encodeMessage(each))).toEqual(each);
      }),
    );
  });

  test("reads what dns-packet writes as dns-packet reads it", () => {
    const written: PacketAnswer[] = [
      { type: "A", name: "www.example.com", ttl: 5, data: "192.0.2.1" },
      { type: "AAAA", name: "www.example.com", ttl: 5, data: "2001:db8::5" },
      { type: "CNAME", name: "alias.example.com", ttl: 5, data: "www.example.com" },
      { type: "MX", name: "example.com", ttl: 5, data: { preference: 3, exchange: "mail.example.com" } },
      { type: "TXT", name: "example.com", ttl: 5, data: ["one", "two"] },
      {
        type: "SRV",
        name: "_a._b.example.com",
        ttl: 5,
        data: { priority: 1, weight: 2, port: 3, target: "t.example.com" },
      },
      { type: "NS", name: "example.com", ttl: 5, data: "ns.example.com" },
      { type: "PTR", name: "4.3.2.1.in-addr.arpa", ttl: 5, data: "www.example.com" },
      {
        type: "CAA",
        name: "example.com",
        ttl: 5,
        data: { flags: 128, tag: "issue", value: "ca", issuerCritical: true },
      },
    ];
    const bytes = packetEncode({
      type: "response",
      id: 9,
      questions: [{ type: "A", name: "www.example.com" }],
      answers: written,
    });

    const message = decodeMessage(bytes) as Message;

    expect(message.answers.map(({ type, name, ttl }) => ({ type, name, ttl }))).toEqual(
      written.map(({ type, name, ...rest }) => ({ type, name, ttl: (rest as { ttl: number }).ttl })),
    );
    expect(message.answers[0]).toMatchObject({ address: "192.0.2.1" });
    expect(message.answers[3]).toMatchObject({ preference: 3, exchange: "mail.example.com" });
    expect(message.answers[5]).toMatchObject({ priority: 1, weight: 2, port: 3, target: "t.example.com" });
  });

  test("writes what dns-packet reads", () => {
    const five = packetDecode(Buffer.from(encodeMessage(FIVE)));

    expect(five.answers?.map((answer) => (answer as { data: unknown }).data)).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.3",
      "192.0.2.4",
      "192.0.2.5",
    ]);
  });

  test.each([
    ["DNS-14 nothing", ""],
    ["DNS-14 eleven bytes", "0001818000010000000000"],
    ["DNS-01 two questions", "0001 8180 0002 0000 0000 0000 0161 00 0001 0001 0161 00 0001 0001"],
    ["DNS-12 a question cut off", "0001 8180 0001 0000 0000 0000 0161 00 0001"],
    ["DNS-01 a question of class CH", "0001 8180 0001 0000 0000 0000 0161 00 0001 0003"],
    [
      "DNS-12 more answers announced than there are",
      `${HEAD("0002 0000 0000")} c00c 0001 0001 0000003c 0004 c0000201`,
    ],
    ["DNS-12 RDLENGTH past the end", `${HEAD("0001 0000 0000")} c00c 0001 0001 0000003c 0005 c0000201`],
    ["DNS-12 an A record of three bytes", `${HEAD("0001 0000 0000")} c00c 0001 0001 0000003c 0003 c00002`],
    [
      "DNS-12 an AAAA record of four bytes",
      `${HEAD("0001 0000 0000")} c00c 001c 0001 0000003c 0004 c0000201`,
    ],
    ["DNS-12 a CNAME shorter than its data", `${HEAD("0001 0000 0000")} c00c 0005 0001 0000003c 0003 c00c00`],
    [
      "DNS-12 an MX whose name leaves its data",
      `${HEAD("0001 0000 0000")} c00c 000f 0001 0000003c 0003 000a 01 6100`,
    ],
    ["DNS-12 an SRV cut off", `${HEAD("0001 0000 0000")} c00c 0021 0001 0000003c 0004 00010002`],
    ["DNS-12 a TXT string past its data", `${HEAD("0001 0000 0000")} c00c 0010 0001 0000003c 0002 0561`],
    [
      "DNS-12 a service parameter out of order",
      `${HEAD("0001 0000 0000")} c00c 0041 0001 0000003c 000b 0001 00 0003 0000 0001 0000`,
    ],
    ["DNS-11 a pointer to itself", `${HEAD("0001 0000 0000")} c013 0001 0001 0000003c 0004 c0000201`],
    ["DNS-11 a pointer forwards", `${HEAD("0001 0000 0000")} c020 0001 0001 0000003c 0004 c0000201`],
    ["DNS-11 a pointer loop over a label", "0001 8180 0001 0000 0000 0000 0161 c00c 0001 0001"],
    ["DNS-11 a pointer cut off", "0001 8180 0001 0000 0000 0000 c0"],
    ["DNS-11 a label of type 0x40", "0001 8180 0001 0000 0000 0000 4161 00 0001 0001"],
    ["DNS-11 a label of type 0x80", "0001 8180 0001 0000 0000 0000 8161 00 0001 0001"],
    ["DNS-10 a label past the end", "0001 8180 0001 0000 0000 0000 3f61"],
    ["DNS-10 a name past the end", "0001 8180 0001 0000 0000 0000 0161"],
    [
      "DNS-10 a name of 256 bytes",
      `0001 8180 0001 0000 0000 0000 ${`3f${"61".repeat(63)}`.repeat(4)} 00 0001 0001`,
    ],
    [
      "DNS-23 two OPT records",
      `${HEAD("0000 0000 0002")} 00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000`,
    ],
    ["DNS-23 an OPT record with a name", `${HEAD("0000 0000 0001")} c00c 0029 04d0 00000000 0000`],
    ["DNS-23 an option without its length", `${HEAD("0000 0000 0001")} 00 0029 04d0 00000000 0002 000a`],
    ["DNS-23 an option past its record", `${HEAD("0000 0000 0001")} 00 0029 04d0 00000000 0004 000a 0008`],
  ])("is refused: %s", (_, text) => {
    expect(decodeMessage(hex(text))).toBeInstanceOf(Malformed);
  });

  test("DNS-12 counts trailing bytes and takes the rest", () => {
    const bytes = hex(`${HEAD("0001 0000 0000")} c00c 0001 0001 0000003c 0004 c0000201 dead`);

    expect(decodeMessage(bytes)).toMatchObject({ answers: [{ address: "192.0.2.1" }], trailing: 2 });
  });

  test("DNS-13 refuses more records than a stub takes, and is done with 64 KiB in no time", () => {
    const record = "c00c 0001 0001 0000003c 0004 c0000201";
    const large = hex(`0001 8180 0001 ffff ffff ffff 0161 00 0001 0001 ${record.repeat(4090)}`);
    decodeMessage(large);
    const start = performance.now();

    expect(decodeMessage(large)).toBeInstanceOf(Malformed);

    expect(performance.now() - start).toBeLessThan(50);
    expect(decodeMessage(hex(`${HEAD("0064 0000 0000")} ${record.repeat(100)}`))).toMatchObject({
      trailing: 0,
    });
  });

  test("leaves out records of other classes", () => {
    const bytes = hex(
      `${HEAD("0002 0000 0000")} c00c 0001 0003 0000003c 0004 c0000201 c00c 0001 0001 0000003c 0004 c0000202`,
    );

    expect(decodeMessage(bytes)).toMatchObject({ answers: [{ address: "192.0.2.2" }] });
  });

  test("DNS-23 puts the upper bits of the OPT record to the response code", () => {
    const bytes = hex(`${HEAD("0000 0000 0001")} 00 0029 04d0 01 00 0000 0000`);

    expect(decodeMessage(bytes)).toMatchObject({ rcode: 16, edns: { size: 1232, version: 0, options: [] } });
  });

  test("may have no question and no records", () => {
    expect(decodeMessage(hex("0001 8180 0000 0000 0000 0000"))).toEqual({ ...EMPTY, id: 1 });
    expect(toHex(encodeMessage({ ...EMPTY, id: 1 }))).toBe("000181800000000000000000");
  });

  test.each([
    ["a name", { type: "A", name: "a..b", ttl: 1, address: "192.0.2.1" }],
    ["an IPv4 address", { type: "A", name: "a", ttl: 1, address: "192.0.2" }],
    ["an IPv6 address", { type: "AAAA", name: "a", ttl: 1, address: "192.0.2.1" }],
    ["a target", { type: "CNAME", name: "a", ttl: 1, target: "" }],
    ["a string", { type: "TXT", name: "a", ttl: 1, strings: [new Uint8Array(256)] }],
  ] as const)("cannot be encoded with %s that no wire can carry", (_, record) => {
    expect(() => encodeMessage({ ...EMPTY, answers: [record] })).toThrow(Malformed);
  });

  test("every seed is well-formed, and cut off anywhere it is malformed or shorter", () => {
    for (const seed of SEEDS) {
      expect(decodeMessage(seed)).not.toBeInstanceOf(Malformed);
      for (let length = 0; length < seed.length; length++) {
        expect(decodeMessage(seed.subarray(0, length))).toBeInstanceOf(Malformed);
      }
    }
  });

  test("passes on what is no fault of the bytes", () => {
    expect(() => decodeMessage(undefined as never)).toThrow(TypeError);
  });
});

function hex(text: string): Uint8Array {
  return fromHex(text.replace(/\s/g, ""));
}
