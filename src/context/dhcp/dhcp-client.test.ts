import { expect, test } from "vitest";
import { createDhcpSimulation, type DhcpSimulation } from "../../testing/index.ts";
import type { DhcpClient, DhcpClientOptions } from "../index.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const OURS = "192.0.2.100";

type Server = ReturnType<DhcpSimulation["server"]>;
type ServerOptions = Parameters<DhcpSimulation["server"]>[1];

interface Scene {
  readonly simulation: DhcpSimulation;
  readonly server: Server;
  readonly client: DhcpClient;
  readonly events: string[];
  readonly warnings: string[];
}

function scene(
  options: Partial<DhcpClientOptions> = {},
  server: ServerOptions = {},
  link: Parameters<DhcpSimulation["network"]["add"]>[2] = {},
): Scene & { readonly segment: ReturnType<DhcpSimulation["segment"]> } {
  const simulation = createDhcpSimulation();
  const segment = simulation.segment();
  simulation.network.add("eth0", segment, link);
  const made = simulation.server(segment, server);
  return { segment, ...follow(simulation, made, options) };
}

function follow(simulation: DhcpSimulation, server: Server, options: Partial<DhcpClientOptions> = {}): Scene {
  const client = simulation.client({ interface: "eth0", conflictDetection: false, ...options });
  const events: string[] = [];
  const warnings: string[] = [];
  client.on("state", ({ state, reason }) =>
    events.push(reason === undefined ? state : `${state}: ${reason.code}`),
  );
  client.on("lease", ({ change, lease }) => events.push(`${change} ${lease?.address}`));
  client.on("warning", ({ error }) => warnings.push(codeOf(error)));
  return { simulation, server, client, events, warnings };
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

function addresses({ simulation }: Scene): string[] {
  return simulation.network
    .snapshot()
    .addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}

function routes({ simulation }: Scene): string[] {
  return simulation.network
    .snapshot()
    .routes.map(
      ({ destination, prefixLength, gateway, metric }) =>
        `${destination}/${prefixLength} ${gateway} ${metric}`,
    );
}

function changes({ simulation }: Scene): string[] {
  return simulation.network.changes.map(({ change }) => change);
}

function text({ simulation }: Scene, path: string): string | undefined {
  const bytes = simulation.files.get(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function put({ simulation }: Scene, path: string, content: string): void {
  simulation.files.set(path, new TextEncoder().encode(content));
}

async function bind(self: Scene): Promise<void> {
  await self.simulation.until(self.client.bound());
}

function renew(self: Scene): Promise<void> {
  self.client.renew();
  return self.simulation.run(1100);
}

test("gets a lease, puts it on the interface, and takes it back at the end", async () => {
  const self = scene();

  await bind(self);
  expect(self.client.state).toBe("bound");
  expect(self.client.lease?.address).toBe(OURS);
  expect(self.client.configuration?.dnsServers).toEqual(["192.0.2.1"]);
  expect(addresses(self)).toEqual([`${OURS}/24`]);
  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024"]);
  await self.simulation.until(self.client.stop());

  expect(self.events).toEqual([
    ...["init", "selecting", "requesting", `acquired ${OURS}`, "bound"],
    ...[`lost ${OURS}`, "ended"],
  ]);
  expect(addresses(self)).toEqual([]);
  expect(routes(self)).toEqual([]);
  expect(self.client.lease).toBeUndefined();
  expect(self.simulation.network.sockets("eth0")).toEqual([]);
});

test("keeps a lease of an hour for 30 days, and each renewal touches nothing but the lifetimes", async () => {
  const self = scene();

  await bind(self);
  await self.simulation.run(30 * DAY);

  expect(self.client.lease?.address).toBe(OURS);
  const renewals = self.events.filter((event) => event === `renewed ${OURS}`).length;
  expect(renewals).toBeGreaterThan(1430);
  expect(renewals).toBeLessThan(1450);
  expect(changes(self).filter((change) => !change.startsWith("putAddress"))).toEqual([
    "putRoute 0.0.0.0/0 via 192.0.2.1 metric 1024",
  ]);
  expect(new Set(changes(self))).toEqual(
    new Set([`putAddress ${OURS}/24 3600 s`, "putRoute 0.0.0.0/0 via 192.0.2.1 metric 1024"]),
  );
});

test("tells the kernel no lifetime that is longer than the lease, down to one of a second", async () => {
  const self = scene({}, { leaseSeconds: 1 });

  await bind(self);
  expect(self.simulation.network.snapshot().addresses[0]?.validSeconds).toBe(1);
  await self.simulation.run(20_000);
  await self.simulation.until(self.client.stop());

  expect(addresses(self)).toEqual([]);
  expect(self.simulation.takeRaised()).toEqual([]);
});

test("keeps an infinite lease without asking again", async () => {
  const self = scene({ leaseFile: "lease" }, { leaseSeconds: 0xffffffff });

  await bind(self);
  await self.simulation.run(365 * DAY);

  expect(self.server.received).toHaveLength(2);
  expect(self.simulation.network.snapshot().addresses[0]?.validSeconds).toBe(Number.POSITIVE_INFINITY);
  expect(text(self, "lease")).toContain('"leaseSeconds": "infinite"');
});

test("puts a new address there before the old one goes, and changes only what differs", async () => {
  const self = scene({}, { mask: "255.255.255.0" });
  await bind(self);
  self.server.change({ mask: "255.255.0.0" });
  const before = changes(self).length;

  await renew(self);

  expect(addresses(self)).toEqual([`${OURS}/16`]);
  expect(changes(self).slice(before)).toEqual([`putAddress ${OURS}/16 3600 s`, `dropAddress ${OURS}/24`]);
});

test("replaces routes that another ACK tells, new ones first", async () => {
  const self = scene(
    {},
    { options: [[121, Uint8Array.of(0, 192, 0, 2, 1, 24, 198, 51, 100, 192, 0, 2, 1)]] },
  );
  await bind(self);
  self.server.change({ options: [[121, Uint8Array.of(0, 192, 0, 2, 1, 24, 203, 0, 113, 192, 0, 2, 9)]] });
  const before = changes(self).length;

  await renew(self);

  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024", "203.0.113.0/24 192.0.2.9 1024"]);
  expect(changes(self).slice(before + 1)).toEqual([
    "putRoute 203.0.113.0/24 via 192.0.2.9 metric 1024",
    "dropRoute 198.51.100.0/24 via 192.0.2.1 metric 1024",
  ]);
});

test("sets the way to a gateway before the route over it, and knows one outside the prefix", async () => {
  const onLink = Uint8Array.of(0, 198, 51, 100, 1, 32, 198, 51, 100, 1, 0, 0, 0, 0);
  const self = scene({}, { options: [[121, onLink]] });

  await bind(self);

  const [first, second] = self.simulation.network.snapshot().routes;
  expect(first).toMatchObject({ destination: "198.51.100.1", prefixLength: 32 });
  expect(second).toMatchObject({ gateway: "198.51.100.1", isOnLink: true });
});

test("sets the MTU of a lease and puts the old one back, even before the system has told of the change", async () => {
  const self = scene({}, { options: [[26, Uint8Array.of(0x05, 0x78)]] });

  let mtu: number | undefined;
  self.client.on("lease", ({ change }) => {
    if (change !== "acquired") return;
    mtu = self.simulation.network.snapshot().links[0]?.mtu;
    self.client.stop();
  });
  await self.simulation.until(self.client.start());
  await self.simulation.run(1000);

  expect(mtu).toBe(1400);
  expect(self.client.state).toBe("ended");
  expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1500);
});

test("takes back the MTU when a lease no longer tells one, and leaves one that somebody else set", async () => {
  const self = scene({}, { options: [[26, Uint8Array.of(0x05, 0x78)]] });
  await bind(self);
  await self.simulation.run(10);
  self.server.change({ options: [] });
  await renew(self);
  expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1500);

  self.server.change({ options: [[26, Uint8Array.of(0x05, 0x78)]] });
  await renew(self);
  self.simulation.network.set("eth0", { mtu: 1300 });
  await self.simulation.run(10);
  await self.simulation.until(self.client.stop());
  expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1300);
});

