import { describe, expect, test } from "vitest";
import { OPTION } from "../../src/dhcp/index.ts";
import { assertTransition, STATES } from "../../src/dhcp/states.ts";
import { SimDhcpServer } from "../../src/testing/index.ts";
import { LINK, OTHER_MAC, type Sent, World } from "./world.ts";

const DAY = 86_400_000;

describe("an address", () => {
  test("comes in four frames, one transaction, the server named in the REQUEST", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(10);

    expect(world.stateNames).toEqual(["init", "selecting", "requesting", "bound"]);
    expect(world.lease?.address).toBe("192.0.2.100");
    const [discover, request] = world.sent;
    expect(world.sent).toHaveLength(2);
    expect(discover).toMatchObject({
      at: 0,
      type: "discover",
      via: "dhcp",
      from: "0.0.0.0",
      to: "255.255.255.255",
    });
    expect(request).toMatchObject({
      at: 1,
      type: "request",
      via: "dhcp",
      from: "0.0.0.0",
      to: "255.255.255.255",
    });
    expect(request?.message.xid).toBe(discover?.message.xid);
    expect(request?.message.ciaddr).toBe("0.0.0.0");
    expect(optionOf(request, OPTION.requestedAddress)).toBe("192.0.2.100");
    expect(optionOf(request, OPTION.serverId)).toBe("192.0.2.1");
    expect(world.channels.size).toBe(0);
  });

  test("comes in two frames with rapid commit, and only where it was asked for", () => {
    const server = new SimDhcpServer({ rapidCommit: true });
    const rapid = new World({ servers: [server], settings: { rapidCommit: true } }).start();
    rapid.run(10);
    expect(rapid.stateNames).toEqual(["init", "selecting", "bound"]);
    expect(rapid.sent).toHaveLength(1);

    const usual = new World({ servers: [new SimDhcpServer({ rapidCommit: true })] }).start();
    usual.run(10);
    expect(usual.sent.map(({ type }) => type)).toEqual(["discover", "request"]);
  });

  test("is usable by the other half where the server does not know rapid commit", () => {
    const world = new World({ servers: [new SimDhcpServer()], settings: { rapidCommit: true } }).start();
    world.run(10);

    expect(world.stateNames).toEqual(["init", "selecting", "requesting", "bound"]);
  });

  test("is searched for at 4, 8, 16, 32 and 64 s, each with a second more or less, in one transaction", () => {
    const world = new World().start();
    world.run(300_000);

    const times = world.times("discover");
    const waits = times.slice(1).map((at, index) => at - Number(times[index]));
    expect(times[0]).toBe(0);
    for (const [index, base] of [4, 8, 16, 32, 64, 64, 64].entries()) {
      expect(Math.abs(Number(waits[index]) - base)).toBeLessThanOrEqual(1);
    }
    expect(new Set(world.sent.map(({ message }) => message.xid)).size).toBe(1);
    expect(world.sent.map(({ message }) => message.secs)).toEqual(times.map(Math.floor));
  });

  test("that was offered is asked for four times in a minute, then the search begins anew", () => {
    const world = new World({
      servers: [new SimDhcpServer()],
      wire: ({ type }) => (type === "discover" ? [1] : []),
    });
    world.start().run(54_000);
    expect(world.times("request")).toHaveLength(4);
    world.run(12_000);

    expect(world.stateNames.slice(0, 5)).toEqual(["init", "selecting", "requesting", "init", "selecting"]);
    expect(world.reason).toBe("dhcp-silent");
    expect(world.sent[1]?.message.secs).toBe(world.sent[0]?.message.secs);
  });

  test("that came late repeats the seconds of its DISCOVER in the REQUEST", () => {
    const world = new World({ servers: [new SimDhcpServer()], wire: ({ at }) => (at < 10_000 ? [] : [1]) });
    world.start().until("bound");

    const discover = world.sent.findLast(({ type }) => type === "discover");
    const request = world.sent.find(({ type }) => type === "request");
    expect(discover?.message.secs).toBeGreaterThan(9);
    expect(request?.message.secs).toBe(discover?.message.secs);
  });

  test("comes over a link that loses, doubles and reorders", () => {
    for (let seed = 1; seed <= 200; seed++) {
      let rolls = seed * 7919;
      const roll = (below: number): number => {
        rolls = (rolls * 1_103_515_245 + 12_345) % 2 ** 31;
        return rolls % below;
      };
      const wire = (): number[] => Array.from({ length: roll(3) }, () => roll(3000));
      const servers = [
        new SimDhcpServer(),
        new SimDhcpServer({ address: "192.0.2.2", pool: ["192.0.2.200"] }),
      ];
      const world = new World({ servers, wire, seed }).start();
      world.run(1_000_000);

      expect(world.stateNames, `seed ${seed}`).toContain("bound");
      expect(world.lease, `seed ${seed}`).toBeDefined();
      expect(mostIn(world.times("request"), 9), `seed ${seed}`).toBeLessThanOrEqual(5);
    }
  });
});

