import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NetworkEvent } from "../../src/context/index.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { namespacesMissing, Recorder } from "../namespace.ts";
import { peerMissing } from "../peers.ts";
import { Lab } from "./lab.ts";
import type { DhcpServer, Pool } from "./servers.ts";

const SERVERS: readonly DhcpServer["name"][] = ["dnsmasq", "kea-dhcp4", "dhcpd"];
const POOL: Pool = { first: 50, last: 60, lease: 600 };
const WHOLE: Pool = {
  ...POOL,
  renew: 200,
  rebind: 400,
  dns: ["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4"],
  ntp: "10.77.0.9",
  mtu: 1400,
  captivePortal: "https://portal.example/start",
  search: ["one.example", "two.example"],
  routes: [
    ["0.0.0.0/0", "10.77.0.1"],
    ["10.9.0.0/16", "10.77.0.7"],
  ],
};

describe.skipIf(namespacesMissing())("a DHCP client in a network of its own", () => {
  let lab: Lab;

  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.close());

  for (const name of SERVERS) {
    describe.skipIf(peerMissing(name))(`with ${name}`, () => {
      test("configures all that the server tells in four frames, and leaves the kernel as it was", async () => {
        const { link, tap } = await lab.cable(name, WHOLE);
        const before = lab.namespace.state();
        const resolvConf = lab.file("resolv.conf");
        writeFileSync(resolvConf, "nameserver 192.0.2.53\n");
        const { client, leases, warnings } = lab.client({ interface: link, metric: 77, resolvConf });

        const lease = await client.bound();

        expect(tap.types()).toEqual(["discover", "offer", "request", "ack"]);
        expect(lease.address).toMatch(/^10\.77\.0\.(5\d|60)$/);
        expect(lease).toEqual({
          address: lease.address,
          prefixLength: 24,
          broadcast: "10.77.0.255",
          server: "10.77.0.1",
          routers: ["10.77.0.1"],
          dnsServers: ["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4"],
          searchDomains: ["one.example", "two.example"],
          ntpServers: ["10.77.0.9"],
          captivePortal: "https://portal.example/start",
          mtu: 1400,
          routes: expect.arrayContaining([
            { destination: "0.0.0.0", prefixLength: 0, gateway: "10.77.0.1" },
            { destination: "10.9.0.0", prefixLength: 16, gateway: "10.77.0.7" },
          ]),
          leaseSeconds: 600,
          renewSeconds: 200,
          rebindSeconds: 400,
          doubts: [],
        });
        expect(lab.addresses(link)).toEqual([
          expect.objectContaining({
            local: lease.address,
            prefixlen: 24,
            broadcast: "10.77.0.255",
            metric: 77,
          }),
        ]);
        expect(lab.addresses(link)[0]?.valid_life_time).toBeLessThanOrEqual(600);
        expect(lab.addresses(link)[0]?.valid_life_time).toBeGreaterThan(590);
        expect(lab.routes(link)).toEqual([
          `default via 10.77.0.1 proto dhcp src ${lease.address} metric 77`,
          `10.9.0.0/16 via 10.77.0.7 proto dhcp src ${lease.address} metric 77`,
        ]);
        expect(lab.namespace.json<{ mtu: number }>(`link show dev ${link}`)[0]?.mtu).toBe(1400);

        await client.stop();

        expect(lab.namespace.state()).toBe(before);
        expect(readFileSync(resolvConf, "utf8")).toBe("nameserver 192.0.2.53\n");
        expect(leases.all.map(({ change }) => change)).toEqual(["acquired", "lost"]);
        expect(warnings).toEqual([]);
      });

      test("asks for the address of its lease file, in two frames", async () => {
        const { link, tap } = await lab.cable(name, POOL);
        const leaseFile = lab.file("lease");
        const first = lab.client({ interface: link, leaseFile });
        const { address } = await first.client.bound();
        await first.client.stop();
        const cold = tap.types().length;
        const second = lab.client({ interface: link, leaseFile });

        const lease = await second.client.bound();

        expect(lease.address).toBe(address);
        expect(tap.types().slice(cold)).toEqual(["request", "ack"]);
        expect(tap.dhcp()[cold]).toMatchObject({ current: "0.0.0.0", requested: address });
        expect(second.states.all.map(({ state }) => state)).toEqual(["init-reboot", "rebooting", "bound"]);
        await second.client.stop();
      });

      test("takes another address where the network has become another one and refuses the old", async () => {
        const cable = await lab.cable(name, POOL);
        const { link, server, tap } = cable;
        const leaseFile = lab.file(`${name}-moved.lease`);
        const first = lab.client({ interface: link, leaseFile });
        await first.client.bound();
        await first.client.stop();
        const from = tap.types().length;
        const network = cable.network.replace("10.77", "10.78");
        const meanwhile = () => lab.renumber(cable, `${network}.1`);
        await server.restart(POOL, { network, forget: true, meanwhile });
        const { client, states } = lab.client({ interface: link, leaseFile });

        const { address } = await client.bound();

        expect(tap.types().slice(from)).toEqual(["request", "nak", "discover", "offer", "request", "ack"]);
        expect(states.all.find(({ reason }) => reason?.code === "dhcp-refused")).toBeDefined();
        expect(address).toContain(`${network}.`);
        expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
        await client.stop();
      });

      test("gives the address back, and gets one anew when asked", async () => {
        const { link, server, tap } = await lab.cable(name, POOL);
        const before = lab.namespace.state();
        const leaseFile = lab.file("lease");
        const { client, leases } = lab.client({ interface: link, leaseFile });
        const { address } = await client.bound();
        const heard = server.wrote(/DHCPRELEASE|DHCP4_RELEASE/);

        await client.release();
        await heard;

        expect(client.state).toBe("idle");
        expect(tap.dhcp().at(-1)).toMatchObject({
          type: "release",
          source: address,
          destination: "10.77.0.1",
        });
        expect(lab.namespace.state()).toBe(before);
        leases.clear();
        client.renew();
        await leases.first(({ change }) => change === "acquired");
        expect(lab.addresses(link)).toHaveLength(1);
        await client.release();
        await client.stop();
        expect(existsSync(leaseFile)).toBe(false);
      });
    });
  }

  // Kea refuses only what another has: for what is in no pool of its own it leaves the word to other servers.
  for (const name of ["dnsmasq", "dhcpd"] as const) {
    test.skipIf(peerMissing(name))(
      `starts over when it comes to a network of ${name} that refuses its address`,
      async () => {
        const cable = await lab.cable(name, POOL);
        const { link, server, tap } = cable;
        const leaseFile = lab.file("lease");
        const first = lab.client({ interface: link, leaseFile });
        const { address } = await first.client.bound();
        await first.client.stop();
        await server.restart(POOL, {
          network: "10.78.0",
          meanwhile: () => lab.renumber(cable, "10.78.0.1"),
        });
        const { client, states } = lab.client({ interface: link, leaseFile });

        const lease = await client.bound();

        expect(tap.types().slice(4)).toEqual(["request", "nak", "discover", "offer", "request", "ack"]);
        expect(tap.dhcp()[4]).toMatchObject({ requested: address });
        expect(states.all.map(({ state }) => state)).toEqual([
          ...["init-reboot", "rebooting", "init", "selecting", "requesting", "bound"],
        ]);
        expect(states.all[2]?.reason).toMatchObject({ code: "dhcp-refused" });
        expect(lease.address).toMatch(/^10\.78\.0\.(5\d|60)$/);
        expect(lab.addresses(link).map(({ local }) => local)).toEqual([lease.address]);
        expect(lab.routes(link)).toEqual([
          `default via 10.78.0.1 proto dhcp src ${lease.address} metric 1024`,
        ]);
        await client.stop();
      },
    );
  }

  test.skipIf(peerMissing("kea-dhcp4"))("starts over when its address was given to another", async () => {
    const { link, server, tap } = await lab.cable("kea-dhcp4", POOL);
    const leaseFile = lab.file("lease");
    const first = lab.client({ interface: link, leaseFile });
    const { address } = await first.client.bound();
    await first.client.stop();
    await server.restart(POOL, { forget: true });
    const clientId = { type: "given", bytes: Uint8Array.of(0, 1, 2, 3) } as const;
    const other = lab.client({ interface: link, clientId });
    expect((await other.client.bound()).address).toBe(address);
    await other.client.stop();
    const before = tap.types().length;
    const { client } = lab.client({ interface: link, leaseFile });

    const lease = await client.bound();

    expect(tap.types().slice(before)).toEqual(["request", "nak", "discover", "offer", "request", "ack"]);
    expect(lab.addresses(link).map(({ local }) => local)).toEqual([lease.address]);
    expect(lease.address).not.toBe(address);
    await client.stop();
  });

  describe.skipIf(peerMissing("dnsmasq"))("and the network around it", () => {
    test("takes an address in two frames where the server commits at once", async () => {
      const { link, tap } = await lab.cable("dnsmasq", { ...POOL, rapidCommit: true });
      const { client, states } = lab.client({ interface: link, rapidCommit: true });

      const { address } = await client.bound();

      expect(tap.types()).toEqual(["discover", "ack"]);
      expect(states.all.map(({ state }) => state)).toEqual(["init", "selecting", "bound"]);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      await client.stop();
    });

    test("takes the address back and starts over when a renewal is refused after a change of the pool", async () => {
      const { link, server, tap } = await lab.cable("dnsmasq", POOL);
      const { client, leases } = lab.client({ interface: link });
      const { address } = await client.bound();
      await server.restart({ first: 100, last: 110, lease: 600 }, { forget: true });

      client.renew();
      const { lease } = await leases.first(
        ({ change, lease: next }) => change === "acquired" && next?.address !== address,
      );

      expect(tap.types().slice(4)).toEqual(["request", "nak", "discover", "offer", "request", "ack"]);
      expect(leases.all[1]).toMatchObject({ change: "lost", reason: { code: "dhcp-refused" } });
      expect(lease?.address).toMatch(/^10\.77\.0\.1[01]\d$/);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([lease?.address]);
      await client.stop();
    });

    test("takes the address back when the carrier is lost, and asks for it when it returns", async () => {
      const { link, namespace, tap } = await lab.cable("dnsmasq", POOL);
      const { client, states, leases } = lab.client({ interface: link });
      const { address } = await client.bound();

      lab.namespace.ip(`-n ${namespace} link set sw0 down`);
      await states.first(({ state }) => state === "no-carrier");

      expect(lab.addresses(link)).toEqual([]);
      expect(lab.routes(link)).toEqual([]);
      expect(client.lease).toBeUndefined();
      expect(leases.all.at(-1)).toMatchObject({ change: "lost", reason: { code: "dhcp-no-carrier" } });
      leases.clear();

      lab.namespace.ip(`-n ${namespace} link set sw0 up`);
      await leases.first(({ change }) => change === "acquired");

      expect(client.lease?.address).toBe(address);
      expect(tap.types().slice(4)).toEqual(["request", "ack"]);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      expect(lab.routes(link)).toEqual([`default via 10.77.0.1 proto dhcp src ${address} metric 1024`]);
      await client.stop();
    });

    test("is configured again after somebody takes the link down and up", async () => {
      const { link, tap } = await lab.cable("dnsmasq", POOL);
      const { client, states, leases } = lab.client({ interface: link });
      const { address } = await client.bound();

      lab.namespace.ip(`link set ${link} down`);
      await states.first(({ state }) => state === "no-carrier");
      expect(lab.addresses(link)).toEqual([]);
      leases.clear();

      lab.namespace.ip(`link set ${link} up`);
      await leases.first(({ change }) => change === "acquired");

      expect(tap.types().slice(4)).toEqual(["request", "ack"]);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      expect(lab.routes(link)).toHaveLength(1);
      await client.stop();
    });

    test("brings up a link that is down", async () => {
      const { link } = await lab.cable("dnsmasq", POOL);
      lab.namespace.ip(`link set ${link} down`);
      const { client } = lab.client({ interface: link });

      await client.bound();

      expect(lab.namespace.json<{ flags: readonly string[] }>(`link show dev ${link}`)[0]?.flags).toContain(
        "UP",
      );
      expect(lab.addresses(link)).toHaveLength(1);
      await client.stop();
    });

    test("ends and says so when the interface is removed, whatever was set on it", async () => {
      const { link } = await lab.cable("dnsmasq", { ...POOL, mtu: 1400 });
      const resolvConf = lab.file("resolv.conf");
      const { client, states, leases } = lab.client({ interface: link, resolvConf });
      await client.bound();

      lab.namespace.ip(`link del ${link}`);
      const { reason } = await states.first(({ state }) => state === "ended");

      expect(reason).toMatchObject({ code: "interface-missing" });
      expect(leases.all.map(({ change }) => change)).toEqual(["acquired", "lost"]);
      await client.stop();
      expect(existsSync(resolvConf)).toBe(false);
    });

    test("touches no address and no route that is not its own", async () => {
      const { link } = await lab.cable("dnsmasq", POOL);
      lab.namespace.cable("eth8", "eth9");
      lab.namespace.batch([
        `address add 192.0.2.9/24 dev ${link}`,
        `address add 10.77.0.9/24 dev ${link}`,
        "address add 198.51.100.9/24 dev eth8",
        `route add 203.0.113.0/24 via 192.0.2.1 dev ${link} proto dhcp metric 7`,
        "route add default via 198.51.100.1 dev eth8 metric 5",
        "route add default via 198.51.100.2 dev eth8 metric 1024",
        "route add default via 198.51.100.3 dev eth8 metric 1025 proto dhcp",
      ]);
      const before = lab.namespace.state();
      const { client } = lab.client({ interface: link });

      const { address } = await client.bound();

      expect(lab.routes("eth8")).toEqual([
        "default via 198.51.100.1 metric 5",
        "default via 198.51.100.2 metric 1024",
        "default via 198.51.100.3 proto dhcp metric 1025",
      ]);
      expect(lab.routes(link)).toEqual([
        `default via 10.77.0.1 proto dhcp src ${address} metric 1026`,
        "203.0.113.0/24 via 192.0.2.1 proto dhcp metric 7",
      ]);
      await client.stop();
      expect(lab.namespace.state()).toBe(before);
    });

    test("keeps two interfaces in one process, each with its metric and its end", async () => {
      const one = await lab.cable("dnsmasq", POOL);
      const other = await lab.cable("dnsmasq", POOL);
      const before = lab.namespace.state();
      const first = lab.client({ interface: one.link, metric: 10 });
      const second = lab.client({ interface: other.link, metric: 20 });

      const [here, there] = await Promise.all([first.client.bound(), second.client.bound()]);

      expect(lab.namespace.ip("route show default").trim().split(" \n")).toEqual([
        `default via 10.77.0.1 dev eth0 proto dhcp src ${here.address} metric 10`,
        `default via 10.77.1.1 dev eth1 proto dhcp src ${there.address} metric 20`,
      ]);
      await first.client.stop();
      expect(lab.addresses(one.link)).toEqual([]);
      expect(second.client.state).toBe("bound");
      expect(lab.routes(other.link)).toEqual([
        `default via 10.77.1.1 proto dhcp src ${there.address} metric 20`,
      ]);
      await second.client.stop();
      expect(lab.namespace.state()).toBe(before);
    });

    test("keeps two interfaces that were given the same metric", async () => {
      const one = await lab.cable("dnsmasq", POOL);
      const other = await lab.cable("dnsmasq", POOL);
      const first = lab.client({ interface: one.link });
      const second = lab.client({ interface: other.link });

      await first.client.bound();
      await second.client.bound();

      expect(lab.routes(one.link)[0]).toMatch(/^default via 10\.77\.0\.1 .* metric 1024$/);
      expect(lab.routes(other.link)[0]).toMatch(/^default via 10\.77\.1\.1 .* metric 1025$/);
      await first.client.stop();
      await second.client.stop();
    });

    test("writes name servers and search list while there is a lease", async () => {
      const { link } = await lab.cable("dnsmasq", WHOLE);
      const resolvConf = lab.file("resolv.conf");
      const { client } = lab.client({ interface: link, resolvConf });
      await client.bound();
      await client.stop({ keep: true });

      expect(readFileSync(resolvConf, "utf8")).toBe(
        [
          "# From the DHCP lease",
          "search one.example two.example",
          ...["nameserver 10.77.0.1", "nameserver 10.77.0.2", "nameserver 10.77.0.3", "nameserver 10.77.0.4"],
          "",
        ].join("\n"),
      );
    });

    test("puts a new router in the place of the old one on renewal", async () => {
      const { link, server } = await lab.cable("dnsmasq", POOL);
      const { client, leases } = lab.client({ interface: link });
      const { address } = await client.bound();
      await server.restart({ ...POOL, router: "10.77.0.2" });

      client.renew();
      await leases.first(({ change }) => change === "renewed");

      expect(lab.routes(link)).toEqual([`default via 10.77.0.2 proto dhcp src ${address} metric 1024`]);
      await client.stop();
      expect(lab.routes(link)).toEqual([]);
    });

    test("puts back on renewal what somebody took away", async () => {
      const { link } = await lab.cable("dnsmasq", POOL);
      const { client, leases } = lab.client({ interface: link });
      const { address } = await client.bound();
      const before = lab.routes(link);
      lab.namespace.ip(`route del default dev ${link}`);

      client.renew();
      await leases.first(({ change }) => change === "renewed");

      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      expect(lab.routes(link)).toEqual(before);
      await client.stop();
    });

    test("prolongs address and lease on renewal without taking either away", async () => {
      const { link, tap } = await lab.cable("dnsmasq", POOL);
      const { client, leases } = lab.client({ interface: link });
      const { address } = await client.bound();
      const changes = new Recorder<NetworkEvent>();
      const unwatch = createNetwork().watch(changes.record);

      client.renew();
      await leases.first(({ change }) => change === "renewed");
      lab.namespace.cable("eth8", "eth9");
      await changes.first((event) => event.type === "link" && event.link.name === "eth9");
      unwatch();

      expect(tap.dhcp().slice(4)).toMatchObject([
        {
          type: "request",
          source: address,
          destination: "10.77.0.1",
          current: address,
          requested: undefined,
        },
        { type: "ack", given: address },
      ]);
      expect(changes.all.filter(({ type }) => type.endsWith("-gone"))).toEqual([]);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      await client.stop();
    });
  });
});
