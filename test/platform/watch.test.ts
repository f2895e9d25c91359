import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { NetworkEvent, NetworkSnapshot } from "../../src/context/index.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { Namespace, namespacesMissing, Recorder } from "../namespace.ts";

describe.skipIf(namespacesMissing())("changes of links, addresses and routes", () => {
  const network = createNetwork();
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.cable("eth0", "sw0");
  });
  afterEach(() => namespace.leave());

  test("are told when an address and a route come and go", async () => {
    const events = watch();

    namespace.ip("address add 192.0.2.5/24 dev eth0");
    namespace.ip("route add default via 192.0.2.1 metric 9");
    await events.first((event) => isRoute(event, "route", "0.0.0.0"));

    namespace.ip("route del default");
    await events.first((event) => isRoute(event, "route-gone", "0.0.0.0"));

    namespace.ip("address del 192.0.2.5/24 dev eth0");
    await events.first((event) => isRoute(event, "route-gone", "192.0.2.0"));

    expect(ipv4(events.all)).toEqual([
      "address 192.0.2.5/24",
      "route 192.0.2.0/24 0",
      "route 0.0.0.0/0 9 via 192.0.2.1",
      "route-gone 0.0.0.0/0 9 via 192.0.2.1",
      "address-gone 192.0.2.5/24",
      "route-gone 192.0.2.0/24 0",
    ]);
  });

  test("tell the old route of a replaced one before the new one", async () => {
    namespace.batch(["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1 metric 9"]);
    const events = watch();

    namespace.ip("route replace default via 192.0.2.2 metric 9");
    await events.first((event) => isRoute(event, "route", "0.0.0.0"));

    expect(ipv4(events.all)).toEqual([
      "route-gone 0.0.0.0/0 9 via 192.0.2.1",
      "route 0.0.0.0/0 9 via 192.0.2.2",
    ]);
  });

  test("tell the routes that a link takes along when it goes down, of which the kernel says nothing", async () => {
    namespace.batch(["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1 metric 9"]);
    const events = watch();

    namespace.ip("link set eth0 down");
    await events.first((event) => isRoute(event, "route-gone", "192.0.2.0"));

    expect(ipv4(events.all).toSorted()).toEqual([
      "route-gone 0.0.0.0/0 9 via 192.0.2.1",
      "route-gone 192.0.2.0/24 0",
    ]);
  });

  test("tell carrier, state, name, MTU and hardware address of a link, and its end", async () => {
    const events = watch();
    const link = (wanted: object) =>
      events.first(
        (event) =>
          event.type === "link" &&
          Object.entries(wanted).every(
            ([key, value]) => String(event.link[key as keyof typeof event.link]) === String(value),
          ),
      );

    namespace.ip("link set sw0 down");
    await link({ name: "eth0", hasCarrier: false, isUp: true });
    events.clear();
    namespace.ip("link set sw0 up");
    await link({ name: "eth0", hasCarrier: true, isUp: true });
    namespace.ip("link set eth0 mtu 1300");
    await link({ name: "eth0", mtu: 1300 });
    namespace.ip("link set eth0 address 02:00:00:00:00:2a");
    await link({ name: "eth0", hardwareAddress: "2,0,0,0,0,42" });
    namespace.ip("link set eth0 down");
    await link({ name: "eth0", isUp: false });
    namespace.ip("link set eth0 name eth9");
    await link({ name: "eth9" });
    namespace.ip("link del eth9");
    await events.first((event) => event.type === "link-gone" && event.link.name === "eth9");
  });

  test("say nothing of a link that leaves a bridge", async () => {
    namespace.ip("link add br0 type bridge");
    namespace.ip("link set eth0 master br0");
    const events = watch();

    namespace.ip("link set eth0 nomaster");
    namespace.ip("link set eth0 mtu 1300");
    await events.first((event) => event.type === "link" && event.link.mtu === 1300);

    expect(events.all.filter(({ type }) => type === "link-gone")).toEqual([]);
  });

  test("are told to each who listens, until he does not", async () => {
    const one = watch();
    const other = new Recorder<NetworkEvent>();
    const stop = network.watch(other.record);
    const isAddress = (event: NetworkEvent): boolean => event.type === "address";

    namespace.ip("address add 192.0.2.5/24 dev eth0");
    await Promise.all([one.first(isAddress), other.first(isAddress)]);
    stop();
    stop();
    const told = other.all.length;
    one.clear();
    namespace.ip("address add 192.0.2.6/24 dev eth0");
    await one.first(isAddress);

    expect(other.all).toHaveLength(told);
  });

  test("are made good after an overrun: what is told adds up to what is there", async () => {
    namespace.batch([
      "address add 192.0.2.5/24 dev eth0",
      "route add 198.51.100.0/24 via 192.0.2.1",
      "address add 203.0.113.9/24 dev eth0",
    ]);
    const view = new View(network.snapshot());
    const events = watch();

    // The event loop does not run meanwhile, and the socket's buffer overflows.
    const added = Array.from({ length: 4000 }, (_, index) => `10.${index >> 8}.${index & 0xff}.0/24`);
    namespace.batch(added.map((each) => `route add ${each} via 192.0.2.1`));
    namespace.batch(added.slice(0, 3000).map((each) => `route del ${each}`));
    namespace.batch([
      "route del 198.51.100.0/24",
      "address del 203.0.113.9/24 dev eth0",
      "address add 203.0.113.10/24 dev eth0",
      "link set eth0 mtu 1333",
      "link add late type veth peer name later",
    ]);
    await events.first(({ type }) => type === "resynchronised");

    for (const event of events.all) view.see(event);
    expect(view.rows()).toEqual(new View(network.snapshot()).rows());
    expect(view.rows()).toContain("route 10.15.159.0/24 0 via 192.0.2.1");
    expect(events.all.filter(({ type }) => type === "resynchronised")).toHaveLength(1);

    events.clear();
    namespace.ip("route add 198.51.100.0/24 via 192.0.2.1");
    await events.first((event) => isRoute(event, "route", "198.51.100.0"));
  });

  test("tell the truth in the end through a storm of flaps", async () => {
    namespace.ip("address add 192.0.2.5/24 dev eth0");
    const view = new View(network.snapshot());
    const events = watch();

    const flap = ["link set eth0 down", "link set eth0 up", "route add default via 192.0.2.1 metric 9"];
    namespace.batch(Array.from({ length: 50 }, () => flap).flat());
    namespace.ip("route add 198.51.100.0/24 via 192.0.2.1");
    await events.first((event) => isRoute(event, "route", "198.51.100.0"));
    const isTrue = (): boolean => {
      const told = view.after(events.all);
      return told.rows().join() === new View(network.snapshot()).rows().join();
    };
    if (!isTrue()) await events.first(isTrue);
  });

  function watch(): Recorder<NetworkEvent> {
    const events = new Recorder<NetworkEvent>();
    onTestFinished(network.watch(events.record));
    return events;
  }
});