describe("two servers", () => {
  const servers = (): SimDhcpServer[] => [
    new SimDhcpServer({ address: "192.0.2.1", pool: ["192.0.2.100"] }),
    new SimDhcpServer({ address: "192.0.2.2", pool: ["192.0.2.200"] }),
  ];

  test("the first offer is taken, and the other server is told by the identifier", () => {
    const world = new World({ servers: servers() }).start();
    world.run(100);

    expect(world.lease?.server).toBe("192.0.2.1");
    expect(world.servers[1]?.leases.size).toBe(0);
  });

  test("with a wait the address we had before is taken from the slower one", () => {
    const wire = (): number[] => [5];
    const world = new World({ servers: servers(), wire, settings: { waitForOffers: 1000 } });
    world.start({ remembered: { address: "192.0.2.200", remaining: 0 } });
    world.run(100);

    expect(world.lease?.address).toBe("192.0.2.200");
  });

  test("with a wait nothing is chosen before it is over", () => {
    const world = new World({ servers: servers(), settings: { waitForOffers: 1000 } }).start();
    world.until("bound");

    expect(world.times("request")).toEqual([1.001]);
  });

  test("the other takes over when the first is gone, and is asked by unicast from then on", () => {
    const [first, second] = servers();
    if (first === undefined || second === undefined) throw new Error("No servers");
    const world = new World({ servers: [first, second] }).start();
    world.run(10);
    first.silence();
    second.change({ pool: ["192.0.2.100"] });
    second.leases.set("192.0.2.100", [...first.leases.values()][0] ?? "");
    world.runTo(3600_000);

    expect(world.stateNames.slice(3)).toEqual(["bound", "renewing", "rebinding", "bound"]);
    expect(world.lease).toMatchObject({ address: "192.0.2.100", server: "192.0.2.2" });
    expect(changes(world)).toEqual(["acquired", "rebound"]);
    world.runTo(3600_000 + 3000_000);
    expect(world.sent.at(-1)).toMatchObject({ via: "datagrams", to: "192.0.2.2" });
    expect(changes(world)).toEqual(["acquired", "rebound", "renewed"]);
  });

  test("an OFFER that comes after the choice, and one that comes twice, change nothing", () => {
    const world = new World({
      servers: servers(),
      wire: ({ type }) => (type === "discover" ? [1, 2, 3] : [10]),
    });
    world.start().run(100);

    expect(world.dropped).toContain("An OFFER after the choice");
    expect(world.times("request")).toHaveLength(1);
    expect(world.lease?.address).toBe("192.0.2.100");
  });
});

