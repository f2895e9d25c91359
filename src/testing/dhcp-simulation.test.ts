import { describe, expect, test } from "vitest";
import { encodeArp, encodeDatagram } from "../dhcp/index.ts";
import { createDhcpSimulation } from "./index.ts";
import { ARP, IPV4, TO_ALL } from "./sim-segment.ts";

const ADDRESS = {
  ...{ link: 1, address: "192.0.2.5", prefixLength: 24, protocol: 68 },
  ...{ validSeconds: 10, preferredSeconds: 10 },
};
const ROUTE = {
  ...{ link: 1, destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.1", source: "192.0.2.5" },
  ...{ metric: 10, protocol: 16 },
};

function machine(seed = 1) {
  const simulation = createDhcpSimulation({ seed });
  const segment = simulation.segment();
  simulation.network.add("eth0", segment);
  const events: string[] = [];
  const stop = simulation.network.watch(({ type }) => events.push(type));
  return { simulation, segment, network: simulation.network, events, stop };
}

function packetTo(destination: string, destinationPort: number): Uint8Array {
  const payload = Uint8Array.of(7);
  return encodeDatagram({ source: "192.0.2.1", destination, sourcePort: 67, destinationPort, payload });
}

describe("a simulated network", () => {
  test("ages addresses, takes routes along with their source address, and tells it afterwards", async () => {
    const { network, simulation, events } = machine();
    network.putAddress(ADDRESS);
    network.putRoute(ROUTE);
    expect(events).toEqual([]);

    await simulation.run(9999);
    expect(events).toEqual(["link", "address", "route"]);
    await simulation.run(1);

    expect(events.slice(3)).toEqual(["address-gone", "route-gone"]);
    expect(network.snapshot()).toMatchObject({ addresses: [], routes: [] });
  });

  test("renews the lifetime of an address, and drops one that is not there without a word", async () => {
    const { network, simulation, events } = machine();
    network.putAddress(ADDRESS);
    await simulation.run(9000);
    network.putAddress(ADDRESS);
    await simulation.run(9000);
    expect(network.snapshot().addresses).toEqual([ADDRESS]);

    network.dropAddress(ADDRESS);
    network.dropAddress(ADDRESS);
    network.dropRoute(ROUTE);
    await simulation.run(0);

    expect(events.filter((event) => event === "address-gone")).toHaveLength(1);
  });

  test("replaces a route of the same destination and metric, and refuses one from an address that is not there", async () => {
    const { network, simulation, events, stop } = machine();
    expect(() => network.putRoute(ROUTE)).toThrow("Cannot putRoute");
    network.putAddress(ADDRESS);
    network.putRoute(ROUTE);
    network.putRoute({ ...ROUTE, gateway: "192.0.2.9" });
    network.putRoute({ ...ROUTE, metric: 11, gateway: undefined, source: undefined });
    await simulation.run(0);

    expect(network.snapshot().routes.map(({ gateway }) => gateway)).toEqual(["192.0.2.9", undefined]);
    expect(events).toEqual(["link", "address", "route", "route-gone", "route", "route"]);
    stop();
    network.set("eth0", { mtu: 1400 });
    await simulation.run(0);
    expect(events).toHaveLength(6);
  });

  test("refuses what it was told to, and interfaces that are not there", () => {
    const { network } = machine();
    network.refuse("setMtu");
    expect(() => network.setMtu(1, 1400)).toThrow(expect.objectContaining({ code: "not-permitted" }));
    network.allow("setMtu");
    network.setMtu(1, 1400);
    expect(network.snapshot().links[0]?.mtu).toBe(1400);

    expect(() => network.bringUp(7)).toThrow(expect.objectContaining({ code: "interface-missing" }));
    expect(() => network.unplug("eth7")).toThrow('"eth7"');
  });

  test("takes addresses of an interface away with it", async () => {
    const { network, simulation, events } = machine();
    network.add("eth1");
    network.putAddress(ADDRESS);
    network.putAddress({ ...ADDRESS, link: 2, address: "192.0.2.6" });
    network.remove("eth0");
    await simulation.run(0);

    expect(network.snapshot().addresses.map(({ link }) => link)).toEqual([2]);
    expect(events).toContain("link-gone");
  });

  test("gives packets to packet sockets, and datagrams to sockets of their address", async () => {
    const { network, segment, simulation } = machine();
    network.putAddress(ADDRESS);
    const heard: string[] = [];
    network.openPackets(
      { link: 1, kind: "dhcp" },
      { packet: ({ vlan }) => heard.push(`packet ${vlan}`), linkDown: () => heard.push("down") },
    );
    network.openPackets(
      { link: 1, kind: "arp" },
      { packet: () => heard.push("arp"), linkDown: () => undefined },
    );
    network.openDatagrams(
      { link: 1, address: "192.0.2.5" },
      { message: (bytes, { address }) => heard.push(`${bytes} of ${address}`), failed: () => undefined },
    );
    expect(network.sockets("eth0")).toEqual(["dhcp", "arp", "datagrams"]);
    const from = Uint8Array.of(2, 0, 0, 0, 0, 99);
    const say = (payload: Uint8Array, etherType: number, to = TO_ALL, vlan?: number): void =>
      segment.send({ from, to, etherType, payload, vlan });

    say(packetTo("192.0.2.5", 68), IPV4);
    say(packetTo("192.0.2.6", 68), IPV4, TO_ALL, 5);
    say(packetTo("192.0.2.5", 67), IPV4);
    say(Uint8Array.of(1, 2, 3), IPV4);
    say(packetTo("192.0.2.5", 68), IPV4, Uint8Array.of(2, 0, 0, 0, 0, 98));
    await simulation.run(1);
    expect(heard.splice(0)).toEqual(["packet undefined", "7 of 192.0.2.1", "packet 5"]);

    const asking = { senderHardware: from, targetHardware: new Uint8Array(6) };
    for (const [sender, target] of [
      ["192.0.2.1", "192.0.2.5"],
      ["192.0.2.5", "192.0.2.5"],
      ["192.0.2.1", "192.0.2.7"],
    ] as const)
      say(encodeArp({ ...asking, operation: "request", sender, target }), ARP);
    const before = segment.frames.length;
    await simulation.run(1);
    expect(heard.splice(0)).toEqual(["arp", "arp", "arp"]);
    expect(segment.frames.length - before).toBe(1);

    network.set("eth0", { isUp: false });
    say(packetTo("192.0.2.5", 68), IPV4);
    await simulation.run(1);
    expect(heard).toEqual(["down"]);
  });

  test("sockets send while they are open and the cable is in, and say whom they cannot reach", async () => {
    const { network, segment, simulation } = machine();
    network.putAddress(ADDRESS);
    const failed: string[] = [];
    const events = { message: () => undefined, failed: (code: string) => failed.push(code) };
    expect(() => network.openDatagrams({ link: 1, address: "192.0.2.6" }, events)).toThrow("openDatagrams");
    const datagrams = network.openDatagrams({ link: 1, address: "192.0.2.5" }, events);
    const packets = network.openPackets(
      { link: 1, kind: "arp" },
      { packet: () => undefined, linkDown: () => undefined },
    );

    datagrams.send(Uint8Array.of(1), "192.0.2.1");
    await simulation.run(3000);
    expect(failed).toEqual(["EHOSTUNREACH"]);
    simulation.host(segment, "192.0.2.1");
    datagrams.send(Uint8Array.of(1), "192.0.2.1");
    expect(segment.frames).toHaveLength(1);
    const arp = { operation: "request", sender: "0.0.0.0", target: "192.0.2.9" } as const;
    const bytes = encodeArp({ ...arp, senderHardware: new Uint8Array(6), targetHardware: new Uint8Array(6) });
    expect(packets.send(bytes)).toBe(true);
    network.unplug("eth0");
    expect(packets.send(bytes)).toBe(false);

    datagrams.send(Uint8Array.of(1), "192.0.2.1");
    packets.close();
    datagrams.close();
    await simulation.run(9000);
    expect(failed).toHaveLength(1);
    expect(() => packets.send(bytes)).toThrow("closed");
    expect(() => datagrams.send(bytes, "192.0.2.1")).toThrow("closed");
  });
});

describe("a simulated segment", () => {
  async function received(seed: number, count: number): Promise<number> {
    const { segment, network, simulation } = machine(seed);
    const heard: number[] = [];
    const events = { packet: () => void heard.push(1), linkDown: () => undefined };
    network.openPackets({ link: 1, kind: "dhcp" }, events);
    segment.change({ loss: 0.5, duplication: 0.5 });
    const from = Uint8Array.of(2, 0, 0, 0, 0, 99);
    for (let index = 0; index < count; index++)
      segment.send({ from, to: TO_ALL, etherType: IPV4, payload: packetTo("255.255.255.255", 68) });
    await simulation.run(1);
    return heard.length;
  }

  test("loses and doubles its share of frames, the same with the same seed", async () => {
    const first = await received(3, 1000);

    expect(first).toBeGreaterThan(650);
    expect(first).toBeLessThan(850);
    expect(await received(3, 1000)).toBe(first);
    expect(await received(4, 1000)).not.toBe(first);
  });

  test("loses what is on its way to somebody who is unplugged", async () => {
    const { segment, network, simulation } = machine();
    const heard: number[] = [];
    network.openPackets(
      { link: 1, kind: "dhcp" },
      { packet: () => void heard.push(1), linkDown: () => undefined },
    );
    const from = Uint8Array.of(2, 0, 0, 0, 0, 99);
    segment.send({ from, to: TO_ALL, etherType: IPV4, payload: packetTo("255.255.255.255", 68) });
    network.unplug("eth0");
    await simulation.run(10);

    expect(heard).toEqual([]);
  });
});

describe("a simulated DHCP server", () => {
  test("ignores what is not for it", async () => {
    const { simulation, segment } = machine();
    const server = simulation.server(segment);
    const from = Uint8Array.of(2, 0, 0, 0, 0, 99);
    segment.send({ from, to: TO_ALL, etherType: IPV4, payload: packetTo("255.255.255.255", 68) });
    segment.send({ from, to: TO_ALL, etherType: IPV4, payload: packetTo("192.0.2.200", 67) });
    await simulation.run(10);

    expect(server.received).toEqual([]);
  });

  test("gives an address by two messages where both want it", async () => {
    const { simulation, segment } = machine();
    const server = simulation.server(segment, { rapidCommit: true });
    const client = simulation.client({ interface: "eth0", rapidCommit: true, conflictDetection: false });

    await simulation.until(client.bound());

    expect(server.received).toHaveLength(1);
    await simulation.until(client.stop());
  });

  test("has no answer when its pool is empty", async () => {
    const { simulation, segment } = machine();
    const server = simulation.server(segment, { pool: [] });
    const client = simulation.client({ interface: "eth0", conflictDetection: false });
    await simulation.until(client.start());
    await simulation.run(1000);

    expect(server.received).toHaveLength(1);
    expect(client.state).toBe("selecting");
    await simulation.until(client.stop());
  });
});

test("what a listener throws surfaces where the simulation is moved on", async () => {
  const { simulation } = machine();
  const client = simulation.client({ interface: "eth0" });
  client.on("state", () => {
    throw new Error("mine");
  });
  client.start().catch(() => {});

  await expect(simulation.run(10)).rejects.toThrow("mine");
  simulation.kill(client);
});