test("leaves a route of the same metric to its owner and takes the next free one, and keeps it", async () => {
  const self = scene();
  const theirs = {
    ...{ link: 1, destination: "0.0.0.0", prefixLength: 0, gateway: "192.0.2.7" },
    ...{ metric: 1024, protocol: 3 },
  };
  self.simulation.network.putRoute(theirs);

  await bind(self);
  await renew(self);

  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.7 1024", "0.0.0.0/0 192.0.2.1 1025"]);
  await self.simulation.until(self.client.stop());
  expect(self.simulation.network.snapshot().routes).toEqual([theirs]);
});

test("keeps two interfaces apart, each with its route, whichever ends first", async () => {
  const self = scene();
  const other = self.simulation.segment();
  self.simulation.network.add("eth1", other);
  const pool = ["198.51.100.9"];
  const second = follow(self.simulation, self.simulation.server(other, { address: "198.51.100.1", pool }), {
    interface: "eth1",
  });

  await bind(self);
  await bind(second);
  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024", "0.0.0.0/0 198.51.100.1 1025"]);
  await self.simulation.until(self.client.stop());

  expect(second.client.state).toBe("bound");
  expect(addresses(self)).toEqual(["198.51.100.9/24"]);
  expect(routes(self)).toEqual(["0.0.0.0/0 198.51.100.1 1025"]);
});

