import { describe, expect, test } from "vitest";
import { SeededRandom } from "../testing/index.ts";
import {
  type AddressFacts,
  type NetworkFactChange,
  type PathFacts,
  Reachability,
  type RouteFacts,
} from "./reachability.ts";

const ETH = 2;
const WLAN = 3;
const HERE: AddressFacts = { link: ETH, address: "192.0.2.10" };
const THERE: AddressFacts = { link: WLAN, address: "198.51.100.10" };
const LAN: RouteFacts = { link: ETH, destination: "192.0.2.0", prefixLength: 24, metric: 0 };
const DEFAULT: RouteFacts = {
  link: ETH,
  destination: "0.0.0.0",
  prefixLength: 0,
  gateway: "192.0.2.1",
  metric: 100,
};
const OTHER_DEFAULT: RouteFacts = { ...DEFAULT, link: WLAN, gateway: "198.51.100.1", metric: 600 };

const FAR: PathFacts = { local: "192.0.2.10", remote: "203.0.113.5" };
const NEAR: PathFacts = { local: "192.0.2.10", remote: "192.0.2.77" };

describe("a connection", () => {
  test("whose source address is gone has lost its path", () => {
    const network = wired();

    const told = network.handle({ type: "address-gone", address: HERE });

    expect(told).toEqual({ mayBreak: true, mayHelp: false, route: undefined, isDefaultRoute: false });
    expect(network.whyGone(FAR)).toBe("address-gone");
    expect(network.whyGone(NEAR)).toBe("address-gone");
  });

  test("keeps it while another link has the same address", () => {
    const network = wired({ addresses: [HERE, { ...HERE, link: WLAN }] });

    network.handle({ type: "address-gone", address: { ...HERE, link: WLAN } });

    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test("whose route is gone has lost it, and one on the same network has not", () => {
    const network = wired();

    const told = network.handle({ type: "route-gone", route: DEFAULT });

    expect(told).toEqual({ mayBreak: true, mayHelp: false, route: "del", isDefaultRoute: true });
    expect(network.whyGone(FAR)).toBe("no-route");
    expect(network.whyGone(NEAR)).toBeUndefined();
  });

  test("that another route still serves is left alone", () => {
    const network = wired();
    network.handle({ type: "route", route: { ...DEFAULT, metric: 900 } });

    network.handle({ type: "route-gone", route: DEFAULT });

    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test("whose packets now leave by another link has lost it", () => {
    const network = wired({ addresses: [HERE, THERE] });

    const told = network.handle({ type: "route", route: { ...OTHER_DEFAULT, metric: 50 } });

    expect(told).toEqual({ mayBreak: true, mayHelp: true, route: "add", isDefaultRoute: true });
    expect(network.whyGone(FAR)).toBe("other-link");
    expect(network.whyGone(NEAR)).toBeUndefined();
  });

  test("stays where a worse route is added, or one as good", () => {
    const network = wired({ addresses: [HERE, THERE] });

    network.handle({ type: "route", route: OTHER_DEFAULT });
    expect(network.whyGone(FAR)).toBeUndefined();

    network.handle({ type: "route", route: { ...OTHER_DEFAULT, metric: 100 } });
    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test("stays where the other link's route names its address as the source", () => {
    const network = wired({ addresses: [HERE, THERE] });

    network.handle({ type: "route", route: { ...OTHER_DEFAULT, metric: 50, source: "192.0.2.10" } });

    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test("of IPv6 is judged by IPv6 routes, and the mapped form of IPv4 by those of IPv4", () => {
    const six: PathFacts = { local: "2001:db8::10", remote: "2001:db8:1::5" };
    const network = wired({
      addresses: [HERE, { link: ETH, address: "2001:db8:0:0::10" }],
      routes: [DEFAULT, { link: ETH, destination: "::", prefixLength: 0, gateway: "fe80::1", metric: 1024 }],
    });

    network.handle({ type: "route-gone", route: DEFAULT });
    expect(network.whyGone(six)).toBeUndefined();
    expect(network.whyGone({ local: "::ffff:192.0.2.10", remote: "::ffff:203.0.113.5" })).toBe("no-route");

    network.handle({
      type: "route-gone",
      route: { link: ETH, destination: "::", prefixLength: 0, gateway: "fe80::1", metric: 1024 },
    });
    expect(network.whyGone(six)).toBe("no-route");
  });

  test("is judged by the longest prefix, to the bit", () => {
    const narrow: RouteFacts = { link: WLAN, destination: "203.0.113.4", prefixLength: 31, metric: 9999 };
    const network = wired({ addresses: [HERE, THERE] });

    network.handle({ type: "route", route: narrow });

    expect(network.whyGone(FAR)).toBe("other-link");
    expect(network.whyGone({ ...FAR, remote: "203.0.113.6" })).toBeUndefined();
  });

  test("that was never as it should be is left alone", () => {
    const network = wired({ addresses: [THERE] });

    network.handle({ type: "route-gone", route: DEFAULT });

    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test.each<PathFacts>([
    { local: "127.0.0.1", remote: "127.0.0.1" },
    { local: "::1", remote: "::1" },
    { local: "/run/socket", remote: "" },
    { local: "192.0.2.10", remote: "example.test" },
  ])("from $local to $remote is none of the network's business", (path) => {
    const network = wired();

    network.handle({ type: "link-gone", link: { index: ETH, isUp: false } });

    expect(network.whyGone(path)).toBeUndefined();
  });
});

describe("a change", () => {
  test("that takes a route away takes that one only", () => {
    const network = wired({
      addresses: [HERE],
      routes: [
        { link: ETH, destination: "10.3.3.0", prefixLength: 24, gateway: "192.0.2.1", metric: 100 },
        { link: ETH, destination: "10.4.4.4", prefixLength: 32, gateway: "192.0.2.1", metric: 100 },
      ],
    });

    network.handle({
      type: "route-gone",
      route: { link: ETH, destination: "10.3.3.0", prefixLength: 24, gateway: "192.0.2.1", metric: 100 },
    });

    expect(network.whyGone({ local: "192.0.2.10", remote: "10.3.3.3" })).toBe("no-route");
    expect(network.whyGone({ local: "192.0.2.10", remote: "10.4.4.4" })).toBeUndefined();
  });

  test("by another gateway replaces the route, and the old one's end then means nothing", () => {
    const network = wired();

    expect(
      network.handle({ type: "route", route: { ...DEFAULT, gateway: "192.0.2.2" } }).isDefaultRoute,
    ).toBe(true);
    expect(network.whyGone(FAR)).toBeUndefined();

    expect(network.handle({ type: "route-gone", route: DEFAULT }).mayBreak).toBe(false);
    expect(network.whyGone(FAR)).toBeUndefined();
  });

  test("to what is there already, or what is not there, is none", () => {
    const network = wired();
    const none = { mayBreak: false, mayHelp: false, route: undefined, isDefaultRoute: false };

    for (const change of [
      { type: "route", route: DEFAULT },
      { type: "address", address: HERE },
      { type: "route-gone", route: OTHER_DEFAULT },
      { type: "address-gone", address: THERE },
      { type: "link", link: { index: ETH, isUp: true } },
      { type: "link", link: { index: WLAN, isUp: false } },
      { type: "link-gone", link: { index: WLAN, isUp: false } },
      { type: "resynchronised" },
    ] as const satisfies readonly NetworkFactChange[]) {
      expect(network.handle(change)).toEqual(none);
    }
  });

  test("that brings an address may help who waits", () => {
    expect(wired().handle({ type: "address", address: THERE })).toEqual({
      mayBreak: false,
      mayHelp: true,
      route: undefined,
      isDefaultRoute: false,
    });
  });

  test("that sets a link down takes its routes, of which the kernel says nothing, and leaves its addresses", () => {
    const network = wired();

    const told = network.handle({ type: "link", link: { index: ETH, isUp: false } });

    expect(told).toEqual({ mayBreak: true, mayHelp: false, route: "del", isDefaultRoute: true });
    expect(network.whyGone(FAR)).toBe("no-route");
    network.handle({ type: "route", route: LAN });
    network.handle({ type: "route", route: DEFAULT });
    network.handle({ type: "route-gone", route: DEFAULT });
    expect(network.whyGone(FAR)).toBe("no-route");
  });

  test("that removes a link takes its addresses too", () => {
    const route = { ...OTHER_DEFAULT, source: "192.0.2.10" };
    const network = wired({ addresses: [HERE, THERE], routes: [route] });

    const told = network.handle({ type: "link-gone", link: { index: ETH, isUp: false } });

    expect(told).toEqual({ mayBreak: true, mayHelp: false, route: undefined, isDefaultRoute: false });
    expect(network.whyGone(FAR)).toBe("address-gone");
  });

  test("of a name that is no address does no harm", () => {
    const network = wired();

    network.handle({ type: "route", route: { ...LAN, destination: "nonsense" } });

    expect(network.whyGone(NEAR)).toBeUndefined();
  });
});

test("finds the same route as a plain reading of the table (property)", () => {
  const random = new SeededRandom(8);
  for (let round = 0; round < 500; round++) {
    const routes = Array.from({ length: 8 }, (): RouteFacts => {
      const prefixLength = random.uint16() % 33;
      const mask = prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
      const destination = dotted((random.uint32() & mask & 0xc0ff_ffff) >>> 0);
      return { link: 10 + (random.uint16() % 3), destination, prefixLength, metric: random.uint16() % 3 };
    });
    const unique = new Map(
      routes.map((route) => [
        `${route.destination}/${route.prefixLength} ${route.metric} ${route.link}`,
        route,
      ]),
    );
    const network = new Reachability();
    const addresses = [10, 11, 12].map((link) => ({ link, address: `192.168.0.${link}` }));
    network.reset({ links: [], addresses, routes: [...unique.values()] });
    const remote = dotted((random.uint32() & 0xc0ff_ffff) >>> 0);
    const best = [...unique.values()]
      .filter((route) => binary(remote).startsWith(binary(route.destination).slice(0, route.prefixLength)))
      .sort((a, b) => b.prefixLength - a.prefixLength || a.metric - b.metric);
    const [first] = best;
    const usable = best
      .filter(({ prefixLength, metric }) => prefixLength === first?.prefixLength && metric === first.metric)
      .map(({ link }) => link);
    // A connection breaks when the link that serves it is gone, and only then.
    for (const link of [10, 11, 12]) {
      const path = { local: `192.168.0.${link}`, remote };
      network.reset({ links: [], addresses, routes: [...unique.values()] });
      network.handle({ type: "address-gone", address: { link, address: path.local } });
      const wasServed = usable.includes(link);
      expect(network.whyGone(path)).toBe(wasServed ? "address-gone" : undefined);
    }
  }
});

function wired(
  facts: { readonly addresses?: readonly AddressFacts[]; readonly routes?: readonly RouteFacts[] } = {},
) {
  const network = new Reachability();
  const { addresses = [HERE], routes = [LAN, DEFAULT] } = facts;
  network.reset({ links: [], addresses, routes });
  return network;
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

function binary(address: string): string {
  return address
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
}
