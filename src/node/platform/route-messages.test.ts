import { describe, expect, test } from "vitest";
import type { InterfaceAddress, NetworkEvent, Route } from "../../context/index.ts";
import { concat, fromHex, toHex } from "../../lib/bytes.ts";
import { Malformed } from "../../lib/malformed.ts";
import { SeededRandom } from "../../testing/index.ts";
import { decodeAddress, encodeAddress } from "./address-message.ts";
import {
  decodeLink,
  encodeLinkChange,
  encodeLinkPromotion,
  encodeLinkQuery,
  readLinkPromotion,
} from "./link-message.ts";
import { decodeMessages, encodeAttribute, encodeMessage, encodeUint32 } from "./netlink-bytes.ts";
import { decodeEvents } from "./network-events.ts";
import { decodeRoutes, encodeRoute } from "./route-message.ts";

/** What Linux 6.18 on x86-64 told of the commands of ip(8) that stand beside. */
const KERNEL = {
  /** ip addr add 192.0.2.5/24 brd + dev va0 valid_lft 300 preferred_lft 200 */
  address:
    "54000000140000002ee2076b6c200000021800000300000008000100c000020508000200c000020508000400c00002ff080003007661300008000800000000" +
    "0014000600c80000002c010000cc480500cc480500",
  /** ip addr add 192.0.2.9 peer 192.0.2.10/32 dev va0 */
  peer:
    "4c000000140000002fe2076b91200000022080000300000008000100c000020a08000200c00002090800030076613000080008008000000014000600ffffff" +
    "fffffffffffe480500fe480500",
  /** ip -6 addr add 2001:db8::5/64 dev va0 nodad */
  address6:
    "480000001400000000000000000000000a408200030000001400010020010db800000000000000000000000514000600ffffffffffffffffe9480500e94805" +
    "000800080082000000",
  /** ip route add default via 192.0.2.1 dev va0 metric 77 src 192.0.2.5 proto dhcp */
  route:
    "44000000180000062ee2076b7320000002000000fe1000010000000008000f00fe000000080006004d00000008000700c000020508000500c0000201080004" +
    "0003000000",
  /** ip route del default */
  gone:
    "44000000190000002ee2076b8720000002000000fe1000010000000008000f00fe000000080006004d00000008000700c000020508000500c0000202080004" +
    "0003000000",
  /** ip route add 10.1.0.0/16 nexthop via 192.0.2.1 dev va0 nexthop via 192.0.2.2 dev va0 onlink */
  multipath:
    "50000000180000062ee2076b8920000002100000fe0300010000000008000f00fe000000080001000a01000024000900100000000300000008000500c00002" +
    "01100004000300000008000500c0000202",
  /** ip route add 10.2.0.0/16 via inet6 2001:db8::1 dev va0 */
  via:
    "4c000000180000062ee2076b8d20000002100000fe0300010000000008000f00fe000000080001000a020000160012000a0020010db8000000000000000000" +
    "00000100000800040003000000",
  /** ip -6 route add 2001:db8:1::/48 via 2001:db8::1 dev va0 */
  route6:
    "88000000180000062ee2076b8f2000000a300000fe0300010000000008000f00fe0000001400010020010db800010000000000000000000008000600000400" +
    "001400050020010db8000000000000000000000001080004000300000024000c00000000000000000000000000000000000000000000000000000000000000" +
    "00000500140000000000",
  /** The route of an address to itself, in the table "local". */
  local:
    "3c00000018000006000000000000000002200000ff02fe020000000008000f00ff00000008000100c000020508000700c00002050800040003000000",
} as const;

