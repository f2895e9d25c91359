import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkEvent } from "../../src/context/index.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { namespacesMissing, Recorder } from "../namespace.ts";
import { peerMissing } from "../peers.ts";
import { arpFrame, rawSender } from "../platform/raw-frames.ts";
import { Lab } from "./lab.ts";
import type { DhcpServer, Pool } from "./servers.ts";

const SERVERS: readonly DhcpServer["name"][] = ["dnsmasq", "kea-dhcp4", "dhcpd"];
/** dnsmasq gives no lease shorter than two minutes. */
const PUNCTUAL: readonly DhcpServer["name"][] = ["kea-dhcp4", "dhcpd"];
const POOL: Pool = { first: 50, last: 60, lease: 600 };
const SHORT: Pool = { ...POOL, lease: 8, renew: 3, rebind: 6 };
/** Rebinding goes on for 14 s: room for a server that takes its time to come up on a busy machine. */
const ROOMY: Pool = { ...SHORT, lease: 20 };

/** In real time, each on a cable of its own, all of them at once. */
describe.skipIf(namespacesMissing())("a lease in time", () => {
  const changes = new Recorder<{ readonly event: NetworkEvent; readonly at: number }>();
  let lab: Lab;
  let unwatch: () => void;

  beforeAll(() => {
    lab = new Lab();
    unwatch = createNetwork().watch((event) => changes.record({ event, at: performance.now() }));
  });
  afterAll(async () => {
    unwatch();
    await lab.close();
  });

  const isGone = (event: NetworkEvent, address: string): boolean =>
    event.type === "address-gone" && event.address.address === address;

  for (const name of SERVERS) {
    test
      .skipIf(peerMissing(name))
      .concurrent(
        `of ${name} is declined when a neighbour has the address, and another is asked for after ten seconds`,
        async () => {
          const { link, namespace, tap, server } = await lab.cable(name, POOL);
          const leaseFile = lab.file(`${name}.lease`);
          const first = lab.client({ interface: link, leaseFile, metric: 400 });
          const { address } = await first.client.bound();
          await first.client.stop();
          const before = tap.types().length;
          lab.namespace.ip(`-n ${namespace} address add ${address}/32 dev lo`);
          const declined = server.wrote(/DHCPDECLINE|DECLINE_LEASE/);
          const options = { interface: link, leaseFile, conflictDetection: true };
          const { client, states, leases } = lab.client(options);

          const attempt = client.bound();
          await Promise.all([declined, states.first(({ state }) => state === "requesting")]);
          await states.first(({ state, previous }) => state === "probing" && previous === "requesting");

          const frames = tap.dhcp().slice(before);
          expect(frames.map(({ type }) => type)).toEqual([
            "request",
            "ack",
            "decline",
            "discover",
            "offer",
            "request",
            "ack",
          ]);
          expect(frames[2]).toMatchObject({ requested: address, destination: "255.255.255.255" });
          expect(frames[6]?.given).not.toBe(address);
          const conflict = states.all.find(({ reason }) => reason?.code === "dhcp-conflict");
          const next = states.all.find(({ state }) => state === "selecting");
          // Counted from the ARP reply; the events follow it by what it takes to say DECLINE.
          expect(Number(next?.at) - Number(conflict?.at)).toBeGreaterThan(9900);
          expect(leases.all).toEqual([]);
          expect(lab.addresses(link)).toEqual([]);
          const refused = expect(attempt).rejects.toMatchObject({ code: "closed" });
          await client.stop();
          await refused;
        },
      );
  }

  for (const name of PUNCTUAL) {
    test
      .skipIf(peerMissing(name))
      .concurrent(`of ${name} is renewed by unicast after T1, without a gap`, async () => {
        const { link, network, tap } = await lab.cable(name, SHORT);
        const { client, states, leases } = lab.client({ interface: link, metric: 100 });
        const { address } = await client.bound();

        await leases.first(({ change }) => change === "renewed");

        expect(tap.dhcp().slice(4)).toEqual([
          expect.objectContaining({
            ...{ type: "request", source: address, destination: `${network}.1` },
            ...{ current: address, requested: undefined },
          }),
          expect.objectContaining({ type: "ack", destination: address, given: address }),
        ]);
        expect(states.all.map(({ state }) => state).slice(-2)).toEqual(["renewing", "bound"]);
        expect(lab.addresses(link)[0]?.valid_life_time).toBeGreaterThanOrEqual(6);
        expect(changes.all.filter(({ event }) => isGone(event, address))).toEqual([]);
        await client.stop();
      });

    test
      .skipIf(peerMissing(name))
      .concurrent(
        `of ${name} is extended by another server when its own has died`,
        { timeout: 25_000 },
        async () => {
          const cable = await lab.cable(name, ROOMY);
          const { link, network, server, tap } = cable;
          const { client, states, leases } = lab.client({ interface: link, metric: 200 });
          const { address } = await client.bound();
          await server.restart(ROOMY, { meanwhile: () => lab.renumber(cable, `${network}.2`) });

          const { lease } = await leases.first(({ change }) => change === "rebound");

          expect(lease).toMatchObject({ address, server: `${network}.2` });
          expect(
            tap
              .dhcp()
              .filter(({ destination }) => destination === "255.255.255.255")
              .at(-1),
          ).toMatchObject({ type: "request", source: address, current: address, requested: undefined });
          expect(states.all.map(({ state }) => state).slice(-3)).toEqual(["renewing", "rebinding", "bound"]);
          expect(changes.all.filter(({ event }) => isGone(event, address))).toEqual([]);
          await client.stop();
        },
      );

    test
      .skipIf(peerMissing(name))
      .concurrent(
        `of ${name} ends to the second when no server is left, and a new search begins`,
        async () => {
          const { link, server, tap } = await lab.cable(name, SHORT);
          const { client, states, leases } = lab.client({ interface: link, metric: 300 });
          const { address } = await client.bound();
          await server.kill();

          const { at, reason } = await leases.first(({ change }) => change === "lost");

          const lived = at - Number(leases.all[0]?.at);
          expect(lived).toBeGreaterThan(7500);
          expect(lived).toBeLessThan(9000);
          expect(reason).toMatchObject({ code: "dhcp-expired" });
          expect(lab.addresses(link)).toEqual([]);
          expect(lab.routes(link)).toEqual([]);
          const gone = await changes.first(({ event }) => isGone(event, address));
          expect(gone.at - Number(leases.all[0]?.at)).toBeGreaterThan(7500);
          await states.first(({ state, at: then }) => state === "selecting" && then >= at);
          expect(tap.types().at(-1)).toBe("discover");
          await client.stop();
        },
      );
  }

  test
    .skipIf(peerMissing("dnsmasq"))
    .concurrent("is probed for and announced before it is used", async () => {
      const { link, network, tap } = await lab.cable("dnsmasq", POOL);
      const { client, states } = lab.client({ interface: link, metric: 500, conflictDetection: true });

      const bound = client.bound();
      await states.first(({ state }) => state === "probing");
      expect(lab.addresses(link)).toEqual([]);
      const { address } = await bound;

      const own = tap.arp().filter(({ sender, target }) => target === address && sender !== `${network}.1`);
      expect(own.map(({ sender }) => sender)).toEqual(["0.0.0.0", "0.0.0.0", "0.0.0.0", address]);
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      await client.stop();
    });

  test.skipIf(peerMissing("kea-dhcp4"))(
    "is defended once against a host that says the address is its own, and given up when it says so again",
    async () => {
      const { link, namespace, far, tap } = await lab.cable("kea-dhcp4", SHORT);
      const { client, states, leases } = lab.client({
        interface: link,
        metric: 600,
        conflictDetection: true,
      });
      const { address } = await client.bound();
      const [end] = lab.namespace.json<{ ifindex: number }>(`-n ${namespace} link show dev ${far}`);
      const send = lab.namespace.inside(namespace, () => rawSender(end?.ifindex ?? 0));
      const bytes = address.split(".").map(Number);
      const claim = arpFrame(
        Object.fromEntries([...bytes, 0, 0, 0, 0, 0, 0, ...bytes].map((v, i) => [14 + i, v])),
      );
      const said = (): number =>
        tap.arp().filter(({ sender, target }) => sender === address && target === address).length;
      const before = said();

      lab.namespace.inside(namespace, () => send(claim));
      // The claim itself, and the answer to it.
      while (said() < before + 2) await new Promise((resolve) => setImmediate(resolve));
      expect(lab.addresses(link).map(({ local }) => local)).toEqual([address]);
      lab.namespace.inside(namespace, () => send(claim));
      await leases.first(({ change }) => change === "lost");

      expect(states.all.find(({ reason }) => reason?.code === "dhcp-conflict")).toBeDefined();
      expect(lab.addresses(link)).toEqual([]);
      expect(tap.types()).toContain("decline");
      await client.stop();
    },
  );
});