test("neither ages nor removes an address that was set by hand, although a server gives the same", async () => {
  const self = scene();
  const theirs = {
    ...{ link: 1, address: OURS, prefixLength: 24, protocol: 0 },
    ...{ validSeconds: Number.POSITIVE_INFINITY, preferredSeconds: Number.POSITIVE_INFINITY },
  };
  self.simulation.network.putAddress(theirs);

  await bind(self);
  await renew(self);
  expect(self.simulation.network.snapshot().addresses).toEqual([theirs]);
  await self.simulation.until(self.client.stop());

  expect(self.simulation.network.snapshot().addresses).toEqual([theirs]);
  expect(routes(self)).toEqual([]);
});

test("puts back an address that somebody took away, with its routes, and says so", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  if (address === undefined) throw new Error("No address");

  self.simulation.network.dropAddress(address);
  await self.simulation.run(10);
  expect(addresses(self)).toEqual([`${OURS}/24`]);
  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024"]);
  expect(self.warnings).toEqual(["network-failed"]);

  self.simulation.network.dropAddress(address);
  await self.simulation.run(5000);
  expect(addresses(self)).toEqual([]);
  expect(self.warnings).toHaveLength(1);
});

test("puts back what is taken away again and again every ten seconds, and nothing after its end", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  if (address === undefined) throw new Error("No address");
  for (let times = 0; times < 2; times++) {
    self.simulation.network.dropAddress(address);
    await self.simulation.run(10);
  }
  expect(addresses(self)).toEqual([]);

  await self.simulation.run(10_000);
  expect(addresses(self)).toEqual([`${OURS}/24`]);
  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024"]);
  expect(self.warnings).toHaveLength(2);

  self.simulation.network.dropAddress(address);
  await self.simulation.run(10);
  await self.simulation.until(self.client.stop());
  await self.simulation.run(20_000);
  expect(addresses(self)).toEqual([]);
});

test("leaves alone what came back by itself before it was put back", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  const [route] = self.simulation.network.snapshot().routes;
  if (address === undefined || route === undefined) throw new Error("No address");
  for (let times = 0; times < 2; times++) {
    self.simulation.network.dropAddress(address);
    await self.simulation.run(10);
  }
  self.simulation.network.putAddress(address);
  self.simulation.network.putRoute(route);
  await self.simulation.run(20_000);

  expect(addresses(self)).toEqual([`${OURS}/24`]);

  expect(self.warnings).toHaveLength(1);
});

test("gives the link its own MTU back although a client before it was killed with another on it", async () => {
  const options: [number, Uint8Array][] = [
    [3, Uint8Array.of(192, 0, 2, 1)],
    [26, Uint8Array.of(5, 120)],
  ];
  const self = scene({ leaseFile: "lease" }, { options });
  await bind(self);
  await self.simulation.run(1000);
  const { network } = self.simulation;
  const mtu = () => network.snapshot().links[0]?.mtu;
  self.simulation.kill(self.client);
  expect(mtu()).toBe(1400);

  const next = follow(self.simulation, self.server, { leaseFile: "lease" });
  await bind(next);
  expect(mtu()).toBe(1400);
  await next.simulation.until(next.client.stop());
  expect(mtu()).toBe(1500);
});

test("sets no MTU that would take IPv6 off the link, and says so once", async () => {
  const self = scene(
    {},
    {
      options: [
        [3, Uint8Array.of(192, 0, 2, 1)],
        [26, Uint8Array.of(3, 232)],
      ],
    },
  );
  const six = { link: 1, address: "2001:db8::5", prefixLength: 64, protocol: 3 };
  self.simulation.network.putAddress({ ...six, validSeconds: Infinity, preferredSeconds: Infinity });
  await bind(self);
  expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1280);
  await renew(self);

  expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1280);
  expect(self.warnings).toEqual(["network-failed"]);
});

test("renews by broadcast where its address is gone, and has it again", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  if (address === undefined) throw new Error("No address");
  self.simulation.network.dropAddress(address);
  await self.simulation.run(10);
  self.simulation.network.dropAddress(address);
  await self.simulation.run(5000);

  self.client.renew();
  await self.simulation.run(2 * HOUR);

  expect(self.events).toContain("rebinding");
  expect(self.events).not.toContain(`lost ${OURS}`);
  expect(addresses(self)).toEqual([`${OURS}/24`]);
});

test("puts back a route that somebody took away", async () => {
  const self = scene();
  await bind(self);
  const [route] = self.simulation.network.snapshot().routes;
  if (route === undefined) throw new Error("No route");

  self.simulation.network.dropRoute(route);
  await self.simulation.run(10);

  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024"]);
});