describe("messages of the kernel", () => {
  test("become addresses", () => {
    expect(events("address")).toEqual([
      {
        type: "address",
        address: {
          link: 3,
          address: "192.0.2.5",
          prefixLength: 24,
          broadcast: "192.0.2.255",
          validSeconds: 300,
          preferredSeconds: 200,
          protocol: 0,
          prefixMetric: undefined,
        },
      },
    ]);
    expect(events("peer")).toMatchObject([{ address: { address: "192.0.2.9", prefixLength: 32 } }]);
    expect(events("address6")).toMatchObject([
      { address: { address: "2001:db8::5", validSeconds: Number.POSITIVE_INFINITY, broadcast: undefined } },
    ]);
  });

  test("become routes, one for each next hop", () => {
    expect(events("route")).toEqual([{ type: "route", route: route({}) }]);
    expect(events("gone")).toEqual([{ type: "route-gone", route: route({ gateway: "192.0.2.2" }) }]);
    const hop = { destination: "10.1.0.0", prefixLength: 16, source: undefined, metric: 0, protocol: 3 };
    expect(events("multipath")).toEqual([
      { type: "route", route: route({ ...hop, gateway: "192.0.2.1" }) },
      { type: "route", route: route({ ...hop, gateway: "192.0.2.2", isOnLink: true }) },
    ]);
    expect(events("via")).toMatchObject([{ route: { destination: "10.2.0.0", gateway: "2001:db8::1" } }]);
    expect(events("route6")).toMatchObject([
      { route: { destination: "2001:db8:1::", prefixLength: 48, gateway: "2001:db8::1", metric: 1024 } },
    ]);
  });

  test("become links", () => {
    const parts = [
      encodeAttribute(3, Uint8Array.of(0x65, 0x74, 0x68, 0x30, 0)),
      encodeAttribute(1, Uint8Array.of(2, 0, 0, 0, 0, 0x2a)),
      encodeAttribute(4, encodeUint32(1500)),
      encodeAttribute(48, encodeUint32(9)),
    ];
    const link = {
      index: 7,
      name: "eth0",
      hardwareType: 1,
      hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 0x2a),
      mtu: 1500,
      isUp: true,
      hasCarrier: true,
      carrierLosses: 9,
    };

    expect(decodeLink(concat([linkHeader(0x10001), ...parts]))).toEqual(link);
    expect(decodeLink(concat([linkHeader(0x1), ...parts]))).toEqual({ ...link, hasCarrier: false });
    expect(decodeLink(concat([linkHeader(0), ...parts]))).toEqual({
      ...link,
      isUp: false,
      hasCarrier: false,
    });
    expect(decodeLink(concat([linkHeader(0), parts[0] ?? new Uint8Array()]))).toMatchObject({
      hardwareAddress: new Uint8Array(),
      mtu: 0,
    });
  });

  test("that are about something else become nothing", () => {
    const bridge = linkHeader(0);
    bridge[0] = 7;

    expect(events("local")).toEqual([]);
    expect(decodeLink(concat([bridge, encodeAttribute(3, Uint8Array.of(0x61, 0))]))).toBeUndefined();
    expect(decodeLink(linkHeader(0))).toBeUndefined();
    expect(decodeEvents({ type: 28, flags: 0, sequence: 0, body: new Uint8Array(12) })).toEqual([]);
    expect(decodeEvents({ type: 16, flags: 0, sequence: 0, body: linkHeader(0) })).toEqual([]);
    expect(decodeEvents({ type: 20, flags: 0, sequence: 0, body: new Uint8Array(8) })).toEqual([]);
    // Of a table, type of service, source prefix, type, or kind (a cached route) that is not ours; without a link.
    for (const [offset, value] of [
      [4, 77],
      [3, 4],
      [2, 8],
      [7, 3],
      [9, 2],
      [0, 7],
    ] as const) {
      const body = encodeRoute(route({}));
      body[offset] = value;
      expect(decodeRoutes(body), `${offset}`).toEqual([]);
    }
    expect(decodeRoutes(encodeRoute(route({})).subarray(0, 12))).toEqual([]);
  });

  test.each(Object.entries(KERNEL))(
    "of %s are malformed wherever they are cut off, or say so of a part",
    (_, hex) => {
      const whole = fromHex(hex);
      const [message] = decodeMessages(whole);
      if (message === undefined) throw new Error("No message");

      for (let length = 1; length < whole.length; length++) {
        expect(() => decodeMessages(whole.subarray(0, length)), `${length}`).toThrow(Malformed);
      }
      for (let length = 0; length < message.body.length; length++) {
        // Between two attributes a cut cannot be seen.
        onlyMalformed(() => decodeEvents({ ...message, body: message.body.subarray(0, length) }));
      }
    },
  );

  test("that lie in any way are malformed or mean something else, and nothing worse", () => {
    const random = new SeededRandom(4);
    const originals = Object.values(KERNEL).map(fromHex);
    let malformed = 0;

    for (let round = 0; round < 20_000; round++) {
      const bytes = Uint8Array.from(originals[round % originals.length] ?? []);
      for (let flips = 1 + (round % 3); flips > 0; flips--) {
        bytes[random.uint32() % bytes.length] = random.uint32() & 0xff;
      }
      if (onlyMalformed(() => decodeMessages(bytes).flatMap(decodeEvents))) malformed++;
    }

    expect(malformed).toBeGreaterThan(1000);
  });

  test("that lie about a length are malformed", () => {
    const lies: readonly (() => unknown)[] = [
      () => decodeMessages(fromHex("0f000000100000000000000000000000")),
      () => decodeMessages(fromHex("11000000100000000000000000000000")),
      () => decodeMessages(fromHex("ffffffff100000000000000000000000")),
      () => decodeLink(new Uint8Array(15)),
      () => decodeLink(concat([linkHeader(0), fromHex("0300")])),
      () => decodeLink(concat([linkHeader(0), fromHex("03000300")])),
      () => decodeLink(concat([linkHeader(0), fromHex("09000300")])),
      () => decodeLink(concat([linkHeader(0), encodeAttribute(3, Uint8Array.of(0x61))])),
      () => decodeLink(concat([linkHeader(0), encodeAttribute(3, Uint8Array.of(0))])),
      () =>
        decodeLink(
          concat([linkHeader(0), encodeAttribute(3, Uint8Array.of(0x61, 0)), fromHex("0600040000000000")]),
        ),
      () => decodeAddress(fromHex("0218000003000000")),
      () => decodeAddress(concat([fromHex("0218000003000000"), encodeAttribute(2, new Uint8Array(5))])),
      () => decodeAddress(concat([fromHex("0a18000003000000"), encodeAttribute(1, new Uint8Array(4))])),
      () =>
        decodeAddress(
          concat([
            fromHex("0218000003000000"),
            encodeAttribute(2, new Uint8Array(4)),
            encodeAttribute(6, new Uint8Array(6)),
          ]),
        ),
      () => decodeRoutes(new Uint8Array(11)),
      () => decodeRoutes(hops("0700000003000000")),
      () => decodeRoutes(hops("1000000003000000")),
      () => decodeRoutes(hops("08000000030000")),
      () => decodeRoutes(hops("0d0000000300000005001200ff")),
    ];

    for (const [index, lie] of lies.entries()) expect(lie, `${index}`).toThrow(Malformed);
  });
});