describe("a lease", () => {
  test("is renewed by unicast from the address at half its time, and its times start anew", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(2_000_000);

    const renewal = world.sent[2];
    expect(Math.abs(Number(renewal?.at) - 1_800_001)).toBeLessThanOrEqual(1000);
    expect(renewal).toMatchObject({ via: "datagrams", to: "192.0.2.1", type: "request" });
    expect(renewal?.message.ciaddr).toBe("192.0.2.100");
    expect(renewal?.message.options.has(OPTION.requestedAddress)).toBe(false);
    expect(renewal?.message.options.has(OPTION.serverId)).toBe(false);
    expect(renewal?.message.xid).not.toBe(world.sent[0]?.message.xid);
    expect(changes(world)).toEqual(["acquired", "renewed"]);
    const configured = world.outputs.findLast(({ output }) => output.type === "configure")?.output;
    expect(configured).toMatchObject({ expiresAt: Number(renewal?.at) + 3600_000 });
  });

  test("is asked for at half of what remains, not closer than a minute, then of everyone, then it ends", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] }).start();
    world.run(10);
    server.silence();
    world.runTo(3_600_001);

    const asked = world.sent.slice(2).filter(({ at }) => at < 3_600_001);
    const gaps = asked.slice(1).map(({ at }, index) => at - Number(asked[index]?.at));
    expect(
      Math.min(...gaps.filter((_, index) => asked[index]?.via === asked[index + 1]?.via)),
    ).toBeGreaterThanOrEqual(60_000);
    expect(asked.filter(({ via }) => via === "datagrams").length).toBeGreaterThan(2);
    const broadcasts = asked.filter(({ via }) => via === "dhcp");
    expect(broadcasts.length).toBeGreaterThan(1);
    expect(broadcasts[0]).toMatchObject({ from: "192.0.2.100", to: "255.255.255.255" });
    expect(broadcasts[0]?.message.ciaddr).toBe("192.0.2.100");
    expect(Math.abs(Number(broadcasts[0]?.at) - 3_150_001)).toBeLessThanOrEqual(1000);
    expect(world.states.at(-2)).toBe("3600.001 init");
    expect(world.reason).toBe("dhcp-expired");
    expect(world.lease).toBeUndefined();
  });

  test("that ended is asked for by its address in the next DISCOVER", () => {
    const server = new SimDhcpServer({ leaseSeconds: 8 });
    const world = new World({ servers: [server] }).start();
    world.run(10);
    server.silence();
    world.until("init");
    expect(world.now).toBe(8001);
    world.run(1);

    expect(optionOf(world.sent.at(-1), OPTION.requestedAddress)).toBe("192.0.2.100");
  });

  test("of 8 s is renewed in time, and ends to the second when nobody answers", () => {
    const server = new SimDhcpServer({ leaseSeconds: 8, renewalSeconds: 3, rebindingSeconds: 6 });
    const world = new World({ servers: [server] }).start();
    world.run(60_000);
    expect(world.stateNames).not.toContain("rebinding");
    expect(withdrawals(world)).toEqual([]);

    server.silence();
    const last = Number(world.sent.at(-1)?.at);
    world.run(9000);
    expect(withdrawals(world)).toEqual([last + 8000]);
    const gaps = gapsOf(world.times("request").filter((at) => at > last / 1000));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1);
  });

  test("of 1 s ends after a second, and the address is searched for at a bearable pace", () => {
    const world = new World({ servers: [new SimDhcpServer({ leaseSeconds: 1 })] }).start();
    world.run(60_000);

    expect(withdrawals(world)[0]).toBe(1001);
    expect(mostIn(world.times("request"), 9)).toBeLessThanOrEqual(5);
    expect(mostIn(world.times("discover"), 9)).toBeLessThanOrEqual(5);
    expect(world.times("request").length).toBeGreaterThan(20);
  });

  test.each([2, 3, 4, 5, 10])("of %i s makes no storm", (leaseSeconds) => {
    const world = new World({ servers: [new SimDhcpServer({ leaseSeconds })] }).start();
    world.run(120_000);

    expect(mostIn(world.times("request"), 9)).toBeLessThanOrEqual(5);
    if (leaseSeconds > 2) expect(withdrawals(world)).toEqual([]);
  });

  test("without end is never renewed", () => {
    const world = new World({ servers: [new SimDhcpServer({ leaseSeconds: 0xffffffff })] }).start();
    world.run(400 * DAY);

    expect(world.sent).toHaveLength(2);
    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
    world.feed({ type: "renew" });
    world.run(10);
    expect(changes(world)).toEqual(["acquired", "renewed"]);
  });

  test.each([
    ["T1 = 0 and T2 = 0", 0, 0],
    ["T1 after T2", 3000, 100],
    ["T2 after the end", 100, 9999],
  ])("with %s is renewed at the defaults", (_, renewalSeconds, rebindingSeconds) => {
    const world = new World({ servers: [new SimDhcpServer({ renewalSeconds, rebindingSeconds })] }).start();
    world.run(1_798_000);
    expect(world.sent).toHaveLength(2);
    world.run(4000);
    expect(world.sent).toHaveLength(3);
  });

  test("with T1 of a second is renewed every two seconds and no more often", () => {
    const world = new World({
      servers: [new SimDhcpServer({ renewalSeconds: 1, rebindingSeconds: 2 })],
    }).start();
    world.run(60_000);

    expect(Math.min(...gapsOf(world.times("request")).slice(1))).toBeGreaterThanOrEqual(1);
    expect(mostIn(world.times("request"), 9)).toBeLessThanOrEqual(5);
  });

  test("is kept for thirty days without a gap", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(30 * DAY);

    expect(withdrawals(world)).toEqual([]);
    expect(world.times("request").length).toBeGreaterThan(1430);
    expect(world.times("request").length).toBeLessThan(1450);
    expect(world.times("discover")).toHaveLength(1);
  });

  test("is kept at the end of the clock's range", () => {
    const start = Number.MAX_SAFE_INTEGER - 4000_000;
    const world = new World({ servers: [new SimDhcpServer()], start }).start();
    world.run(3_900_000);

    expect(changes(world)).toEqual(["acquired", "renewed", "renewed"]);
  });

  test("whose ACK comes after its end is not used", () => {
    const world = new World({
      servers: [new SimDhcpServer({ leaseSeconds: 1 })],
      wire: ({ type }) => (type === "discover" ? [1] : [1500]),
    }).start();
    world.run(2000);

    expect(world.dropped).toEqual(["The lease has ended before its ACK came"]);
    expect(world.lease).toBeUndefined();
    expect(world.stateNames.slice(3, 5)).toEqual(["init", "selecting"]);
  });

  test("that a renewal would shorten to nothing stays as it was", () => {
    const server = new SimDhcpServer({ leaseSeconds: 100 });
    const world = new World({ servers: [server] }).start();
    world.run(10);
    server.change({ leaseSeconds: 1 });
    world.wire = () => [1500];
    world.run(52_000);

    expect(world.dropped).toContain("The lease has ended before its ACK came");
    expect(world.lease).toBeDefined();
  });

  test("goes to everyone early when the server's port is closed, at the time of the next try", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] }).start();
    world.run(10);
    server.silence();
    world.until("renewing");
    world.feed({ type: "unreachable", channel: 99 });
    world.feed({ type: "unreachable", channel: world.channel("datagrams") });
    const unicast = Number(world.sent.at(-1)?.at);
    world.until("rebinding");

    const next = Number(world.sent.at(-1)?.at);
    expect(next - unicast).toBeGreaterThanOrEqual(60_000);
    expect(next).toBeLessThan(3_000_000);
    world.feed({ type: "unreachable", channel: world.channel("datagrams") });
    expect(world.machine.state).toBe("rebinding");
  });

  test("is renewed when the program says so, and again not sooner than a second later", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] }).start();
    world.run(5000);
    server.silence();
    world.feed({ type: "renew" });
    world.run(200);
    world.feed({ type: "renew" });
    world.feed({ type: "renew" });
    world.run(2000);

    expect(world.times("request").slice(1)).toEqual([5, 6]);
    server.restore();
    world.feed({ type: "renew" });
    world.run(2000);
    expect(changes(world)).toEqual(["acquired", "renewed"]);
  });

  test("renewed by packet socket goes to the server's address in a frame to all", () => {
    const world = new World({ servers: [new SimDhcpServer()], settings: { unicast: "packets" } }).start();
    world.run(2_000_000);

    expect(world.sent[2]).toMatchObject({ via: "dhcp", from: "192.0.2.100", to: "192.0.2.1" });
    expect(changes(world)).toEqual(["acquired", "renewed"]);
    world.servers[0]?.silence();
    world.until("rebinding");
    expect([...world.channels.values()]).toEqual(["dhcp"]);
  });
});