test("cleans up after a client that was killed, and leaves what is not ours", async () => {
  const self = scene();
  await bind(self);
  const { network } = self.simulation;
  const byHand = { link: 1, destination: "203.0.113.0", prefixLength: 24, metric: 5, protocol: 3 };
  network.putRoute(byHand);
  self.server.change({ pool: ["192.0.2.150"] });

  self.simulation.kill(self.client);
  const next = follow(self.simulation, self.server);
  await bind(next);

  expect(addresses(next)).toEqual(["192.0.2.150/24"]);
  expect(routes(next)).toEqual(["203.0.113.0/24 undefined 5", "0.0.0.0/0 192.0.2.1 1024"]);
});

test("goes on with the address that it finds and remembers, without a gap", async () => {
  const self = scene({ leaseFile: "lease" });
  await bind(self);
  await self.simulation.run(1000);
  const before = changes(self).length;

  self.simulation.kill(self.client);
  expect(self.simulation.network.sockets("eth0")).toEqual([]);
  const next = follow(self.simulation, self.server, { leaseFile: "lease" });
  await bind(next);

  expect(next.events.slice(0, 2)).toEqual(["init-reboot", "rebooting"]);
  expect(changes(self).slice(before)).toEqual([`putAddress ${OURS}/24 3600 s`]);
});

test("takes an address without a known owner for its own only where it remembers it and it ages", async () => {
  const self = scene({ leaseFile: "lease" });
  await bind(self);
  await self.simulation.until(self.client.stop());
  const base = { link: 1, prefixLength: 24, protocol: 0, preferredSeconds: 60 };
  self.simulation.network.putAddress({ ...base, address: OURS, validSeconds: 60 });
  self.simulation.network.putAddress({ ...base, address: "192.0.2.9", validSeconds: 60 });

  const next = follow(self.simulation, self.server, { leaseFile: "lease" });
  await bind(next);
  await self.simulation.until(next.client.stop());

  expect(addresses(next)).toEqual(["192.0.2.9/24"]);
});

test("leaves everything where it is on request; the kernel takes the address at the end of the lease", async () => {
  const self = scene({ resolvConf: "resolv" });
  await bind(self);

  await self.simulation.until(self.client.stop({ keep: true }));
  expect(addresses(self)).toEqual([`${OURS}/24`]);
  expect(text(self, "resolv")).toContain("nameserver 192.0.2.1");
  expect(self.events.at(-1)).toBe("ended");
  await self.simulation.run(HOUR);

  expect(addresses(self)).toEqual([]);
  expect(routes(self)).toEqual([]);
});

test("takes back a released address even where it is told to leave things", async () => {
  const self = scene();
  await bind(self);

  const released = self.client.release();
  await self.simulation.run(1);
  await self.simulation.until(self.client.stop({ keep: true }));
  await released;

  expect(addresses(self)).toEqual([]);
});

test("gives an address back, rests, and asks anew on request", async () => {
  const self = scene({ leaseFile: "lease" });
  await bind(self);

  await self.simulation.until(self.client.release());
  expect(self.client.state).toBe("idle");
  expect(self.server.leases.size).toBe(0);
  expect(addresses(self)).toEqual([]);
  await self.simulation.run(1);
  expect(text(self, "lease")).toBeUndefined();
  self.client.renew();
  await self.simulation.run(100);

  expect(self.client.state).toBe("bound");
});

test("can be released while it asks, and before it has begun", async () => {
  const self = scene();
  self.server.silence();
  self.client.start();
  await self.simulation.run(100);
  await self.simulation.until(self.client.release());
  expect(self.client.state).toBe("idle");

  const early = follow(self.simulation, self.server);
  early.client.start();
  await self.simulation.until(early.client.release());
  await self.simulation.run(HOUR);
  expect(early.client.state).toBe("idle");
  expect(early.client.lease).toBeUndefined();
});

test("does nothing about a renewal before it has begun", async () => {
  const self = scene();

  self.client.renew();
  expect(self.client.state).toBe("idle");
  await bind(self);

  expect(self.client.state).toBe("bound");
});

test("begins once, however often it is told to", async () => {
  const self = scene();

  expect(self.client.start()).toBe(self.client.start());
  await bind(self);
  await self.simulation.until(self.client.start());

  expect(self.server.received).toHaveLength(2);
});

test("does not begin after it was stopped, and says so to all who wait", async () => {
  const self = scene();
  const starting = self.client.start();
  const waiting = self.client.bound();
  const outcomes = Promise.allSettled([starting, waiting]);
  await self.simulation.until(self.client.stop());

  const told = await self.simulation.until(outcomes);
  expect(told.map((each) => (each.status === "rejected" ? codeOf(each.reason) : "fulfilled"))).toEqual([
    "closed",
    "closed",
  ]);
  await expect(self.client.bound()).rejects.toMatchObject({ code: "closed" });
  await expect(follow(self.simulation, self.server).client.stop()).resolves.toBeUndefined();
  expect(self.server.received).toEqual([]);
});