describe("messages to the kernel", () => {
  test("are what ip(8) sends", () => {
    const sent = encodeMessage({
      type: 24,
      flags: 0x505,
      sequence: 0x6b08_0000,
      body: encodeRoute(route({ isOnLink: true })),
    });

    // ip route replace default via 192.0.2.1 dev va0 metric 77 src 192.0.2.5 proto dhcp onlink; its attributes are in
    // another order.
    expect(toHex(sent)).toBe(
      "3c000000180005050000086b0000000002000000fe1000010400000008000500c00002010800040003000000080006004d00000008000700c0000205",
    );
  });

  test("say of an address what they hear of it", () => {
    const address: InterfaceAddress = {
      link: 3,
      address: "192.0.2.5",
      prefixLength: 24,
      broadcast: "192.0.2.255",
      validSeconds: 300,
      preferredSeconds: 200,
      protocol: 68,
      prefixMetric: 9,
    };

    expect(decodeAddress(encodeAddress(address))).toEqual(address);
    const bare = { ...address, address: "2001:db8::5", broadcast: undefined, prefixMetric: undefined };
    expect(decodeAddress(encodeAddress(bare))).toEqual(bare);
  });

  test("give lifetimes that the kernel can hold", () => {
    const lifetimes = (validSeconds: number, preferredSeconds: number): unknown => {
      const address = { link: 3, address: "192.0.2.5", prefixLength: 24, protocol: 68 };
      const heard = decodeAddress(encodeAddress({ ...address, validSeconds, preferredSeconds }));
      return [heard?.validSeconds, heard?.preferredSeconds];
    };

    expect(lifetimes(Number.POSITIVE_INFINITY, 8.9)).toEqual([Number.POSITIVE_INFINITY, 8]);
    expect(lifetimes(0xffff_ffff, -1)).toEqual([0xffff_fffe, 0]);
  });

  test("say of a route what they hear of it", () => {
    const routes = [
      route({}),
      route({ isOnLink: true, source: undefined, metric: 0 }),
      route({ destination: "10.0.0.0", prefixLength: 8, gateway: undefined }),
      route({ destination: "10.0.0.0", prefixLength: 8, gateway: "2001:db8::1" }),
      route({ destination: "::", gateway: "fe80::1", source: "2001:db8::5" }),
      route({ destination: "2001:db8::", prefixLength: 32, gateway: undefined, source: undefined }),
    ];

    for (const each of routes) expect(decodeRoutes(encodeRoute(each))).toEqual([each]);
  });

  test("give a route without a gateway the scope of its link", () => {
    expect(encodeRoute(route({}))[6]).toBe(0);
    expect(encodeRoute(route({ gateway: undefined }))[6]).toBe(253);
    expect(encodeRoute(route({ destination: "::", gateway: undefined, source: undefined }))[6]).toBe(0);
  });

  test("are not made of what is no address", () => {
    expect(() => encodeRoute(route({ destination: "all" }))).toThrow('Cannot use "all": not an IP address');
    expect(() => encodeRoute(route({ gateway: "192.0.2.256" }))).toThrow("not an IP address");
    expect(() => encodeRoute(route({ source: "::g" }))).toThrow("not an IP address");
  });

  test("change of a link what is asked for and leave the rest", () => {
    expect(toHex(encodeLinkChange(7, { isUp: true }))).toBe("00000000070000000100000001000000");
    expect(toHex(encodeLinkChange(7, { mtu: 1400 }))).toBe(
      "0000000007000000000000000000000008000400" + "78050000",
    );
    expect(toHex(encodeLinkQuery())).toBe("0000000000000000000000000000000008001d0008000000");
    expect(toHex(encodeLinkPromotion(7, 1))).toBe(
      "00000000070000000000000000000000" + "14001a80" + "10000280" + "0c000180" + "0800140001000000",
    );
  });

  test("read whether a link promotes secondary addresses", () => {
    const settings = (count: number): Uint8Array => {
      const inet = encodeAttribute(1, encodeUint32(...Array.from({ length: count }, (_, index) => index)));
      return concat([linkHeader(0), encodeAttribute(26, encodeAttribute(2, inet))]);
    };

    expect(readLinkPromotion(settings(30))).toBe(19);
    expect(() => readLinkPromotion(settings(19))).toThrow(Malformed);
    expect(readLinkPromotion(linkHeader(0))).toBeUndefined();
    expect(readLinkPromotion(concat([linkHeader(0), encodeAttribute(26, new Uint8Array())]))).toBeUndefined();
  });
});

function events(name: keyof typeof KERNEL): readonly NetworkEvent[] {
  return decodeMessages(fromHex(KERNEL[name])).flatMap(decodeEvents);
}

function route(over: Partial<Route>): Route {
  return {
    link: 3,
    destination: "0.0.0.0",
    prefixLength: 0,
    gateway: "192.0.2.1",
    source: "192.0.2.5",
    metric: 77,
    protocol: 16,
    isOnLink: false,
    ...over,
  };
}

/** Of link 7, Ethernet. */
function linkHeader(flags: number): Uint8Array {
  return concat([fromHex("0000010007000000"), encodeUint32(flags, 0)]);
}

/** A route with these next hops. */
function hops(hex: string): Uint8Array {
  return concat([fromHex("02100000fe03000100000000"), encodeAttribute(9, fromHex(hex))]);
}

/** True where it throws Malformed, false where it does not throw. */
function onlyMalformed(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    expect(error).toBeInstanceOf(Malformed);
    return true;
  }
}
