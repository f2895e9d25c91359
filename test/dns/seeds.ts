import { type DnsRecord, encodeMessage, type Message } from "../../src/dns/index.ts";
import { a, aaaa, cname, EMPTY, soa } from "./responder.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** One record of every type and shape. */
export const RECORDS: readonly DnsRecord[] = [
  a("www.example", "192.0.2.1"),
  aaaa("www.example", "2001:db8::1"),
  aaaa("www.example", "::ffff:192.0.2.1"),
  cname("www.example", "edge.example"),
  soa("example"),
  { type: "NS", name: "example", ttl: 3600, target: "ns1.example" },
  { type: "PTR", name: "1.2.0.192.in-addr.arpa", ttl: 60, target: "www.example" },
  { type: "DNAME", name: "old.example", ttl: 60, target: "new.example" },
  { type: "MX", name: "example", ttl: 60, preference: 10, exchange: "mail.example" },
  { type: "TXT", name: "example", ttl: 60, strings: [bytes(1, 2, 255), bytes()] },
  {
    type: "SRV",
    name: "_mqtt._tcp.example",
    ttl: 60,
    priority: 1,
    weight: 2,
    port: 8883,
    target: "b.example",
  },
  { type: "CAA", name: "example", ttl: 60, critical: true, tag: "issue", value: bytes(0x63, 0x61) },
  {
    type: "NAPTR",
    name: "example",
    ttl: 60,
    order: 1,
    preference: 2,
    flags: "s",
    service: "SIP+D2U",
    regexp: bytes(0x21),
    replacement: ".",
  },
  {
    type: "SVCB",
    name: "_dns.example",
    ttl: 60,
    priority: 1,
    target: "dot.example",
    parameters: [
      { key: 1, value: bytes(3, 0x64, 0x6f, 0x74) },
      { key: 3, value: bytes(3, 0x55) },
    ],
  },
  { type: "HTTPS", name: "example", ttl: 60, priority: 0, target: "svc.example", parameters: [] },
  {
    type: "TLSA",
    name: "_443._tcp.example",
    ttl: 60,
    usage: 3,
    selector: 1,
    matching: 1,
    data: bytes(1, 2, 3, 4),
  },
  { type: "TYPE65280", name: "example", ttl: 4_294_967_295, bytes: bytes(9, 9) },
  a("\\000\\032\\.\\\\x.example", "192.0.2.9"),
];

/** Well-formed messages of every kind. */
export const SEEDS: readonly Uint8Array[] = [
  ...RECORDS.map((record) =>
    encodeMessage({
      ...EMPTY,
      id: 0x1234,
      question: { name: record.name, type: record.type },
      answers: [record],
    }),
  ),
  encodeMessage({
    ...EMPTY,
    question: { name: "www.example", type: "A" },
    answers: [
      cname("www.example", "edge.example"),
      a("edge.example", "192.0.2.1"),
      a("edge.example", "192.0.2.2"),
    ],
    authorities: [soa("example")],
    additionals: [a("ns1.example", "192.0.2.53")],
    edns: { size: 1232, version: 0, options: [{ code: 10, value: bytes(1, 2, 3, 4, 5, 6, 7, 8) }] },
  }),
  encodeMessage({ ...EMPTY, rcode: 0x17, question: { name: "x.example", type: "A" }, edns: edns() }),
  encodeMessage({
    ...EMPTY,
    rcode: 3,
    question: { name: "no.example", type: "AAAA" },
    authorities: [soa("example")],
  }),
  encodeMessage({ ...EMPTY, isTruncated: true, question: { name: "big.example", type: "TXT" } }),
];

/** The answer with five records and OPT that the benchmark decodes. */
export const FIVE: Message = {
  ...EMPTY,
  id: 7,
  question: { name: "www.example.com", type: "A" },
  answers: [1, 2, 3, 4, 5].map((last) => a("www.example.com", `192.0.2.${last}`, 300)),
  edns: edns(),
};

function edns(): Message["edns"] {
  return { size: 1232, version: 0, options: [] };
}