test("rejects who waits for a lease when it is stopped while it asks", async () => {
  const self = scene();
  self.server.silence();
  const waiting = expect(self.client.bound()).rejects.toMatchObject({ code: "closed" });
  await self.simulation.run(100);

  await self.simulation.until(self.client.stop());
  await waiting;
});

test("a wait for a lease can be called off, before and meanwhile", async () => {
  const self = scene();
  self.server.silence();
  const late = new AbortController();
  const waiting = expect(self.client.bound({ signal: late.signal })).rejects.toThrow("enough");
  await self.simulation.run(100);
  late.abort(new Error("enough"));
  await waiting;

  await expect(self.client.bound({ signal: late.signal })).rejects.toThrow("enough");
  self.server.restore();
  await bind(self);
  await expect(self.client.bound({ signal: new AbortController().signal })).resolves.toMatchObject({
    address: OURS,
  });
});

test("can be stopped by a listener inside any event", async () => {
  for (const when of ["init", "selecting", "requesting", `acquired ${OURS}`, "bound"]) {
    const self = scene();
    const stopAt = (event: string): void => {
      if (event === when) void self.client.stop();
    };
    self.client.on("state", ({ state }) => stopAt(state));
    self.client.on("lease", ({ change, lease }) => stopAt(`${change} ${lease?.address}`));
    self.client.start().catch(() => {});
    await self.simulation.run(1000);

    expect(self.client.state, when).toBe("ended");
    expect(addresses(self), when).toEqual([]);
    expect(self.simulation.network.sockets("eth0"), when).toEqual([]);
  }
});

test("the error of a listener surfaces and disturbs nobody", async () => {
  const self = scene();
  self.client.on("lease", () => {
    throw new Error("mine");
  });

  await self.simulation.clock.until(self.client.bound());

  expect(self.simulation.takeRaised()).toEqual([new Error("mine")]);
  expect(self.client.state).toBe("bound");
});

test("takes everything back without a carrier, and asks for the same address when it returns", async () => {
  const self = scene();
  await bind(self);

  self.simulation.network.unplug("eth0");
  await self.simulation.run(10);
  expect(self.events.slice(-2)).toEqual([`lost ${OURS}`, "no-carrier: dhcp-no-carrier"]);
  expect(addresses(self)).toEqual([]);
  self.simulation.network.plug("eth0", self.segment);
  await self.simulation.run(100);

  expect(self.events.slice(-4)).toEqual(["init-reboot", "rebooting", `acquired ${OURS}`, "bound"]);
});

test("brings a link up that is down, unless it is only to watch", async () => {
  const self = scene({}, {}, { isUp: false });
  await bind(self);
  expect(changes(self)[0]).toBe("bringUp 1");

  const watching = scene({ configure: false }, {}, { isUp: false });
  watching.client.start();
  await watching.simulation.run(1000);
  expect(watching.client.state).toBe("no-carrier");
  watching.simulation.network.set("eth0", { isUp: true });
  await watching.simulation.run(1000);
  await watching.simulation.run(30 * DAY);
  expect(watching.client.lease?.address).toBe(OURS);
  expect(changes(watching)).toEqual([]);
});

test("asks anew under another hardware address", async () => {
  const self = scene();
  await bind(self);

  self.simulation.network.set("eth0", { hardwareAddress: Uint8Array.of(2, 0, 0, 0, 9, 9) });
  await self.simulation.run(100);

  expect(self.client.lease?.address).toBe("192.0.2.101");
});

test("ends when its interface is gone, and another of the same name is not its own", async () => {
  const self = scene();
  await bind(self);

  self.simulation.network.remove("eth0");
  await self.simulation.run(10);
  self.simulation.network.add("eth0", self.segment);
  await self.simulation.run(HOUR);

  expect(self.events.slice(-2)).toEqual([`lost ${OURS}`, "ended: interface-missing"]);
  await expect(self.client.bound()).rejects.toMatchObject({ code: "interface-missing" });
});

test("does not begin on an interface that was replaced since", async () => {
  const self = scene();
  self.simulation.network.remove("eth0");
  self.simulation.network.add("eth0", self.segment);

  const starting = expect(self.client.start()).rejects.toMatchObject({ code: "interface-missing" });
  await self.simulation.run(10);
  await starting;
});

test("refuses an interface that is not there, a metric and an address that are none", () => {
  const { simulation } = scene();

  expect(() => simulation.client({ interface: "eth7" })).toThrow('"eth7"');
  expect(() => simulation.client({ interface: "eth0", metric: -1 })).toThrow("metric -1");
  expect(() => simulation.client({ interface: "eth0", metric: 1.5 })).toThrow("metric 1.5");
  expect(() => simulation.client({ interface: "eth0", inform: "here" })).toThrow('"here" is no IPv4 address');
  expect(() => simulation.client({ interface: "eth0", hostname: "a b" })).toThrow('"a b" is no host name');
});