/** What somebody knows who began with a snapshot and believes every event. */
class View {
  readonly #rows = new Map<string, string>();

  constructor({ links, addresses, routes }: NetworkSnapshot) {
    for (const link of links) this.see({ type: "link", link });
    for (const address of addresses) this.see({ type: "address", address });
    for (const route of routes) this.see({ type: "route", route });
  }

  see(event: NetworkEvent): void {
    if (event.type === "resynchronised") return;
    const row = text(event).replace("-gone", "");
    const key = "link" in event && typeof event.link === "object" ? `link ${event.link.index}` : row;
    if (event.type.endsWith("-gone")) this.#rows.delete(key);
    else this.#rows.set(key, row);
  }

  after(events: readonly NetworkEvent[]): View {
    const later = new View({ links: [], addresses: [], routes: [] });
    for (const [key, row] of this.#rows) later.#rows.set(key, row);
    for (const event of events) later.see(event);
    return later;
  }

  rows(): readonly string[] {
    return [...this.#rows.values()].toSorted();
  }
}

function text(event: NetworkEvent): string {
  switch (event.type) {
    case "link":
    case "link-gone":
      return `${event.type} ${event.link.index} ${event.link.name} ${event.link.mtu} ${event.link.isUp} ${event.link.hasCarrier}`;
    case "address":
    case "address-gone":
      return `${event.type} ${event.address.address}/${event.address.prefixLength}`;
    case "route":
    case "route-gone": {
      const { destination, prefixLength, metric, gateway } = event.route;
      const via = gateway === undefined ? "" : ` via ${gateway}`;
      return `${event.type} ${destination}/${prefixLength} ${metric}${via}`;
    }
    default:
      return event.type;
  }
}

function ipv4(events: readonly NetworkEvent[]): readonly string[] {
  return events.map(text).filter((each) => !each.includes("::") && !each.startsWith("link"));
}

function isRoute(event: NetworkEvent, type: "route" | "route-gone", destination: string): boolean {
  return event.type === type && event.route.destination === destination;
}
