import { describe, expect, test } from "vitest";
import { Acd } from "../../src/dhcp/acd.ts";
import { OPTION } from "../../src/dhcp/index.ts";
import { TIMEOUT } from "../../src/lib/machine.ts";
import { SeededRandom, SimDhcpServer } from "../../src/testing/index.ts";
import { MAC, OTHER_MAC, World, type WorldOptions } from "./world.ts";

const THIRD_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0c);

/** A world with conflict detection. */
function guarded(options: WorldOptions = {}): World {
  return new World({
    servers: [new SimDhcpServer()],
    ...options,
    settings: { conflictDetection: true, ...options.settings },
  });
}

describe("conflict detection (RFC 5227)", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "probes three times, waits, and announces twice, in the RFC's time (seed %i)",
    (seed) => {
      const world = guarded({ seed }).start();
      world.run(20_000);

      const acked = 2;
      const [first, second, third, announced, again, ...more] = world.arps.map(({ at }) => at);
      expect(more).toEqual([]);
      expect(Number(first) - acked).toBeGreaterThanOrEqual(0);
      expect(Number(first) - acked).toBeLessThanOrEqual(1000);
      for (const gap of [Number(second) - Number(first), Number(third) - Number(second)]) {
        expect(gap).toBeGreaterThanOrEqual(1000);
        expect(gap).toBeLessThanOrEqual(2000);
      }
      expect(Number(announced) - Number(third)).toBe(2000);
      expect(Number(again) - Number(announced)).toBe(2000);
      expect(world.arps.map(({ arp }) => arp.sender)).toEqual([
        "0.0.0.0",
        "0.0.0.0",
        "0.0.0.0",
        "192.0.2.100",
        "192.0.2.100",
      ]);
      expect(world.arps.every(({ arp }) => arp.target === "192.0.2.100" && arp.operation === "request")).toBe(
        true,
      );
      expect(world.states).toContain(`${Number(announced) / 1000} bound`);
    },
  );

  test("configures nothing before the address is known to be free", () => {
    const world = guarded().start();
    world.until("probing");
    world.run(3000);
    expect(world.lease).toBeUndefined();
    world.until("bound");

    expect(world.lease?.address).toBe("192.0.2.100");
  });

  test("declines an address that answers, waits ten seconds, and takes another", () => {
    const server = new SimDhcpServer();
    const world = guarded({ servers: [server] });
    world.hosts.set("192.0.2.100", OTHER_MAC);
    world.start();
    world.until("init");
    const declined = world.sent.at(-1);
    expect(declined?.type).toBe("decline");
    expect(declined).toMatchObject({ from: "0.0.0.0", to: "255.255.255.255" });
    expect(declined?.message.options.get(OPTION.requestedAddress)?.join(".")).toBe("192.0.2.100");
    expect(declined?.message.options.get(OPTION.serverId)?.join(".")).toBe("192.0.2.1");
    expect(server.declined).toEqual(new Set(["192.0.2.100"]));
    expect(world.outputs.at(-1)?.output).not.toMatchObject({ type: "send" });
    const reason = world.outputs.findLast(({ output }) => output.type === "state")?.output;
    expect(reason).toMatchObject({
      reason: { code: "dhcp-conflict", message: "The address 192.0.2.100 is in use by 02:00:00:00:00:0b" },
    });

    const at = world.now;
    world.until("bound");
    const discover = world.sent.find((each) => each.type === "discover" && each.at > at);
    expect(Number(discover?.at) - at).toBe(10_000);
    expect(discover?.message.options.has(OPTION.requestedAddress)).toBe(false);
    expect(world.lease?.address).toBe("192.0.2.101");
  });

  test("prefers any offer to that of a declined address", () => {
    const stubborn = new SimDhcpServer({ pool: ["192.0.2.100"] });
    const other = new SimDhcpServer({ address: "192.0.2.2", pool: ["192.0.2.200"] });
    other.silence();
    const world = guarded({ servers: [stubborn, other] });
    world.hosts.set("192.0.2.100", OTHER_MAC);
    world.start().until("init");
    stubborn.declined.clear();
    other.restore();
    world.wire = ({ message }) => [message.options.has(OPTION.serverId) ? 1 : 2];
    world.until("bound");

    expect(world.lease?.address).toBe("192.0.2.200");
  });

  test("asks again for a declined address where there is nothing else, ever more slowly", () => {
    const server = new SimDhcpServer({ pool: ["192.0.2.100"] });
    const world = guarded({ servers: [server] });
    world.hosts.set("192.0.2.100", OTHER_MAC);
    world.hook = () => server.declined.clear();
    world.start().run(600_000);

    const waits = gaps(world.times("decline"));
    expect(waits.length).toBeGreaterThan(10);
    expect(Math.min(...waits)).toBeGreaterThan(10);
    expect(waits.at(-1)).toBeGreaterThan(60);
  });

  test("yields to a host that probes for the same address, and not to its own probes", () => {
    const world = guarded().start();
    world.until("probing");
    world.deliverArp({ senderHardware: MAC, target: "192.0.2.100" });
    world.deliverArp({ senderHardware: OTHER_MAC, target: "192.0.2.101" });
    world.deliverArp({ senderHardware: OTHER_MAC, sender: "192.0.2.101", target: "192.0.2.100" });
    world.deliverArp({ senderHardware: OTHER_MAC, operation: "reply", target: "192.0.2.100" });
    expect(world.machine.state).toBe("probing");
    world.deliverArp({ senderHardware: OTHER_MAC, target: "192.0.2.100" });

    expect(world.reason).toBe("dhcp-conflict");
  });

  test("defends the address once, and gives it up when it is attacked again within ten seconds", () => {
    const world = guarded().start();
    world.run(100_000);
    world.deliverArp({ sender: "192.0.2.100", target: "192.0.2.1" });
    expect(world.arps).toHaveLength(6);
    expect(world.arps.at(-1)?.arp.sender).toBe("192.0.2.100");
    expect(world.machine.state).toBe("bound");
    world.run(10_000);
    world.deliverArp({ sender: "192.0.2.100", target: "192.0.2.1" });
    expect(world.arps).toHaveLength(7);
    world.run(9_999);
    world.deliverArp({ sender: "192.0.2.100", target: "192.0.2.1", senderHardware: THIRD_MAC });

    expect(world.machine.state).toBe("init");
    expect(world.lease).toBeUndefined();
    expect(world.times("decline")).toHaveLength(1);
  });

  test("does not fight with its own address, and ignores what is no ARP for it", () => {
    const world = guarded().start();
    world.run(100_000);
    world.deliverArp({ sender: "192.0.2.100", senderHardware: MAC });
    world.deliverArp({ sender: "192.0.2.7", target: "192.0.2.100" });
    world.deliverArp({ target: "192.0.2.100" });
    world.feed({ type: "arp", channel: world.channel("arp"), bytes: new Uint8Array(28) });

    expect(world.arps).toHaveLength(5);
    expect(world.machine.state).toBe("bound");
  });

  test("goes on while the lease is renewed, on the same socket", () => {
    const world = guarded().start();
    world.until("bound");
    const channel = world.channel("arp");
    world.run(2_000_000);

    expect(world.stateNames.slice(-2)).toEqual(["renewing", "bound"]);
    expect(world.channel("arp")).toBe(channel);
    world.deliverArp({ sender: "192.0.2.100" });
    expect(world.arps).toHaveLength(6);
  });

  test("does not probe an address whose lease is too short for it; it announces and defends", () => {
    const world = guarded({ servers: [new SimDhcpServer({ leaseSeconds: 8 })] }).start();
    world.run(3000);

    expect(world.stateNames).toEqual(["init", "selecting", "requesting", "bound"]);
    expect(world.arps.map(({ at }) => at)).toEqual([2, 2002]);
    world.deliverArp({ sender: "192.0.2.100" });
    expect(world.arps).toHaveLength(3);
  });

  test("ends with a lease that ends while it probes", () => {
    const server = new SimDhcpServer({ leaseSeconds: 16, renewalSeconds: 8, rebindingSeconds: 9 });
    const world = guarded({ servers: [server] }).start();
    world.until("probing");
    world.now += 16_000;
    world.feed(TIMEOUT);

    expect(world.reason).toBe("dhcp-expired");
    expect(world.arps).toEqual([]);
  });

  test("is off where it is set off", () => {
    const world = guarded({ settings: { conflictDetection: false } }).start();
    world.run(100_000);

    expect(world.arps).toEqual([]);
    expect(world.channels.size).toBe(0);
  });
});