test.each(["snapshot", "openPackets", "bringUp"] as const)(
  "says which call is not permitted at the start: %s",
  async (call) => {
    const self = scene({}, {}, { isUp: call !== "bringUp" });
    self.simulation.network.refuse(call);

    const starting = expect(self.client.start()).rejects.toMatchObject({ code: "not-permitted" });
    await self.simulation.run(1000);
    await starting;

    expect(self.client.state).toBe("ended");
  },
);

test.each(["putAddress", "putRoute", "setMtu"] as const)(
  "ends without a trace where %s is not permitted",
  async (call) => {
    const self = scene(
      {},
      {
        options: [
          [3, Uint8Array.of(192, 0, 2, 1)],
          [26, Uint8Array.of(5, 120)],
        ],
      },
    );
    self.simulation.network.refuse(call);

    const waiting = expect(self.client.bound()).rejects.toMatchObject({ code: "not-permitted" });
    await self.simulation.run(1000);
    await waiting;

    expect(self.events.at(-1)).toBe("ended: not-permitted");
    expect(addresses(self)).toEqual([]);
    expect(routes(self)).toEqual([]);
    expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1500);
    expect(self.simulation.network.sockets("eth0")).toEqual([]);
  },
);

test.each(["putRoute", "setMtu"] as const)(
  "does without a part that the system refuses by itself: %s",
  async (call) => {
    const self = scene(
      {},
      {
        options: [
          [3, Uint8Array.of(192, 0, 2, 1)],
          [26, Uint8Array.of(5, 120)],
        ],
      },
    );
    self.simulation.network.refuse(call, "network-failed");

    await bind(self);
    expect(self.warnings).toEqual(["network-failed"]);
    expect(addresses(self)).toEqual([`${OURS}/24`]);
    self.simulation.network.allow(call);
    await renew(self);

    expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.1 1024"]);
    expect(self.simulation.network.snapshot().links[0]?.mtu).toBe(1400);
  },
);

test.each(["snapshot", "putAddress", "openPackets"] as const)(
  "outlives a moment without file descriptors at a renewal: %s",
  async (call) => {
    const self = scene();
    await bind(self);
    self.simulation.network.refuse(call, "too-many-files");
    self.client.renew();
    await self.simulation.run(5000);
    self.simulation.network.allow(call);
    await self.simulation.run(DAY);

    expect(self.warnings).toContain("too-many-files");
    expect(self.client.state).toBe("bound");
    expect(self.events).not.toContain(`lost ${OURS}`);
    expect(addresses(self)).toEqual([`${OURS}/24`]);
  },
);

test("tries a socket again at the next message where it could not be opened for a while", async () => {
  const self = scene();
  self.simulation.network.refuse("openPackets", "too-many-files");
  self.client.start();
  await self.simulation.run(1000);
  expect(self.client.state).toBe("selecting");
  self.simulation.network.allow("openPackets");
  await self.simulation.run(6000);

  expect(self.client.state).toBe("bound");
});

test("says what it could not look up when something is gone, and goes on", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  if (address === undefined) throw new Error("No address");
  self.simulation.network.dropAddress(address);
  self.simulation.network.refuse("snapshot", "too-many-files");
  await self.simulation.run(10);

  expect(self.warnings).toContain("too-many-files");
  expect(self.client.state).toBe("bound");
});

test("ends where something is gone and may not be looked up any more", async () => {
  const self = scene();
  await bind(self);
  const [address] = self.simulation.network.snapshot().addresses;
  if (address === undefined) throw new Error("No address");
  self.simulation.network.dropAddress(address);
  self.simulation.network.refuse("snapshot");
  await self.simulation.run(10);

  expect(self.events.at(-1)).toBe("ended: not-permitted");
});

test("says what it could not take back, and takes back the rest", async () => {
  const self = scene();
  await bind(self);
  self.simulation.network.refuse("dropRoute");
  await self.simulation.until(self.client.stop());

  expect(self.warnings).toEqual(["not-permitted"]);
  expect(self.events.slice(-2)).toEqual([`lost ${OURS}`, "ended"]);
  expect(addresses(self)).toEqual([]);
});

test("keeps the lease although its file can be neither read nor written", async () => {
  const self = scene({ leaseFile: "lease", resolvConf: "resolv" });
  for (const path of ["lease", "resolv"]) self.simulation.lockedFiles.add(path);

  await bind(self);
  await self.simulation.until(self.client.stop());

  expect(self.warnings).toEqual(["not-permitted", "not-permitted", "not-permitted"]);
  expect(self.simulation.files.size).toBe(0);
});