describe("a refusal", () => {
  test("starts over after 1, 2, 4 and up to 60 s", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] });
    world.hook = ({ type, message }) => {
      if (type !== "request") return;
      world.after(1, () => world.deliver({ ...message, op: "reply", yiaddr: "0.0.0.0", options: nak() }));
    };
    server.silence();
    server.restore();
    world.wire = ({ type }) => (type === "discover" ? [1] : []);
    world.start().run(400_000);

    const waits = gapsOf(world.times("discover")).map(Math.round);
    expect(waits.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(mostIn(world.times("request"), 9)).toBeLessThanOrEqual(5);
    expect(world.reason).toBe("dhcp-refused");
  });

  test("of a renewal takes the address back at once, and forgets it", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] }).start();
    world.run(10);
    server.change({ pool: ["192.0.2.50"] });
    world.runTo(1_900_000);

    expect(world.stateNames.slice(3)).toEqual([
      "bound",
      "renewing",
      "init",
      "selecting",
      "requesting",
      "bound",
    ]);
    expect(world.lease?.address).toBe("192.0.2.50");
    expect(world.outputs.some(({ output }) => output.type === "forget")).toBe(true);
    const discover = world.sent.findLast(({ type }) => type === "discover");
    expect(discover?.message.options.has(OPTION.requestedAddress)).toBe(false);
    const reason = world.outputs.find(({ output }) => output.type === "withdraw")?.output;
    expect(reason).toMatchObject({
      reason: { code: "dhcp-refused", message: 'The server 192.0.2.1 refused the address: "not for you"' },
    });
  });

  test("without words is a refusal as well", () => {
    const world = new World({
      servers: [new SimDhcpServer()],
      wire: ({ type }) => (type === "discover" ? [1] : []),
    });
    world.hook = ({ type, message }) => {
      if (type === "request") {
        world.after(1, () => world.deliver({ ...message, op: "reply", options: nak("192.0.2.1", "") }));
      }
    };
    world.start().run(10);

    const refused = world.outputs.findLast(({ output }) => output.type === "state")?.output;
    expect(refused).toMatchObject({ reason: { message: "The server 192.0.2.1 refused the address" } });
  });

  test("of a server that was not asked is ignored, in REQUESTING and in RENEWING", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server], wire: () => [100] });
    world.hook = ({ type, message }) => {
      if (type === "request") {
        world.after(1, () => world.deliver({ ...message, op: "reply", options: nak("192.0.2.66") }));
      }
    };
    world.start().run(1000);
    expect(world.dropped).toEqual(['The NAK is of another server, "192.0.2.66"']);
    expect(world.machine.state).toBe("bound");

    world.runTo(2_000_000);
    expect(world.dropped).toHaveLength(2);
    expect(withdrawals(world)).toEqual([]);
  });
});

