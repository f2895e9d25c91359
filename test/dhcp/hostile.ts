import { encodeDatagram, encodeMessage, type Fields } from "../../src/dhcp/index.ts";
import { OTHER_MAC } from "./world.ts";

/** The parts of a reply that a vector may spoil before it is a packet. */
export interface Draft {
  fields: Fields;
  options: Map<number, Uint8Array>;
  /** Works on the payload: BOOTP message with options. */
  payload: ((bytes: Uint8Array) => Uint8Array)[];
  /** Works on the packet; sums are as they are. */
  packet: ((bytes: Uint8Array) => Uint8Array)[];
  /** Mends the IP header's sum, and the UDP checksum where it is not 0, after `packet`. */
  mends: boolean;
  vlan: number | undefined;
  checksum: "full" | "partial";
}

export interface Vector {
  readonly name: string;
  /** Where it is known from. */
  readonly records: readonly string[];
  readonly spoil: (draft: Draft) => void;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const set =
  (code: number, value: Uint8Array | string) =>
  ({ options }: Draft): void => {
    options.set(code, typeof value === "string" ? text(value) : value);
  };
const drop =
  (...codes: number[]) =>
  ({ options }: Draft): void => {
    for (const code of codes) options.delete(code);
  };
const field =
  (changes: Partial<Fields>) =>
  (draft: Draft): void => {
    draft.fields = { ...draft.fields, ...changes };
  };
const raw =
  (change: (bytes: Uint8Array) => Uint8Array) =>
  ({ payload }: Draft): void => {
    payload.push(change);
  };
/** Replaces the options behind the cookie by what `change` makes of them. */
const area =
  (change: (options: number[]) => number[]) =>
  ({ payload }: Draft): void => {
    payload.push((bytes) =>
      Uint8Array.from([...bytes.subarray(0, 240), ...change([...bytes.subarray(240)])]),
    );
  };
const edit =
  (at: number, value: readonly number[], mends = true) =>
  (draft: Draft): void => {
    draft.mends = mends;
    draft.packet.push((bytes) => {
      const copy = bytes.slice();
      copy.set(value, at);
      return copy;
    });
  };

function vector(name: string, records: readonly string[], spoil: (draft: Draft) => void): Vector {
  return { name, records, spoil };
}

/** The options as they stand on the wire, up to and without the end. */
function withoutEnd(options: readonly number[]): number[] {
  let at = 0;
  while (at < options.length && options[at] !== 255)
    at += options[at] === 0 ? 1 : 2 + Number(options[at + 1]);
  return options.slice(0, at);
}

const SHELL = "$(touch /tmp/owned); `id` && x";
const SHOCK = "() { :;}; touch /tmp/owned";

/** Replies that must lose against a good one which follows 60 ms later, whether they come as OFFER or as ACK. */
export const HOSTILE: readonly Vector[] = [
  vector("mask-len255", ["CVE-2009-0692"], set(1, new Uint8Array(255).fill(0xff))),
  vector("mask-len5", ["CVE-2009-0692", "CVE-2016-1504"], set(1, Uint8Array.of(255, 255, 255, 0, 0))),
  vector("mask-not-contiguous", [], set(1, Uint8Array.of(255, 0, 255, 0))),
  vector("mask-0", [], set(1, Uint8Array.of(0, 0, 0, 0))),
  vector("mask-missing", ["serious (b)"], drop(1)),
  vector("hostname-shell", ["CVE-2011-0997", "CVE-2011-0996", "CVE-2011-2716"], set(12, SHELL)),
  vector("domain-shell", ["CVE-2011-0997", "CVE-2011-2717"], set(15, SHELL)),
  vector("domain-newline-inject", ["CVE-2011-0996"], set(15, "a.test\nnameserver 6.6.6.6")),
  vector(
    "size-1472-junk",
    ["CVE-2012-2152"],
    area((options) => [
      ...withoutEnd(options),
      255,
      ...Array<number>(1472 - 241 - withoutEnd(options).length).fill(0x41),
    ]),
  ),
  vector("hostname-255", ["CVE-2012-2152"], set(12, "a".repeat(255))),
  vector("vendor-43-255", ["CVE-2012-2152", "CVE-2018-5732"], set(43, new Uint8Array(255).fill(0xfe))),
  vector("opt43-nested-junk", ["CVE-2018-5732", "CVE-2018-5733"], set(43, Uint8Array.of(1, 200, 1, 1))),
  vector("overload-loop", ["CVE-2014-6060"], (draft) => {
    set(52, Uint8Array.of(3))(draft);
    raw((bytes) => at(bytes, 108, [52, 1, 3, 255]))(draft);
    raw((bytes) => at(bytes, 44, [52, 1, 3, 255]))(draft);
  }),
  vector("overload-255", ["CVE-2014-6060"], set(52, Uint8Array.of(255))),
  vector("overload-len0", ["CVE-2014-6060"], set(52, new Uint8Array(0))),
  vector("overload-file-no-end", ["CVE-2019-11579"], (draft) => {
    set(52, Uint8Array.of(1))(draft);
    raw((bytes) => at(bytes, 108, Array<number>(128).fill(1)))(draft);
  }),
  vector("shellshock-hostname", ["CVE-2014-6271"], set(12, SHOCK)),
  vector("shellshock-domain", ["CVE-2014-6271"], set(15, SHOCK)),
  vector("shellshock-boot-file", ["CVE-2014-6271"], set(67, SHOCK)),
  vector("shellshock-portal", ["CVE-2014-6271"], set(114, SHOCK)),
  vector("shellshock-timezone", ["CVE-2014-6271"], set(100, SHOCK)),
  vector(
    "opt-last-no-len",
    ["CVE-2014-7912"],
    area((options) => [...withoutEnd(options), 12]),
  ),
  vector(
    "trunc-1-byte-option",
    ["CVE-2014-7913", "serious (b)"],
    area(() => [53]),
  ),
  vector("udp-len-over", ["CVE-2015-8605", "CVE-2021-26675"], edit(24, [0x7f, 0xff])),
  vector("udp-len-lt8", ["CVE-2015-8605", "n-dhcp4 7bbf762"], edit(24, [0, 7])),
  vector("udp-len-0", ["CVE-2015-8605", "CVE-2023-28488"], edit(24, [0, 0])),
  vector("udp-len-short-200", ["serious (f)", "CVE-2021-26676"], edit(24, [0, 200])),
  vector("ip-totlen-over", ["CVE-2015-8605", "CVE-2021-26675"], edit(2, [0x7f, 0xff])),
  vector("ip-totlen-short", ["CVE-2021-26676"], edit(2, [0, 60])),
  vector("csr-trunc", ["CVE-2016-1503"], set(121, Uint8Array.of(24, 10, 0, 0, 192, 0))),
  vector("csr-len33", ["CVE-2016-1503"], set(121, Uint8Array.of(33, 10, 0, 0, 0, 192, 0, 2, 1))),
  vector("dns-len3", ["CVE-2016-1503"], set(6, Uint8Array.of(192, 0, 2))),
  vector("router-len5", ["CVE-2016-1504"], set(3, Uint8Array.of(192, 0, 2, 1, 0))),
  vector("search-ptr-self", ["CVE-2016-2147", "CVE-2020-7461"], set(119, Uint8Array.of(0xc0, 0))),
  vector(
    "search-ptr-forward",
    ["CVE-2016-2147", "CVE-2020-7461"],
    set(119, Uint8Array.of(0xc0, 2, 1, 97, 0)),
  ),
  vector(
    "search-ptr-loop",
    ["CVE-2016-2147", "CVE-2020-7461"],
    set(119, Uint8Array.of(1, 97, 0xc0, 4, 1, 98, 0xc0, 0)),
  ),
  vector("search-ptr-cut", ["CVE-2016-2147", "CVE-2020-7461"], set(119, Uint8Array.of(1, 97, 0, 0xc0))),
  vector("search-label-over", ["CVE-2016-2147"], set(119, Uint8Array.of(63, 97))),
  vector("search-break-dns", ["CVE-2020-7461"], set(119, Uint8Array.of(10, ...text("a\nb c;d'e\""), 0))),
  vector(
    "search-bomb-255",
    ["CVE-2020-7461"],
    set(119, Uint8Array.from([1, 97, 0, ...Array.from({ length: 126 }, () => [0xc0, 0]).flat()])),
  ),
  vector("6rd-short", ["CVE-2016-2148"], set(212, Uint8Array.of(4, 32, 0, 0))),
  vector("6rd-255", ["CVE-2016-2148"], set(212, new Uint8Array(255))),
  vector("lease-0x80000000", ["CVE-2017 class, udhcpc 7c67f1e9a"], set(51, Uint8Array.of(0x80, 0, 0, 0))),
  vector(
    "lease-0xfffffffe",
    ["CVE-2017 class, udhcpc 7c67f1e9a"],
    set(51, Uint8Array.of(255, 255, 255, 254)),
  ),
  vector("lease-0", [], set(51, new Uint8Array(4))),
  vector("lease-missing", ["serious (b)"], drop(51)),
  vector("lease-len3", ["CVE-2019-5747"], set(51, Uint8Array.of(0, 14, 16))),
  vector("lease-len0", ["CVE-2018-20679"], set(51, new Uint8Array(0))),
  vector("serverid-len3", ["CVE-2019-5747"], set(54, Uint8Array.of(192, 0, 2))),
  vector("serverid-len0", ["CVE-2018-20679"], set(54, new Uint8Array(0))),
  vector("serverid-missing", [], drop(54)),
  vector("serverid-loopback", [], set(54, Uint8Array.of(127, 0, 0, 1))),
  vector(
    "all-options-len0",
    ["CVE-2018-20679"],
    area(() => [...Array.from({ length: 254 }, (_, code) => [code + 1, 0]).flat(), 255]),
  ),
  vector("wpad-252-shell", ["CVE-2018-1111"], set(252, "http://x/'; touch /tmp/owned; '")),
  vector("bootp-no-msgtype", ["CVE-2020-7216", "serious (b)"], drop(53)),
  vector("msgtype-len0", [], set(53, new Uint8Array(0))),
  vector("msgtype-forcerenew", ["CVE-2020-13529"], set(53, Uint8Array.of(9))),
  vector("msgtype-discover", [], set(53, Uint8Array.of(1))),
  vector("clientid-echo-wrong", ["CVE-2020-7217"], set(61, Uint8Array.of(1, 2, 3, 4, 5, 6, 7))),
  vector(
    "fqdn-label-64",
    ["CVE-2022-2929"],
    set(81, Uint8Array.of(4, 0, 0, 64, ...Array<number>(64).fill(97), 0)),
  ),
  vector(
    "csr-TunnelVision",
    ["CVE-2024-3661"],
    set(121, Uint8Array.of(1, 0, 192, 0, 2, 1, 1, 128, 192, 0, 2, 1)),
  ),
  vector("message-56-escape", ["dhcpcd e636ba2b"], set(56, "\u001b]0;owned\u0007\u001b[2J")),
  vector("ip-frag-MF", ["mozim PR 95"], edit(6, [0x20, 0])),
  vector("ip-frag-offset", ["mozim PR 95"], edit(6, [0, 0x10])),
  vector(
    "trunc-236-no-cookie",
    ["CVE-2021-26675", "serious (b)"],
    raw((bytes) => bytes.slice(0, 236)),
  ),
  vector(
    "trunc-240-no-options",
    ["CVE-2021-26675", "serious (b)"],
    raw((bytes) => bytes.slice(0, 240)),
  ),
  vector(
    "trunc-mid-option",
    ["CVE-2023-28488", "serious (b)"],
    area((options) => withoutEnd(options).slice(0, -2)),
  ),
  vector(
    "cookie-bad",
    ["serious (b)"],
    raw((bytes) => at(bytes, 236, [1, 2, 3, 4])),
  ),
  vector("op-request", [], field({ op: "request" })),
  vector(
    "opt-len-past-end",
    [],
    area((options) => [...withoutEnd(options), 12, 255]),
  ),
  vector(
    "htype-infiniband",
    [],
    raw((bytes) => at(bytes, 1, [32])),
  ),
  vector(
    "hlen-16",
    [],
    raw((bytes) => at(bytes, 2, [16])),
  ),
  vector("chaddr-of-another", [], field({ chaddr: OTHER_MAC })),
  vector("xid-of-another", [], (draft) => field({ xid: (draft.fields.xid ^ 1) >>> 0 })(draft)),
  vector("yiaddr-0", [], field({ yiaddr: "0.0.0.0" })),
  vector("yiaddr-bcast", [], field({ yiaddr: "255.255.255.255" })),
  vector("yiaddr-mcast", [], field({ yiaddr: "224.0.0.66" })),
  vector("yiaddr-loopback", [], field({ yiaddr: "127.0.0.66" })),
  vector("yiaddr-subnet-bcast", [], field({ yiaddr: "192.0.2.255" })),
  vector("yiaddr-network", [], field({ yiaddr: "192.0.2.0" })),
  vector("captive-114-junk", ["serious (c)"], set(114, Uint8Array.of(0, 1, 2, 255))),
  vector("v6only-108-unsolicited-offer", ["serious (c)"], set(108, Uint8Array.of(0, 0, 14, 16))),
  vector("v6only-108-len3", ["serious (c)"], set(108, Uint8Array.of(0, 0, 14))),
  vector("mtu-68", ["serious (h)"], set(26, Uint8Array.of(0, 68))),
  vector("mtu-65535", ["serious (h)"], set(26, Uint8Array.of(255, 255))),
  vector(
    "router-63",
    ["serious (i)"],
    set(
      3,
      Uint8Array.from({ length: 252 }, (_, index) => [192, 0, 2, 1][index % 4] ?? 0),
    ),
  ),
  vector("vlan-vid5-tagged", ["serious (j)"], (draft) => {
    draft.vlan = 5;
  }),
  vector("udp-checksum-wrong", [], (draft) => edit(26, [0x12, 0x34], false)(draft)),
  vector("udp-checksum-not-partial", [], (draft) => {
    draft.checksum = "partial";
  }),
  vector("ip-checksum-wrong", [], edit(10, [0x12, 0x34], false)),
  vector("ip-version-6", [], edit(0, [0x65])),
  vector("ip-ihl-short", [], edit(0, [0x44], false)),
  vector("udp-port-67", [], edit(22, [0, 67])),
  vector(
    "junk-after-end",
    [],
    area((options) => [...withoutEnd(options), 255, 12, 3, 97, 98, 99]),
  ),
];

/** Odd replies that are right: they are taken, although a plain one follows. */
export const ODD: readonly Vector[] = [
  vector("ip-options-40", ["serious (f)"], ({ packet }) => {
    packet.push((bytes) => {
      const grown = Uint8Array.from([
        ...bytes.subarray(0, 20),
        ...Array<number>(40).fill(1),
        ...bytes.subarray(20),
      ]);
      grown[0] = 0x4f;
      return at(grown, 2, [grown.length >> 8, grown.length & 0xff]);
    });
  }),
  vector(
    "size-1472-padded",
    ["serious (g)", "CVE-2012-2152"],
    raw((bytes) => at(new Uint8Array(1472), 0, [...bytes])),
  ),
  vector(
    "without-padding",
    [],
    area((options) => [...withoutEnd(options), 255]),
  ),
  vector("router-missing", [], drop(3)),
  vector("vlan-0-priority-tag", ["serious (j)"], (draft) => {
    draft.vlan = 0;
  }),
  vector("udp-checksum-0", [], edit(26, [0, 0])),
  vector("udp-checksum-partial", [], (draft) => {
    draft.checksum = "partial";
    draft.mends = false;
    draft.packet.push((bytes) => at(bytes, 26, pseudo(bytes)));
  }),
  vector("frame-padded", [], ({ packet }) => {
    packet.push((bytes) => Uint8Array.from([...bytes, ...Array<number>(30).fill(0xee)]));
  }),
  vector("overload-file-and-sname", [], (draft) => {
    set(52, Uint8Array.of(3))(draft);
    raw((bytes) => at(bytes, 108, [12, 1, 97, 255]))(draft);
    raw((bytes) => at(bytes, 44, [12, 1, 98, 255]))(draft);
  }),
  vector(
    "long-option-split",
    ["dhcpcd 0f303ab4"],
    set(
      121,
      Uint8Array.from(Array.from({ length: 40 }, (_, index) => [24, 10, 0, index, 192, 0, 2, 1]).flat()),
    ),
  ),
  vector("without-client-id", [], drop(61)),
  vector("text-with-zero-at-its-end", [], set(15, "a.test\0")),
];

/** The packet that a vector makes of a good reply. */
export function packetOf(
  reply: Fields,
  { spoil }: Pick<Vector, "spoil">,
): { readonly bytes: Uint8Array; readonly vlan: number | undefined; readonly checksum: "full" | "partial" } {
  const draft: Draft = {
    fields: reply,
    options: new Map(reply.options),
    payload: [],
    packet: [],
    mends: true,
    vlan: undefined,
    checksum: "full",
  };
  spoil(draft);
  let payload = encodeMessage({ ...draft.fields, options: draft.options });
  for (const change of draft.payload) payload = change(payload);
  const ports = { sourcePort: 67, destinationPort: 68 };
  let bytes = encodeDatagram({ source: "192.0.2.1", destination: "255.255.255.255", ...ports, payload });
  for (const change of draft.packet) bytes = change(bytes);
  if (draft.mends && draft.packet.length > 0) bytes = mend(bytes);
  return { bytes, vlan: draft.vlan, checksum: draft.checksum };
}

function at(bytes: Uint8Array, offset: number, value: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(value, offset);
  return copy;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index++) sum += (bytes[index] ?? 0) << (index % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/** The folded sum of the pseudo-header. */
function pseudo(packet: Uint8Array): number[] {
  const header = (Number(packet[0]) & 0x0f) * 4;
  const length = packet.subarray(header + 4, header + 6);
  const sum = sumOf(Uint8Array.from([...packet.subarray(12, 20), 0, 17, ...length]));
  return [sum >> 8, sum & 0xff];
}

/** Both sums as a sender would work them out, so that nothing else gives the packet away. */
function mend(packet: Uint8Array): Uint8Array {
  const header = Math.min((Number(packet[0]) & 0x0f) * 4, packet.length);
  let bytes = at(packet, 10, [0, 0]);
  const ip = ~sumOf(bytes.subarray(0, header)) & 0xffff;
  bytes = at(bytes, 10, [ip >> 8, ip & 0xff]);
  if (bytes[header + 6] === 0 && bytes[header + 7] === 0) return bytes;
  const length = (Number(bytes[header + 4]) << 8) | Number(bytes[header + 5]);
  bytes = at(bytes, header + 6, pseudo(bytes));
  const udp = ~sumOf(bytes.subarray(header, header + length)) & 0xffff;
  return at(bytes, header + 6, [udp >> 8, udp & 0xff]);
}