test.each(["", "{", "null", '{"version":2}', "x".repeat(5000)])(
  "a hostile lease file is as if it were not there: %#",
  async (content) => {
    const self = scene({ leaseFile: "lease" });
    put(self, "lease", content);

    await bind(self);

    expect(self.events[0]).toBe("init");
    expect(text(self, "lease")).toContain(OURS);
  },
);

test("remembers when a lease began, and no more than a wish once it has ended", async () => {
  const self = scene({ leaseFile: "lease" });
  await bind(self);
  await self.simulation.until(self.client.stop());
  const began = Number(/"obtained": (\d+)/.exec(text(self, "lease") ?? "")?.[1]);
  expect(began).toBe(1_767_225_600_002);
  await self.simulation.run(2 * HOUR);

  const next = follow(self.simulation, self.server, { leaseFile: "lease" });
  await bind(next);

  expect(next.events[0]).toBe("init");
  expect(next.client.lease?.address).toBe(OURS);
});

test("an anonymous client remembers nothing", async () => {
  const self = scene({ leaseFile: "lease", anonymous: true });
  await bind(self);
  await self.simulation.run(10);

  expect(self.simulation.files.size).toBe(0);
});

test("writes resolv.conf while there is a lease, once, and puts back what was there", async () => {
  const self = scene(
    { resolvConf: "resolv" },
    {
      options: [
        [6, Uint8Array.of(192, 0, 2, 5)],
        [15, new TextEncoder().encode("a.test")],
      ],
    },
  );
  put(self, "resolv", "nameserver 9.9.9.9\n");
  await bind(self);
  await self.simulation.run(10);
  const written = self.simulation.files.get("resolv");
  expect(text(self, "resolv")).toBe("# From the DHCP lease\nsearch a.test\nnameserver 192.0.2.5\n");

  await renew(self);
  expect(self.simulation.files.get("resolv")).toBe(written);
  await self.simulation.until(self.client.stop());

  expect(text(self, "resolv")).toBe("nameserver 9.9.9.9\n");
});

test("removes a resolv.conf of its own, also one that a killed client left, and leaves one that was changed", async () => {
  const fresh = scene({ resolvConf: "resolv" });
  await bind(fresh);
  await fresh.simulation.until(fresh.client.stop());
  expect(text(fresh, "resolv")).toBeUndefined();

  const left = scene({ resolvConf: "resolv" });
  put(left, "resolv", "# From the DHCP lease\nnameserver 6.6.6.6\n");
  await bind(left);
  await left.simulation.until(left.client.stop());
  expect(text(left, "resolv")).toBeUndefined();

  const changed = scene({ resolvConf: "resolv" });
  await bind(changed);
  await changed.simulation.run(10);
  put(changed, "resolv", "nameserver 9.9.9.9\n");
  await changed.simulation.until(changed.client.stop());
  expect(text(changed, "resolv")).toBe("nameserver 9.9.9.9\n");
});

test("asks for the rest where the address is set by hand, and touches no more than resolv.conf", async () => {
  const self = scene({ inform: "192.0.2.50", resolvConf: "resolv", leaseFile: "lease" });
  const told: unknown[] = [];
  self.client.on("configuration", ({ dnsServers }) => told.push(dnsServers));

  self.client.start();
  await self.simulation.run(100);
  expect(self.events).toEqual(["informing", "informed"]);
  expect(told).toEqual([["192.0.2.1"]]);
  expect(self.client.configuration?.routers).toEqual(["192.0.2.1"]);
  expect(self.server.received[0]?.ciaddr).toBe("192.0.2.50");
  expect(text(self, "resolv")).toContain("nameserver 192.0.2.1");
  await expect(self.client.bound()).rejects.toMatchObject({ code: "usage" });
  self.client.renew();
  await self.simulation.run(100);
  await self.simulation.until(self.client.stop());

  expect(told).toHaveLength(2);
  expect(changes(self)).toEqual([]);
  expect(self.simulation.files.size).toBe(0);
});

test("checks the lease after the machine has slept, before anything is sent from its address", async () => {
  const self = scene();
  await bind(self);

  self.simulation.sleep(600_000);
  expect(addresses(self)).toEqual([]);
  await self.simulation.run(100);
  expect(self.events.slice(-4)).toEqual(["init-reboot", "rebooting", `acquired ${OURS}`, "bound"]);
  self.simulation.sleep(2 * HOUR);

  expect(self.events).toContain("init: dhcp-expired");
});

test("finds another server when its own dies, without losing the address", async () => {
  const self = scene();
  await bind(self);
  self.server.silence();
  const heir = self.simulation.server(self.segment, { address: "192.0.2.2" });
  for (const [address, client] of self.server.leases) heir.leases.set(address, client);

  await self.simulation.run(HOUR);

  expect(self.events).toContain(`rebound ${OURS}`);
  expect(self.client.lease?.server).toBe("192.0.2.2");
  expect(self.events).not.toContain(`lost ${OURS}`);
  expect(routes(self)).toEqual(["0.0.0.0/0 192.0.2.2 1024"]);
});