describe("a remembered address", () => {
  const remembered = { address: "192.0.2.105", remaining: 1_000_000 };

  test("is asked for in two frames, without naming a server", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] });
    knows(server, "192.0.2.105");
    world.start({ remembered }).run(10);

    expect(world.stateNames).toEqual(["init-reboot", "rebooting", "bound"]);
    expect(world.sent).toHaveLength(1);
    expect(optionOf(world.sent[0], OPTION.requestedAddress)).toBe("192.0.2.105");
    expect(world.sent[0]?.message.options.has(OPTION.serverId)).toBe(false);
    expect(world.sent[0]?.message.ciaddr).toBe("0.0.0.0");
  });

  test("that a server refuses gives way to another", () => {
    const world = new World({ servers: [new SimDhcpServer()] });
    world.start({ remembered }).run(3000);

    expect(world.stateNames).toEqual([
      "init-reboot",
      "rebooting",
      "init",
      "selecting",
      "requesting",
      "bound",
    ]);
    expect(world.lease?.address).toBe("192.0.2.100");
  });

  test("that nobody answers for is asked for twice, then it is a wish", () => {
    const world = new World({ servers: [new SimDhcpServer({ isAuthoritative: false })] });
    world.start({ remembered, isConfigured: true }).until("bound");

    expect(world.times("request").length).toBe(3);
    expect(world.now).toBeLessThan(15_000);
    expect(world.lease?.address).toBe("192.0.2.105");
    expect(world.stateNames.slice(0, 4)).toEqual(["init-reboot", "rebooting", "init", "selecting"]);
    expect(withdrawals(world)).toHaveLength(1);
  });

  test("whose lease has ended is a wish in the DISCOVER", () => {
    const world = new World({ servers: [new SimDhcpServer()] });
    world.start({ remembered: { ...remembered, remaining: 0 } }).run(10);

    expect(world.stateNames).toEqual(["init", "selecting", "requesting", "bound"]);
    expect(world.lease?.address).toBe("192.0.2.105");
  });

  test("is nobody's business where we are to be anonymous", () => {
    const world = new World({ servers: [new SimDhcpServer()], settings: { anonymous: true } });
    world.start({ remembered, isConfigured: true }).run(10);

    expect(world.stateNames).toEqual(["init", "selecting", "requesting", "bound"]);
    expect(world.sent[0]?.message.options.has(OPTION.requestedAddress)).toBe(false);
    expect(withdrawals(world)).toEqual([0]);
  });
});

describe("the link", () => {
  test("without a carrier is waited for", () => {
    const world = new World({ servers: [new SimDhcpServer()] });
    world.start({ link: { ...LINK, hasCarrier: false } }).run(100_000);
    expect(world.sent).toEqual([]);
    expect(world.stateNames).toEqual(["no-carrier"]);
    expect(world.channels.size).toBe(0);

    world.feed({ type: "link", link: LINK });
    world.run(10);
    expect(world.machine.state).toBe("bound");
  });

  test("that loses its carrier has no address, and asks for the same at once when it is back", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(1000);
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false, mtu: 1400 } });
    expect(world.reason).toBe("dhcp-no-carrier");
    expect(world.lease).toBeUndefined();
    world.run(5000);
    world.feed({ type: "link", link: LINK });
    world.run(2);

    expect(world.stateNames.slice(4)).toEqual(["no-carrier", "init-reboot", "rebooting", "bound"]);
    expect(world.sent.at(-1)?.at).toBe(6000);
    expect(world.lease?.address).toBe("192.0.2.100");
  });

  test("that comes back after the end of the lease begins anew, with a wish", () => {
    const world = new World({ servers: [new SimDhcpServer({ leaseSeconds: 100 })] }).start();
    world.run(1000);
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
    world.run(200_000);
    world.feed({ type: "link", link: LINK });
    world.run(10);

    expect(world.stateNames.slice(4)).toEqual(["no-carrier", "init", "selecting", "requesting", "bound"]);
    expect(optionOf(world.sent.at(-2), OPTION.requestedAddress)).toBe("192.0.2.100");
  });

  test("that comes and goes makes no storm", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(100);
    for (let turn = 0; turn < 100; turn++) {
      world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
      world.run(100);
      world.feed({ type: "link", link: LINK });
      world.run(100);
    }

    expect(mostIn(world.times("request"), 9)).toBeLessThanOrEqual(5);
    expect(mostIn(world.times("discover"), 9)).toBeLessThanOrEqual(5);
    world.run(20_000);
    expect(world.machine.state).toBe("bound");
  });

  test.each(["bound", "selecting", "requesting"])(
    "with another hardware address in %s begins anew",
    (state) => {
      const world = new World({ servers: [new SimDhcpServer()], wire: () => [50] }).start();
      world.until(state);
      world.feed({ type: "link", link: { ...LINK, hardwareAddress: OTHER_MAC } });
      world.until("bound");

      expect(world.sent.at(-1)?.message.chaddr).toEqual(OTHER_MAC);
      expect(world.outputs.some(({ output }) => output.type === "forget")).toBe(true);
      expect(world.lease?.address).toBe(state === "selecting" ? "192.0.2.100" : "192.0.2.101");
    },
  );

  test("with another hardware address while something is waited for says so in the next message", () => {
    const world = new World({ servers: [new SimDhcpServer()] });
    world.start({ link: { ...LINK, hasCarrier: false } });
    world.feed({ type: "link", link: { ...LINK, hardwareAddress: OTHER_MAC, hasCarrier: false } });
    world.feed({ type: "link", link: { ...LINK, hardwareAddress: OTHER_MAC } });
    world.run(10);

    expect(world.sent[0]?.message.chaddr).toEqual(OTHER_MAC);
    const waiting = new World({ servers: [new SimDhcpServer()] }).start();
    refuseAll(waiting);
    waiting.until("requesting");
    waiting.until("init");
    waiting.feed({ type: "link", link: { ...LINK, hardwareAddress: OTHER_MAC } });
    expect(waiting.machine.state).toBe("init");
  });

  test("changes are noted while nothing is wanted", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(10);
    world.feed({ type: "release" });
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
    world.run(100);
    expect(world.machine.state).toBe("idle");
    world.feed({ type: "link", link: LINK });
    world.feed({ type: "renew" });
    world.run(10);

    expect(world.machine.state).toBe("bound");
  });
});

