import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Packet, PacketSocket } from "../../src/context/index.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { Namespace, namespacesMissing, Recorder, spawnIn } from "../namespace.ts";
import { peerMissing, requirePeer } from "../peers.ts";
import { arpFrame, dhcpFrame, type FrameOptions, rawReceiver, rawSender } from "./raw-frames.ts";

type Seen = Packet | "link down";

describe.skipIf(namespacesMissing())("packets of one link", () => {
  const network = createNetwork();
  let namespace: Namespace;
  let link: number;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.cable("eth0", "sw0");
    namespace.ip("link set eth0 address 02:00:00:00:00:2a");
    link = namespace.index("eth0");
  });
  afterEach(() => namespace.leave());

  test.each<[string, FrameOptions]>([
    ["of another VLAN", { tags: [[0x8100, 5]] }],
    [
      "of another VLAN behind a priority tag",
      {
        tags: [
          [0x8100, 0],
          [0x8100, 5],
        ],
      },
    ],
    ["of another service VLAN", { tags: [[0x88a8, 5]] }],
    ["to another host", { to: [2, 0, 0, 0, 0, 1] }],
    ["to another port", { port: 67 }],
    ["that are requests", { op: 1 }],
    ["without the magic cookie", { cookie: 0x63825362 }],
    ["that are a first fragment", { fragment: 0x2000 }],
    ["that are a later fragment", { fragment: 0x0010 }],
    ["of TCP", { protocol: 6 }],
    ["of IP version 6 in an IPv4 frame", { version: 6 }],
    ["whose header is shorter than a header", { headerWords: 4 }],
    ["of IPv6", { etherType: 0x86dd }],
  ])("that are DHCP replies: not those %s", async (_, options) => {
    const { seen } = open("dhcp");
    const send = rawSender(namespace.index("sw0"));

    send(dhcpFrame({ ...options, id: 1 }));
    send(dhcpFrame({ id: 2 }));
    await seen.first((each) => idOf(each) === 2);

    expect(seen.all.map(idOf)).toEqual([2]);
  });

  test.each<[string, FrameOptions]>([
    ["as they are", {}],
    ["with IP options", { ipOptions: 40 }],
    ["with a priority tag", { tags: [[0x8100, 0]] }],
    ["sent to this host alone", { to: [2, 0, 0, 0, 0, 0x2a] }],
    ["with the flag Don't Fragment", { fragment: 0x4000 }],
  ])("that are DHCP replies: those %s", async (_, options) => {
    const { seen } = open("dhcp");
    const plain = dhcpFrame({ ...options, tags: [], id: 7 }).subarray(14);

    rawSender(namespace.index("sw0"))(dhcpFrame({ ...options, id: 7 }));
    const packet = await seen.first(() => true);

    expect(packet).toEqual({ bytes: plain, checksum: "full", vlan: undefined });
  });

  test("that are ARP: requests and replies for IPv4 and nothing else", async () => {
    const { seen } = open("arp");
    const send = rawSender(namespace.index("sw0"));

    for (const [index, value] of [
      [1, 6],
      [2, 0x86],
      [4, 8],
      [5, 16],
      [7, 3],
      [7, 0],
      [7, 8],
    ] as const) {
      send(arpFrame({ [index]: value }));
    }
    send(arpFrame({}, [[0x8100, 5]]));
    send(dhcpFrame());
    send(arpFrame({ 7: 1 }, [[0x8100, 0]]));
    send(arpFrame({ 7: 2, 17: 99 }));
    await seen.first((each) => each !== "link down" && each.bytes[17] === 99);

    expect(seen.all).toEqual([
      { bytes: arpFrame({ 7: 1 }).subarray(14), checksum: "full", vlan: undefined },
      { bytes: arpFrame({ 7: 2, 17: 99 }).subarray(14), checksum: "full", vlan: undefined },
    ]);
  });

  test("are sent to everybody or to one, from the hardware address that the link has then, and not heard by the sender", async () => {
    const here = open("arp");
    const there = open("arp", "sw0");
    namespace.ip("link set sw0 promisc on");
    const sent = [1, 2, 3].map((id) => arpFrame({ 17: id }).subarray(14));

    expect(here.socket.send(sent[0] as Uint8Array)).toBe(true);
    expect(here.socket.send(sent[1] as Uint8Array, hardware(namespace, "sw0"))).toBe(true);
    // To a third station: on the wire, and not for sw0.
    expect(here.socket.send(sent[2] as Uint8Array, Uint8Array.of(2, 0, 0, 0, 0, 1))).toBe(true);
    expect(there.socket.send(sent[2] as Uint8Array)).toBe(true);
    await Promise.all([here.seen.first(() => true), there.seen.first(() => there.seen.all.length === 2)]);

    expect(here.seen.all.map((each) => bytesOf(each))).toEqual([sent[2]]);
    expect(there.seen.all.map((each) => bytesOf(each))).toEqual([sent[0], sent[1]]);
  });

  test("carry the addresses and the type of Ethernet", async () => {
    const { socket } = open("dhcp");
    const captured = rawReceiver(namespace.index("sw0"), 0x0800);

    socket.send(dhcpFrame().subarray(14));
    namespace.ip("link set eth0 address 02:00:00:00:00:77");
    socket.send(dhcpFrame().subarray(14), hardware(namespace, "sw0"));

    const [one, other] = captured(2);
    expect(one?.subarray(0, 14)).toEqual(hex("ffffffffffff 02000000002a 0800"));
    expect(other?.subarray(6, 14)).toEqual(hex("020000000077 0800"));
    expect(one?.subarray(14)).toEqual(dhcpFrame().subarray(14));
  });

  test("go on after the link was down, which is told once", async () => {
    const { seen, socket } = open("dhcp");
    const send = rawSender(namespace.index("sw0"));

    namespace.ip("link set eth0 down");
    await seen.first((each) => each === "link down");
    expect(socket.send(dhcpFrame().subarray(14))).toBe(false);
    namespace.ip("link set eth0 up");
    expect(socket.send(dhcpFrame().subarray(14))).toBe(true);
    send(dhcpFrame({ id: 3 }));
    await seen.first((each) => idOf(each) === 3);

    expect(seen.all.filter((each) => each === "link down")).toHaveLength(1);
  });

  test("go on after the cable was out", async () => {
    const { seen } = open("dhcp");

    namespace.ip("link set sw0 down");
    namespace.ip("link set sw0 up");
    rawSender(namespace.index("sw0"))(dhcpFrame({ id: 3 }));
    await seen.first((each) => idOf(each) === 3);

    expect(seen.all).toHaveLength(1);
  });

  test("say that the link is down when it is down from the beginning, and when it is taken away", async () => {
    namespace.ip("link set eth0 down");
    const { seen, socket } = open("dhcp");
    await seen.first((each) => each === "link down");
    seen.clear();
    namespace.ip("link set eth0 up");

    namespace.ip("link del eth0");
    await seen.first((each) => each === "link down");

    expect(socket.send(dhcpFrame().subarray(14))).toBe(false);
  });

  test("of several links are told apart", async () => {
    namespace.cable("eth1", "sw1");
    const zero = open("dhcp");
    const one = open("dhcp", "eth1");

    rawSender(namespace.index("sw0"))(dhcpFrame({ id: 10 }));
    rawSender(namespace.index("sw1"))(dhcpFrame({ id: 11 }));
    await Promise.all([zero.seen.first(() => true), one.seen.first(() => true)]);

    expect(zero.seen.all.map(idOf)).toEqual([10]);
    expect(one.seen.all.map(idOf)).toEqual([11]);
  });

  test("of a link on top of this one are not its own", async () => {
    namespace.ip("link add link eth0 name top0 type macvlan mode bridge");
    namespace.ip("link set top0 address 02:00:00:00:00:99");
    namespace.ip("link set top0 up");
    const below = open("dhcp");
    const top = open("dhcp", "top0");
    const send = rawSender(namespace.index("sw0"));

    send(dhcpFrame({ id: 1, to: [2, 0, 0, 0, 0, 0x99] }));
    send(dhcpFrame({ id: 2, to: [2, 0, 0, 0, 0, 0x2a] }));
    await Promise.all([
      below.seen.first((each) => idOf(each) === 2),
      top.seen.first((each) => idOf(each) === 1),
    ]);

    expect(below.seen.all.map(idOf)).toEqual([2]);
    expect(top.seen.all.map(idOf)).toEqual([1]);
  });

  test("are not told once the socket is closed, and its descriptors are given back", async () => {
    const send = rawSender(namespace.index("sw0"));
    const before = packetSockets();
    const descriptors = readdirSync("/proc/self/fd").length;
    const opened = [open("dhcp"), open("arp"), open("dhcp", "sw0")];
    expect(packetSockets()).toBe(before + 3);

    send(dhcpFrame());
    for (const { socket } of opened) socket.close();
    opened[0]?.socket.close();
    while (packetSockets() > before) await new Promise((resolve) => setImmediate(resolve));

    expect(opened.flatMap(({ seen }) => seen.all)).toEqual([]);
    expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
    expect(() => opened[0]?.socket.send(new Uint8Array(28))).toThrow(
      "Cannot send: the packet socket is closed",
    );
  });

  test("come from no link that is missing, and from none but Ethernet", () => {
    const events = { packet: () => {}, linkDown: () => {} };

    expect(() => network.openPackets({ link: 9999, kind: "dhcp" }, events)).toThrow(
      "Cannot open a packet socket on link 9999: the system refused (ENODEV)",
    );
    expect(() => network.openPackets({ link: namespace.index("lo"), kind: "arp" }, events)).toThrow(
      `Cannot open a packet socket on link 1: "lo" is no Ethernet link (hardware type 772)`,
    );
  });

  test.skipIf(peerMissing("dnsmasq"))(
    "of dnsmasq over a virtual cable have the sum of their pseudo-header only",
    async () => {
      const there = namespace.neighbour("eth5", "dm0", "192.0.2.1/24");
      const { seen, socket } = open("dhcp", "eth5");
      const server = spawnIn(there, requirePeer("dnsmasq"), [
        "--keep-in-foreground",
        "--port=0",
        "--conf-file=/dev/null",
        "--no-ping",
        "--log-facility=-",
        "--dhcp-range=192.0.2.50,192.0.2.60,1h",
        "--interface=dm0",
        "--dhcp-leasefile=/dev/null",
        "--user=root",
      ]);
      await new Promise<void>((resolve) => {
        server.stderr?.on("data", (text) => {
          if (String(text).includes("DHCP, IP range")) resolve();
        });
      });

      expect(socket.send(discover(hardware(namespace, "eth5")))).toBe(true);
      const offer = await seen.first(() => true);

      if (offer === "link down") throw new Error("The link went down");
      expect(offer.checksum).toBe("partial");
      const header = (Number(offer.bytes[0]) & 15) * 4;
      const view = new DataView(offer.bytes.buffer, offer.bytes.byteOffset);
      expect(view.getUint16(header + 6)).toBe(pseudoSum(view, header));
      expect(offer.bytes[header + 8]).toBe(2);
      server.kill();
      await once(server, "close");
    },
  );

  function open(kind: "dhcp" | "arp", name = "eth0"): { seen: Recorder<Seen>; socket: PacketSocket } {
    const seen = new Recorder<Seen>();
    const socket = network.openPackets(
      { link: name === "eth0" ? link : namespace.index(name), kind },
      { packet: seen.record, linkDown: () => seen.record("link down") },
    );
    onTestFinished(() => socket.close());
    return { seen, socket };
  }
});