test("loses the address to the second when nobody extends the lease", async () => {
  const self = scene({}, { leaseSeconds: 8 });
  await bind(self);
  self.server.silence();

  await self.simulation.run(7990);
  expect(self.client.state).toBe("rebinding");
  await self.simulation.run(20);

  expect(self.events).toContain(`lost ${OURS}`);
  expect(addresses(self)).toEqual([]);
});

test("gives up an address that its server refuses", async () => {
  const self = scene();
  await bind(self);
  self.server.change({ pool: ["192.0.2.77"] });

  await self.simulation.run(HOUR);

  expect(self.events).toContain("init: dhcp-refused");
  expect(addresses(self)).toEqual(["192.0.2.77/24"]);
});

test("declines an address that another host has, and takes the next", async () => {
  const self = scene({ conflictDetection: true });
  self.simulation.host(self.segment, OURS);

  self.client.start();
  await self.simulation.run(60_000);

  expect(self.events).toContain("init: dhcp-conflict");
  expect([...self.server.declined]).toEqual([OURS]);
  expect(addresses(self)).toEqual(["192.0.2.101/24"]);
});

test("waits where the network wants IPv6 alone and it was asked", async () => {
  const self = scene({ requestIpv6Only: true }, { options: [[108, Uint8Array.of(0, 0, 14, 16)]] });
  self.client.start();
  await self.simulation.run(1000);

  expect(self.events.at(-1)).toBe("ipv6-only: dhcp-ipv6-only");
  expect(addresses(self)).toEqual([]);
});

test("goes through a bad network: a third of the frames lost, twice or late", async () => {
  const self = scene();
  self.segment.change({ loss: 0.33, duplication: 0.33, latency: 20, jitter: 300 });

  self.client.start();
  await self.simulation.run(7 * DAY);

  expect(self.client.lease).toBeDefined();
  expect(self.events.filter((event) => event.startsWith("lost"))).toEqual([]);
});

test("publishes every event, and tells what it drops", async () => {
  const self = scene();
  const dropped: string[] = [];
  self.client.on("dropped", ({ why }) => dropped.push(why));
  const second = self.simulation.server(self.segment, { address: "192.0.2.2", delay: 1 });
  await bind(self);
  await self.simulation.run(100);

  expect(second.received).toHaveLength(2);
  expect(self.simulation.published[0]).toMatchObject({ event: "state", interface: "eth0", state: "init" });
  expect(self.simulation.published.length).toBeGreaterThan(self.events.length - 1);
  expect(dropped).toEqual(["An OFFER after the choice"]);
});

test("is stopped by the end of its block", async () => {
  const self = scene();
  await bind(self);

  await self.simulation.until(self.client[Symbol.asyncDispose]());

  expect(self.client.state).toBe("ended");
});

test("waits while its link is set down, and goes on after", async () => {
  const self = scene();
  await bind(self);
  self.client.renew();
  self.simulation.network.set("eth0", { isUp: false });
  await self.simulation.run(100);
  expect(self.client.state).toBe("no-carrier");
  expect(addresses(self)).toEqual([]);

  self.simulation.network.set("eth0", { isUp: true });
  await self.simulation.run(100);

  expect(self.client.state).toBe("bound");
});

test("a lease file of another interface is as if it were not there", async () => {
  const self = scene({ leaseFile: "lease" });
  await bind(self);
  await self.simulation.until(self.client.stop());
  self.simulation.network.set("eth0", { hardwareAddress: Uint8Array.of(2, 0, 0, 0, 9, 9) });

  const next = follow(self.simulation, self.server, { leaseFile: "lease" });
  await bind(next);

  expect(next.events[0]).toBe("init");
});

test("writes resolv.conf anew when a renewal brings other name servers", async () => {
  const self = scene({ resolvConf: "resolv" });
  put(self, "resolv", "nameserver 9.9.9.9\n");
  await bind(self);
  self.server.change({ options: [[6, Uint8Array.of(192, 0, 2, 6)]] });
  await renew(self);
  expect(text(self, "resolv")).toContain("nameserver 192.0.2.6\n");

  await self.simulation.until(self.client.stop());

  expect(text(self, "resolv")).toBe("nameserver 9.9.9.9\n");
});

test.each([
  [new TypeError("odd"), "odd"],
  ["odder", "odder"],
])("ends with what is no error of the system, as internal: %s", async (thrown, message) => {
  const self = scene();
  self.simulation.network.bringUp = () => {
    throw thrown;
  };
  self.simulation.network.set("eth0", { isUp: false });

  const starting = expect(self.client.start()).rejects.toMatchObject({ code: "internal", message });
  await self.simulation.run(10);
  await starting;
});