describe("the machine of one address", () => {
  test("starts once, does nothing early, and is silent after its end", () => {
    const acd = new Acd({
      address: "192.0.2.9",
      hardwareAddress: MAC,
      random: new SeededRandom(1),
      probes: true,
    });
    const arp = {
      operation: "reply",
      senderHardware: OTHER_MAC,
      sender: "192.0.2.9",
      targetHardware: MAC,
      target: "0.0.0.0",
    } as const;
    expect(acd.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(acd.handle(TIMEOUT, 0)).toEqual([]);
    expect(acd.handle({ type: "arp", arp }, 0)).toEqual([]);
    expect(acd.handle({ type: "start" }, 0)).toEqual([]);
    const { deadline } = acd;
    expect(acd.handle({ type: "start" }, 5)).toEqual([]);
    expect(acd.deadline).toBe(deadline);
    expect(acd.handle(TIMEOUT, deadline - 1)).toEqual([]);
    expect(acd.handle(TIMEOUT, deadline)).toHaveLength(1);
    expect(acd.handle({ type: "arp", arp }, deadline)).toEqual([
      { type: "conflict", hardwareAddress: OTHER_MAC },
    ]);

    expect(acd.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(acd.handle({ type: "arp", arp }, deadline)).toEqual([]);
    expect(acd.handle(TIMEOUT, 1e9)).toEqual([]);
    expect(acd.handle({ type: "start" }, 1e9)).toEqual([]);
  });
});

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((at, index) => at - Number(times[index]));
}