describe("sleep", () => {
  test("takes the address back, and the lease is asked for before anything else", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(10_000);
    world.feed({ type: "woke", slept: 1_000_000 });
    const order = world.outputs.slice(-6).map(({ output }) => output.type);
    expect(order.indexOf("withdraw")).toBeLessThan(order.indexOf("send"));
    expect(world.lease).toBeUndefined();
    world.run(2);

    expect(world.stateNames.slice(4)).toEqual(["init-reboot", "rebooting", "bound"]);
  });

  test("longer than the lease ends it", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(10_000);
    world.feed({ type: "woke", slept: 3_600_000 });

    expect(world.reason).toBe("dhcp-expired");
    expect(world.stateNames.slice(4)).toEqual(["init", "selecting"]);
  });

  test.each<[string, string]>([
    ["selecting", "init"],
    ["requesting", "init"],
    ["rebooting", "init-reboot"],
    ["renewing", "init-reboot"],
    ["rebinding", "init-reboot"],
    ["probing", "init-reboot"],
  ])("in %s begins with %s", (state, next) => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server], wire: () => [50], settings: { conflictDetection: true } });
    if (state === "rebooting") world.start({ remembered: { address: "192.0.2.100", remaining: 1_000_000 } });
    else world.start();
    if (state.startsWith("re") && state !== "requesting" && state !== "rebooting") {
      world.until("bound");
      server.silence();
    }
    world.until(state, 4_000_000);
    const before = world.stateNames.length;
    world.feed({ type: "woke", slept: 2000 });

    expect(world.stateNames[before]).toBe(next);
  });

  test("changes nothing where there is nothing to lose", () => {
    const world = new World();
    world.start({
      link: { ...LINK, hasCarrier: false },
      remembered: { address: "192.0.2.100", remaining: 10_000 },
    });
    world.feed({ type: "woke", slept: 20_000 });
    expect(world.stateNames).toEqual(["no-carrier"]);
    world.feed({ type: "link", link: LINK });

    expect(world.stateNames).toEqual(["no-carrier", "init", "selecting"]);
  });

  test("where we are to be anonymous begins anew", () => {
    const world = new World({ servers: [new SimDhcpServer()], settings: { anonymous: true } }).start();
    world.run(100);
    world.feed({ type: "woke", slept: 2000 });

    expect(world.stateNames.slice(4)).toEqual(["init", "selecting"]);
  });
});

