import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { InterfaceAddress, Route } from "../../src/context/index.ts";
import { SecureStreamsError } from "../../src/lib/errors.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { Namespace, namespacesMissing } from "../namespace.ts";

describe.skipIf(namespacesMissing())("addresses and routes of the kernel", () => {
  const network = createNetwork();
  let namespace: Namespace;
  let link: number;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.cable("eth0", "sw0");
    link = namespace.index("eth0");
  });
  afterEach(() => namespace.leave());

  test("finds what ip finds", () => {
    namespace.batch([
      "link set sw0 down",
      "link set sw0 up",
      "link set eth0 mtu 1400 address 02:00:00:00:00:2a",
      "address add 192.0.2.5/24 brd + dev eth0 valid_lft 300 preferred_lft 200",
      "address add 2001:db8::5/64 dev eth0 nodad",
      "route add default via 192.0.2.1 dev eth0 metric 77 src 192.0.2.5 proto dhcp",
      "route add 198.51.100.0/24 dev eth0",
      "route add 203.0.113.0/24 via 10.9.9.9 dev eth0 onlink",
      "route add 10.1.0.0/16 nexthop via 192.0.2.1 dev eth0 nexthop via 192.0.2.2 dev eth0",
      "route add 10.2.0.0/16 via inet6 2001:db8::1 dev eth0",
      "route add 10.3.0.0/16 dev eth0 table 77",
      "route add blackhole 10.4.0.0/16",
      "route add ::/0 via 2001:db8::1 dev eth0 metric 9",
    ]);

    const { links, addresses, routes } = network.snapshot();

    expect(links.find(({ index }) => index === link)).toEqual({
      index: link,
      name: "eth0",
      hardwareType: 1,
      hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 0x2a),
      mtu: 1400,
      isUp: true,
      hasCarrier: true,
      carrierLosses: 2,
    });
    expect(links.map(({ name }) => name).toSorted()).toEqual(["eth0", "lo", "sw0"]);
    expect(addresses).toContainEqual(
      address({ broadcast: "192.0.2.255", validSeconds: 300, preferredSeconds: 200, protocol: 0 }),
    );
    expect(addresses).toContainEqual(
      address({ address: "2001:db8::5", prefixLength: 64, broadcast: undefined, protocol: 0 }),
    );
    expect(routes).toContainEqual(
      route({ gateway: "192.0.2.1", metric: 77, source: "192.0.2.5", protocol: 16 }),
    );
    expect(routes).toContainEqual(route({ destination: "198.51.100.0", prefixLength: 24, protocol: 3 }));
    expect(routes).toContainEqual(
      route({
        destination: "203.0.113.0",
        prefixLength: 24,
        gateway: "10.9.9.9",
        protocol: 3,
        isOnLink: true,
      }),
    );
    for (const gateway of ["192.0.2.1", "192.0.2.2"]) {
      expect(routes).toContainEqual(
        route({ destination: "10.1.0.0", prefixLength: 16, gateway, protocol: 3 }),
      );
    }
    expect(routes).toContainEqual(
      route({ destination: "10.2.0.0", prefixLength: 16, gateway: "2001:db8::1", protocol: 3 }),
    );
    expect(routes).toContainEqual(
      route({ destination: "::", gateway: "2001:db8::1", metric: 9, protocol: 3 }),
    );
    const destinations = routes.map(({ destination }) => destination);
    expect(destinations).not.toContain("10.3.0.0");
    expect(destinations).not.toContain("10.4.0.0");
    const main = namespace.json("route").length + namespace.json("-6 route").length;
    // ip tells a route of two hops once, and the blackhole.
    expect(routes).toHaveLength(main + 1 - 1);
  });

  test("puts an address with its lifetimes, broadcast, owner and metric, and renews it in place", () => {
    network.putAddress(
      address({ broadcast: "192.0.2.255", validSeconds: 60, preferredSeconds: 50, prefixMetric: 1024 }),
    );

    expect(inet(namespace)).toEqual([
      {
        local: "192.0.2.5",
        prefixlen: 24,
        broadcast: "192.0.2.255",
        valid_life_time: 60,
        preferred_life_time: 50,
        dynamic: true,
      },
    ]);
    expect(namespace.json("route show 192.0.2.0/24")).toMatchObject([{ metric: 1024, protocol: "kernel" }]);

    network.putAddress(address({ broadcast: "192.0.2.255", validSeconds: 7200, preferredSeconds: 3600 }));

    expect(inet(namespace)).toMatchObject([{ valid_life_time: 7200, preferred_life_time: 3600 }]);
    expect(network.snapshot().addresses).toContainEqual(
      address({
        broadcast: "192.0.2.255",
        validSeconds: 7200,
        preferredSeconds: 3600,
        prefixMetric: undefined,
      }),
    );

    network.putAddress(address({ broadcast: "192.0.2.255" }));

    expect(network.snapshot().addresses).toContainEqual(address({ broadcast: "192.0.2.255" }));
  });

  test("puts a route, replaces it, and drops it", () => {
    network.putAddress(address({}));

    network.putRoute(route({ gateway: "192.0.2.1", metric: 200, source: "192.0.2.5" }));

    expect(namespace.json("route show default")).toMatchObject([
      {
        dst: "default",
        gateway: "192.0.2.1",
        dev: "eth0",
        metric: 200,
        protocol: "dhcp",
        prefsrc: "192.0.2.5",
      },
    ]);

    network.putRoute(route({ gateway: "192.0.2.2", metric: 200, source: "192.0.2.5" }));

    expect(namespace.json("route show default")).toMatchObject([{ gateway: "192.0.2.2", metric: 200 }]);

    network.dropRoute(route({ gateway: "192.0.2.2", metric: 200, source: "192.0.2.5" }));

    expect(namespace.json("route show default")).toEqual([]);
  });

  test("puts a route to a gateway outside every prefix, a route without a gateway, and IPv6 ones", () => {
    network.putAddress(address({}));
    network.putAddress(address({ address: "2001:db8::5", prefixLength: 64, protocol: 68 }));

    network.putRoute(route({ gateway: "198.18.0.1", metric: 7, isOnLink: true }));
    network.putRoute(route({ destination: "198.18.0.0", prefixLength: 15, metric: 7 }));
    network.putRoute(
      route({ destination: "2001:db8:1::", prefixLength: 48, gateway: "2001:db8::1", metric: 7 }),
    );
    network.putRoute(route({ destination: "10.2.0.0", prefixLength: 16, gateway: "2001:db8::1", metric: 7 }));

    expect(namespace.json("route show default")).toMatchObject([
      { gateway: "198.18.0.1", flags: ["onlink"] },
    ]);
    expect(namespace.json("route show 198.18.0.0/15")).toMatchObject([{ dev: "eth0", scope: "link" }]);
    expect(namespace.json("-6 route show 2001:db8:1::/48")).toMatchObject([
      { gateway: "2001:db8::1", metric: 7 },
    ]);
    expect(namespace.json("route show 10.2.0.0/16")).toMatchObject([{ via: { host: "2001:db8::1" } }]);
  });

  test("leaves the kernel as it was once all is dropped, and drops what is gone without an error", () => {
    const before = namespace.state();
    const routes = [
      route({ gateway: "192.0.2.1", metric: 5 }),
      route({ destination: "198.18.0.0", prefixLength: 15, metric: 5 }),
      route({ destination: "198.51.100.0", prefixLength: 24, gateway: "192.0.2.1" }),
    ];

    network.putAddress(address({ validSeconds: 60, preferredSeconds: 60 }));
    for (const each of routes) network.putRoute(each);
    for (let times = 0; times < 2; times++) {
      for (const each of routes) network.dropRoute(each);
      network.dropAddress(address({}));
    }
    network.dropAddress(address({ link: 9999 }));
    network.dropRoute(route({ link: 9999, gateway: "192.0.2.1", metric: 5 }));

    expect(namespace.state()).toBe(before);
  });

  test("drops its own route and none that resembles it", () => {
    namespace.batch([
      "address add 192.0.2.5/24 dev eth0",
      "route add default via 192.0.2.1 dev eth0 metric 300 proto dhcp",
      "route add default via 192.0.2.1 dev eth0 metric 400 proto static",
      "route add 198.51.100.0/24 via 192.0.2.1 dev eth0 metric 300 proto dhcp",
    ]);
    const before = namespace.state();

    network.dropRoute(route({ gateway: "192.0.2.1" }));
    network.dropRoute(route({ gateway: "192.0.2.2", metric: 300 }));
    network.dropRoute(route({ gateway: "192.0.2.1", metric: 400 }));
    network.dropRoute(route({ destination: "198.51.100.0", prefixLength: 24, metric: 300 }));
    network.dropAddress(address({ prefixLength: 25 }));
    network.dropAddress(address({ address: "192.0.2.6" }));

    expect(namespace.state()).toBe(before);
  });

  test("drops its own address and none of the same prefix that came after it", () => {
    const promotes = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries";
    for (const setting of ["0", "1"]) {
      writeFileSync(promotes, setting);
      network.putAddress(address({}));
      namespace.ip("address add 192.0.2.77/24 dev eth0");
      namespace.ip("address add 192.0.2.78/24 dev eth0");

      network.dropAddress(address({}));

      expect(inet(namespace)).toMatchObject([{ local: "192.0.2.77" }, { local: "192.0.2.78" }]);
      expect(namespace.json("route show 192.0.2.0/24")).toMatchObject([{ prefsrc: "192.0.2.77" }]);
      expect(readFileSync(promotes, "utf8").trim()).toBe(setting);
      namespace.ip("address flush dev eth0");
    }
  });

  test("brings a link up and sets its MTU", () => {
    namespace.ip("link set eth0 down");

    network.bringUp(link);
    network.setMtu(link, 1280);

    expect(network.snapshot().links.find(({ index }) => index === link)).toMatchObject({
      isUp: true,
      mtu: 1280,
    });
  });

  test("says what the kernel refuses, in its words", () => {
    const put = (over: Partial<Route>): unknown => thrown(() => network.putRoute(route(over)));

    expect(thrown(() => network.bringUp(9999))).toMatchObject({ code: "interface-missing", layer: "system" });
    expect(put({ gateway: "192.0.2.1", metric: 1 })).toMatchObject({
      code: "network-failed",
      message: `Cannot set the route to "0.0.0.0/0" over link ${link}: Nexthop has invalid gateway (ENETUNREACH)`,
    });
    expect(thrown(() => network.setMtu(link, 10))).toMatchObject({
      code: "network-failed",
      message: `Cannot set the MTU of link ${link} to 10: mtu less than device minimum (EINVAL)`,
    });
    expect(thrown(() => network.putAddress(address({ address: "192.0.2" })))).toMatchObject({
      name: "UsageError",
      message: 'Cannot use "192.0.2": not an IP address',
    });
    expect(put({ destination: "nonsense" })).toBeInstanceOf(SecureStreamsError);
  });

  test("reads two thousand routes whole", () => {
    namespace.ip("address add 192.0.2.5/24 dev eth0");
    const wanted = Array.from({ length: 2000 }, (_, index) => `10.${100 + (index >> 8)}.${index & 0xff}.0`);
    namespace.batch(wanted.map((each) => `route add ${each}/24 via 192.0.2.1`));

    const found = network.snapshot().routes.map(({ destination }) => destination);

    expect(found.filter((each) => each.startsWith("10."))).toEqual(wanted);
  });

  function address(over: Partial<InterfaceAddress>): InterfaceAddress {
    return {
      link,
      address: "192.0.2.5",
      prefixLength: 24,
      validSeconds: Number.POSITIVE_INFINITY,
      preferredSeconds: Number.POSITIVE_INFINITY,
      protocol: 68,
      ...over,
    };
  }

  function route(over: Partial<Route>): Route {
    return {
      link,
      destination: "0.0.0.0",
      prefixLength: 0,
      metric: 0,
      protocol: 16,
      isOnLink: false,
      ...over,
    };
  }
});

/** The IPv4 addresses of eth0 as ip tells them. */
function inet(namespace: Namespace): readonly unknown[] {
  const [link] = namespace.json<{ addr_info: Record<string, unknown>[] }>("-4 address show dev eth0");
  return (link?.addr_info ?? []).map(
    ({ local, prefixlen, broadcast, dynamic, valid_life_time, preferred_life_time }) => ({
      local,
      prefixlen,
      broadcast,
      dynamic,
      valid_life_time,
      preferred_life_time,
    }),
  );
}

function thrown(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