function idOf(seen: Seen): number | undefined {
  if (seen === "link down") return undefined;
  return seen.bytes[(Number(seen.bytes[0]) & 15) * 4 + 8 + 4];
}

function bytesOf(seen: Seen): Uint8Array | undefined {
  return seen === "link down" ? undefined : seen.bytes;
}

function hardware(namespace: Namespace, name: string): Uint8Array {
  const [link] = namespace.json<{ address: string }>(`link show dev ${name}`);
  return hex(link?.address.replaceAll(":", "") ?? "");
}

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** How many packet sockets this network has. */
function packetSockets(): number {
  return readFileSync("/proc/thread-self/net/packet", "utf8").trim().split("\n").length - 1;
}

/** A BOOTP request with a DHCPDISCOVER in it, from the hardware address. */
function discover(from: Uint8Array): Uint8Array {
  const packet = dhcpFrame({ op: 1, port: 67 }).subarray(14);
  const view = new DataView(packet.buffer, packet.byteOffset);
  view.setUint16(20, 68);
  view.setUint32(12, 0);
  packet.set([1, 6, 0, 1, 2, 3, 4], 29);
  packet.set(from, 28 + 28);
  packet.set([53, 1, 1, 255], 28 + 240);
  packet[28] = 1;
  let sum = 0;
  for (let offset = 0; offset < 20; offset += 2) sum += view.getUint16(offset);
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
  return packet;
}

/** Of addresses, protocol and length, folded and not complemented. */
function pseudoSum(view: DataView, header: number): number {
  let sum = 17 + view.getUint16(header + 4);
  for (let offset = 12; offset < 20; offset += 2) sum += view.getUint16(offset);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}