describe("IPv6 alone (RFC 8925)", () => {
  const options = [[108, Uint8Array.of(0, 0, 2, 88)]] as const;

  test("is what we do when we asked and the network says so, for so long", () => {
    const world = new World({
      servers: [new SimDhcpServer({ options })],
      settings: { requestIpv6Only: true },
    }).start();
    world.run(10);
    expect(world.machine.state).toBe("ipv6-only");
    expect(world.reason).toBe("dhcp-ipv6-only");
    expect(world.channels.size).toBe(0);
    world.run(599_000);
    expect(world.sent).toHaveLength(1);
    world.run(2000);

    expect(world.sent).toHaveLength(2);
  });

  test("is at least 300 s, needs no address, and ends with the link", () => {
    const short = [[108, Uint8Array.of(0, 0, 0, 1)]] as const;
    const server = new SimDhcpServer({ options: short, pool: ["0.0.0.0"] });
    const world = new World({ servers: [server], settings: { requestIpv6Only: true } }).start();
    world.run(299_000);
    expect(world.sent).toHaveLength(1);
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
    world.feed({ type: "link", link: LINK });

    expect(world.stateNames.slice(-2)).toEqual(["init", "selecting"]);
  });

  test("is what a remembered address gives way to", () => {
    const server = new SimDhcpServer({ options });
    const world = new World({ servers: [server], settings: { requestIpv6Only: true } });
    knows(server, "192.0.2.105");
    world.start({ remembered: { address: "192.0.2.105", remaining: 9000 }, isConfigured: true }).run(10);

    expect(world.machine.state).toBe("ipv6-only");
    expect(withdrawals(world)).toHaveLength(1);
  });

  test("has no say where nobody asked", () => {
    const world = new World({ servers: [new SimDhcpServer({ options })] }).start();
    world.run(1000);

    expect(world.machine.state).toBe("bound");
  });
});

describe("INFORM", () => {
  test("asks for the rest where the address is set by hand, again with growing waits", () => {
    const server = new SimDhcpServer();
    server.silence();
    const world = new World({ servers: [server] }).start({ inform: "192.0.2.9" });
    world.run(20_000);
    server.restore();
    world.until("informed");

    expect(
      world
        .times("inform")
        .slice(0, 3)
        .map((at, index) => Math.abs(at - Number([0, 4, 12][index])) <= 2),
    ).toEqual([true, true, true]);
    expect(world.sent[0]).toMatchObject({ from: "192.0.2.9", to: "255.255.255.255" });
    expect(world.sent[0]?.message.ciaddr).toBe("192.0.2.9");
    const told = world.outputs.find(({ output }) => output.type === "informed")?.output;
    expect(told).toMatchObject({ configuration: { dnsServers: ["192.0.2.1"], server: "192.0.2.1" } });
    expect(world.channels.size).toBe(0);
  });

  test("is asked again when the program says so, after sleep, and when the carrier returns", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start({ inform: "192.0.2.9" });
    world.run(10);
    world.feed({ type: "renew" });
    world.run(10);
    world.feed({ type: "woke", slept: 5000 });
    world.run(10);
    world.feed({ type: "link", link: { ...LINK, hasCarrier: false } });
    world.feed({ type: "link", link: LINK });
    world.feed({ type: "link", link: { ...LINK, hardwareAddress: OTHER_MAC } });
    world.run(10_000);

    expect(world.stateNames.filter((name) => name === "informed")).toHaveLength(4);
    world.feed({ type: "link", link: LINK });
    world.run(10);
    expect(world.machine.state).toBe("informed");
  });

  test("takes no answer but an ACK", () => {
    const world = new World().start({ inform: "192.0.2.9" });
    const message = world.sent[0]?.message;
    if (message === undefined) throw new Error("Nothing was sent");
    world.deliver({ ...message, op: "reply", options: nak() });

    expect(world.dropped).toEqual(["A NAK to an INFORM"]);
  });
});

describe("the end", () => {
  test("by release gives the address back from the address, then takes it away, then rests", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server] }).start();
    world.run(100);
    world.feed({ type: "release" });
    world.feed({ type: "release" });
    expect(world.machine.state).toBe("releasing");
    expect(world.lease).toBeDefined();
    world.run(20);

    expect(world.sent.at(-1)).toMatchObject({ type: "release", via: "datagrams", to: "192.0.2.1" });
    expect(server.leases.size).toBe(0);
    expect(world.machine.state).toBe("idle");
    expect(world.lease).toBeUndefined();
    expect(world.outputs.some(({ output }) => output.type === "forget")).toBe(true);
    expect(world.channels.size).toBe(0);
    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
    world.feed({ type: "release" });
    expect(world.machine.state).toBe("idle");
  });

  test("by release while the address is probed goes by packet socket", () => {
    const server = new SimDhcpServer();
    const world = new World({ servers: [server], settings: { conflictDetection: true } }).start();
    world.until("probing");
    world.feed({ type: "release" });
    world.run(20);

    expect(world.sent.at(-1)).toMatchObject({ type: "release", via: "dhcp", to: "192.0.2.1" });
    expect(withdrawals(world)).toEqual([]);
    expect(world.machine.state).toBe("idle");
  });

  test("by release without an address is a rest", () => {
    const world = new World().start({
      remembered: { address: "192.0.2.100", remaining: 9000 },
      isConfigured: true,
    });
    world.feed({ type: "release" });

    expect(world.stateNames).toEqual(["init-reboot", "rebooting", "idle"]);
    expect(withdrawals(world)).toEqual([0]);
  });

  test("by stop takes the address back and says nothing to anyone, now and later", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(100);
    const outputs = world.feed({ type: "stop" });

    expect(outputs.map(({ type }) => type)).toEqual(["withdraw", "state"]);
    expect(world.machine.state).toBe("ended");
    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.feed({ type: "renew" })).toEqual([]);
    expect(world.feed({ type: "stop" })).toEqual([]);
    expect(world.outputs.some(({ output }) => output.type === "forget")).toBe(false);
  });

  test("by stop closes what is open before its last word", () => {
    const world = new World().start();
    const outputs = world.feed({ type: "stop", reason: { layer: "dhcp", code: "internal", message: "x" } });

    expect(outputs.map(({ type }) => type)).toEqual(["close", "state"]);
    expect(outputs.at(-1)).toMatchObject({ state: "ended", reason: { code: "internal" } });
  });

  test("by stop after release lets the RELEASE go out", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(100);
    world.feed({ type: "release" });
    world.feed({ type: "stop" });
    expect(world.machine.state).toBe("releasing");
    world.run(20);
    expect(world.stateNames.at(-1)).toBe("ended");

    const other = new World({ servers: [new SimDhcpServer()] }).start();
    other.run(100);
    other.feed({ type: "release" });
    other.feed({ type: "stop", reason: { layer: "dhcp", code: "internal", message: "x" } });
    expect(other.machine.state).toBe("ended");
  });

  test("and the beginning are once: a second start does nothing", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(100);

    expect(world.feed({ type: "start", link: LINK })).toEqual([]);
  });
});

describe("stale and foreign inputs", () => {
  test("on a channel that is closed do nothing", () => {
    const world = new World({ servers: [new SimDhcpServer()] }).start();
    world.run(100);
    const packet = { bytes: new Uint8Array(300), checksum: "full", vlan: undefined } as const;

    expect(world.feed({ type: "packet", channel: 1, packet })).toEqual([]);
    expect(world.feed({ type: "datagram", channel: 1, bytes: new Uint8Array(300) })).toEqual([]);
    expect(world.feed({ type: "arp", channel: 1, bytes: new Uint8Array(28) })).toEqual([]);
    expect(world.feed({ type: "unreachable", channel: 1 })).toEqual([]);
  });

  test("of the packet socket are nothing while a RELEASE goes out", () => {
    const world = new World({ servers: [new SimDhcpServer()], settings: { unicast: "packets" } }).start();
    world.run(100);
    world.feed({ type: "release" });
    world.deliverPacket(new Uint8Array(300));

    expect(world.dropped).toEqual([]);
  });

  test("renew does nothing before there is anything to renew", () => {
    const world = new World().start();

    expect(world.feed({ type: "renew" })).toEqual([]);
    expect(world.machine.state).toBe("selecting");
  });
});

test("the table of transitions names states alone, leads out of all but the last, and is held", () => {
  for (const [from, { next, meaning }] of Object.entries(STATES)) {
    expect(next.every((name) => name in STATES)).toBe(true);
    expect(next.length === 0).toBe(from === "ended");
    expect(meaning).toMatch(/^[A-Z].*[^.]$/);
  }
  expect(() => assertTransition("bound", "selecting")).toThrow(
    'Cannot enter: "selecting" does not follow "bound"',
  );
});

function optionOf(sent: Sent | undefined, code: number): string | undefined {
  return sent?.message.options.get(code)?.join(".");
}

function changes(world: World): string[] {
  return world.outputs.flatMap(({ output }) => (output.type === "configure" ? [output.change] : []));
}

/** When the address was taken back. */
function withdrawals(world: World): number[] {
  return world.outputs.flatMap(({ output, at }) => (output.type === "withdraw" ? [at] : []));
}

function gapsOf(times: readonly number[]): number[] {
  return times.slice(1).map((at, index) => at - Number(times[index]));
}

/** The largest number of `times` within any span of so many seconds. */
function mostIn(times: readonly number[], span: number): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at <= from + span).length));
}

function nak(server = "192.0.2.1", words = "no"): Map<number, Uint8Array> {
  const options = new Map([
    [53, Uint8Array.of(6)],
    [54, Uint8Array.from(server.split("."), Number)],
  ]);
  if (words !== "") options.set(56, new TextEncoder().encode(words));
  return options;
}

/** The server has given this address to the client of these tests before. */
function knows(server: SimDhcpServer, address: string): void {
  server.leases.set(address, "ff0000000a0003000102000000000a");
}

/** Every REQUEST is refused. */
function refuseAll(world: World): void {
  world.wire = ({ type }) => (type === "discover" ? [1] : []);
  world.hook = ({ type, message }) => {
    if (type === "request") world.after(1, () => world.deliver({ ...message, op: "reply", options: nak() }));
  };
}
