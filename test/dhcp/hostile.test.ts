import { describe, expect, test } from "vitest";
import { encodeMessage, type Fields } from "../../src/dhcp/index.ts";
import { SimDhcpServer } from "../../src/testing/index.ts";
import { HOSTILE, ODD, packetOf, type Vector } from "./hostile.ts";
import { type Sent, World } from "./world.ts";

const GOOD = "192.0.2.88";
const BAD = "192.0.2.66";
const MARK = Uint8Array.of(192, 0, 2, 67);

/** A server that offers .88 and answers after 60 ms; before it `spoiled` comes, in answer to the same message. */
function attacked(phase: "discover" | "request", spoiled: (reply: Fields, world: World) => void): World {
  const server = new SimDhcpServer({ pool: [GOOD] });
  const world = new World({ servers: [server], wire: () => [60] });
  world.hook = (sent) => {
    if (sent.type !== phase) return;
    world.after(1, () => spoiled(replyTo(sent, phase), world));
  };
  world.start();
  world.run(5000);
  return world;
}

/** What the attacker starts from: an OFFER of .66, or an ACK for what was requested, with a name server of its own. */
function replyTo({ message }: Sent, phase: "discover" | "request"): Fields {
  const isOffer = phase === "discover";
  const options = new Map<number, Uint8Array>([
    [53, Uint8Array.of(isOffer ? 2 : 5)],
    [54, isOffer ? MARK : Uint8Array.of(192, 0, 2, 1)],
    [1, Uint8Array.of(255, 255, 255, 0)],
    [3, Uint8Array.of(192, 0, 2, 1)],
    [51, Uint8Array.of(0, 0, 14, 16)],
    [6, MARK],
    [61, message.options.get(61) ?? new Uint8Array(2)],
  ]);
  return { op: "reply", xid: message.xid, chaddr: message.chaddr, yiaddr: isOffer ? BAD : GOOD, options };
}

function deliver(world: World, reply: Fields, vector: Pick<Vector, "spoil">): void {
  const { bytes, checksum, vlan } = packetOf(reply, vector);
  world.deliverPacket(bytes, vlan === undefined ? { checksum } : { checksum, vlan });
}

describe("a good reply that follows 60 ms later wins", () => {
  test.each(HOSTILE.map((vector) => [vector.name, vector.records.join(", "), vector] as const))(
    "against %s as an OFFER (%s)",
    (_, __, vector) => {
      const world = attacked("discover", (reply, self) => deliver(self, reply, vector));

      expectGood(world);
    },
  );

  test.each(HOSTILE.map((vector) => [vector.name, vector.records.join(", "), vector] as const))(
    "against %s as an ACK (%s)",
    (_, __, vector) => {
      const world = attacked("request", (reply, self) => deliver(self, reply, vector));

      expectGood(world);
    },
  );

  test("against a reply cut off anywhere, with right sums (CVE-2021-26675, CVE-2023-28488)", () => {
    for (let length = 0; length < 270; length++) {
      const cut: Pick<Vector, "spoil"> = {
        spoil: ({ payload }) => {
          payload.push((bytes) => bytes.slice(0, length));
        },
      };
      const whole = attacked("discover", (reply, self) => deliver(self, reply, cut));
      const isWhole = whole.lease?.address === BAD;
      // Its options with their end are 37 bytes long.
      expect(isWhole, `${length} bytes`).toBe(length >= 240 + 41);
    }
  });
});

describe("an odd reply that is right is taken", () => {
  test.each(ODD.map((vector) => [vector.name, vector] as const))("%s", (_, vector) => {
    const offered = attacked("discover", (reply, self) => deliver(self, reply, vector));
    expect(offered.times("request")[0]).toBe(0.001);
    expect(offered.sent[1]?.message.options.get(50)).toEqual(Uint8Array.of(192, 0, 2, 66));

    const acknowledged = attacked("request", (reply, self) => deliver(self, reply, vector));
    expect(acknowledged.lease).toMatchObject({ address: GOOD, dnsServers: ["192.0.2.67"], doubts: [] });
  });
});

describe("a reply with faults alone", () => {
  test("is taken after half a second, without what is wrong, so that a sloppy server is better than none", () => {
    const server = new SimDhcpServer({ pool: [GOOD], options: [[12, Uint8Array.of(0x24, 0x28)]] });
    const world = new World({ servers: [server] }).start();
    world.run(5000);

    expect(world.states.at(-1)).toBe("0.502 bound");
    expect(world.lease?.hostname).toBeUndefined();
    expect(world.lease?.doubts).toEqual(['Option 12 is no such text: "$("']);
  });

  test("whose faults began with the ACK waits as long", () => {
    const server = new SimDhcpServer({ pool: [GOOD] });
    const world = new World({ servers: [server] });
    world.wire = ({ type }) => {
      if (type === "discover") server.change({ options: [[12, Uint8Array.of(0x24, 0x28)]] });
      return [1];
    };
    world.start().run(5000);

    expect(world.states.at(-1)).toBe("0.502 bound");
  });

  test("in answer to a renewal waits as long, and in the end extends the lease", () => {
    const server = new SimDhcpServer({ pool: [GOOD] });
    const world = new World({ servers: [server] }).start();
    world.run(5000);
    server.change({ options: [[26, Uint8Array.of(0, 68)]] });
    world.feed({ type: "renew" });
    world.run(400);
    expect(world.machine.state).toBe("renewing");
    world.run(200);

    expect(world.machine.state).toBe("bound");
    expect(world.lease?.mtu).toBeUndefined();
  });

  test("in answer to the question for a remembered address waits as long", () => {
    const server = new SimDhcpServer({ pool: [GOOD], options: [[26, Uint8Array.of(0, 68)]] });
    const world = new World({ servers: [server] });
    server.leases.set(GOOD, "ff0000000a0003000102000000000a");
    world.start({ remembered: { address: GOOD, remaining: 1e6 } }).run(5000);

    expect(world.states).toEqual(["0 init-reboot", "0 rebooting", "0.501 bound"]);
  });

  test("by rapid commit waits as long, unless its lease ends before", () => {
    const options = [[26, Uint8Array.of(0, 68)]] as const;
    const server = new SimDhcpServer({ pool: [GOOD], options, rapidCommit: true });
    const world = new World({ servers: [server], settings: { rapidCommit: true } }).start();
    world.run(5000);
    expect(world.states.at(-1)).toBe("0.501 bound");

    const short = new SimDhcpServer({ pool: [GOOD], options, rapidCommit: true, leaseSeconds: 1 });
    const late = new World({ servers: [short], settings: { rapidCommit: true }, wire: () => [600] }).start();
    late.run(1150);
    expect(late.stateNames.slice(0, 4)).toEqual(["init", "selecting", "init", "selecting"]);
    expect(late.dropped).toEqual(["The lease has ended before its ACK came"]);
  });
});

describe("messages at the wrong time", () => {
  test("nak-in-selecting: no NAK without a REQUEST", () => {
    const world = attacked("discover", (reply, self) => deliver(self, withType(reply, 6), PLAIN));

    expect(world.dropped).toEqual(["A NAK without a REQUEST"]);
    expectGood(world);
  });

  test("ack-in-selecting-unsolicited: no ACK without a REQUEST, nor with rapid commit that was not asked for", () => {
    const plain = attacked("discover", (reply, self) => deliver(self, withType(reply, 5), PLAIN));
    expect(plain.dropped).toEqual(["An ACK without a REQUEST"]);
    expectGood(plain);

    const rapid = attacked("discover", (reply, self) => {
      deliver(self, withOption(withType(reply, 5), 80, new Uint8Array(0)), PLAIN);
    });
    expect(rapid.dropped).toEqual(["An ACK without a REQUEST"]);
    expectGood(rapid);
  });

  test("nak-wrong-serverid-in-requesting: serious (a)", () => {
    const world = attacked("request", (reply, self) => {
      deliver(self, withOption(withType(reply, 6), 54, MARK), PLAIN);
    });

    expect(world.dropped).toEqual([`The NAK is of another server, "192.0.2.67"`]);
    expectGood(world);
  });

  test("ack-wrong-serverid and ack-other-address in REQUESTING", () => {
    const foreign = attacked("request", (reply, self) => deliver(self, withOption(reply, 54, MARK), PLAIN));
    expect(foreign.dropped).toEqual([`The ACK is of another server, "192.0.2.67"`]);
    expectGood(foreign);

    const other = attacked("request", (reply, self) => deliver(self, { ...reply, yiaddr: BAD }, PLAIN));
    expect(other.dropped).toEqual([`The ACK is for another address, "${BAD}"`]);
    expectGood(other);
  });

  test("renew-nak-wrong-serverid: CVE-2020-13529, serious (a)", () => {
    const world = renewing((reply, self) => deliver(self, withOption(withType(reply, 6), 54, MARK), PLAIN));

    expect(world.dropped).toEqual([`The NAK is of another server, "192.0.2.67"`]);
    expect(world.stateNames.slice(-2)).toEqual(["renewing", "bound"]);
    expectGood(world);
  });

  test("renew-ack-other-addr and renew-ack-wrong-serverid: CVE-2020-13529", () => {
    const other = renewing((reply, self) => deliver(self, { ...reply, yiaddr: BAD }, PLAIN));
    expect(other.dropped).toEqual([`The ACK is for another address, "${BAD}"`]);
    expectGood(other);

    const foreign = renewing((reply, self) => deliver(self, withOption(reply, 54, MARK), PLAIN));
    expect(foreign.dropped).toEqual([`The ACK is of another server, "192.0.2.67"`]);
    expectGood(foreign);
  });

  test("renew-forcerenew-unauth: CVE-2020-13529", () => {
    const world = renewing((reply, self) => deliver(self, withType(reply, 9), PLAIN));

    expect(world.dropped).toEqual(["FORCERENEW without authentication"]);
    expectGood(world);
  });

  test.each([
    ["bound-forcerenew-unauth", 9],
    ["bound-ack-other-addr", 5],
    ["bound-nak-same-xid", 6],
  ])("%s: CVE-2020-13529", (_, type) => {
    const world = attacked("discover", () => undefined);
    const [discover] = world.sent;
    if (discover === undefined) throw new Error("Nothing was sent");
    const outputs = world.outputs.length;
    const reply = withType({ ...replyTo(discover, "request"), yiaddr: BAD }, type);
    for (const channel of [0, 1, 2, 3, 4]) {
      const { bytes } = packetOf(reply, PLAIN);
      world.feed({ type: "packet", channel, packet: { bytes, checksum: "full", vlan: undefined } });
      world.feed({ type: "datagram", channel, bytes: encodeMessage(reply) });
    }

    expect(world.outputs.length).toBe(outputs);
    expectGood(world);
  });
});

describe("no storm, whatever the server does: at most five questions of a kind in nine seconds", () => {
  test.each<[string, (reply: Fields) => Fields]>([
    [
      "T1 = 0 and T2 = 0 (d)",
      (reply) => withOption(withOption(reply, 58, new Uint8Array(4)), 59, new Uint8Array(4)),
    ],
    ["a lease of 1 s (e)", (reply) => withOption(reply, 51, Uint8Array.of(0, 0, 0, 1))],
    [
      "a lease of 1 s with T1 = 1",
      (reply) => withOption(withOption(reply, 51, Uint8Array.of(0, 0, 0, 1)), 58, Uint8Array.of(0, 0, 0, 1)),
    ],
    ["a lease of 2 s", (reply) => withOption(reply, 51, Uint8Array.of(0, 0, 0, 2))],
    [
      "T1 = 1 and T2 = 2",
      (reply) => withOption(withOption(reply, 58, Uint8Array.of(0, 0, 0, 1)), 59, Uint8Array.of(0, 0, 0, 2)),
    ],
    ["a NAK for every REQUEST", (reply) => (reply.yiaddr === GOOD ? withType(reply, 6) : reply)],
    [
      "an ACK with another address",
      (reply) => (reply.options.get(53)?.[0] === 5 ? { ...reply, yiaddr: "192.0.2.99" } : reply),
    ],
  ])("%s", (_, change) => {
    const world = new World();
    world.hook = (sent) => {
      const phase = sent.type === "discover" ? "discover" : "request";
      const reply = replyTo(sent, phase);
      const isOffer = phase === "discover";
      const options = isOffer ? withOption(reply, 54, Uint8Array.of(192, 0, 2, 1)) : reply;
      world.after(1, () => deliver(world, change({ ...options, yiaddr: GOOD }), PLAIN));
    };
    world.start();
    world.run(120_000);

    for (const type of ["discover", "request"]) {
      const times = world.times(type);
      const most = Math.max(
        0,
        ...times.map((from) => times.filter((at) => at >= from && at <= from + 9).length),
      );
      expect(most, type).toBeLessThanOrEqual(5);
    }
    expect(world.times("discover").length).toBeGreaterThan(0);
  });

  test("two thousand OFFERs in a burst are one choice, and cost next to nothing", () => {
    const world = new World();
    world.start();
    const [discover] = world.sent;
    if (discover === undefined) throw new Error("Nothing was sent");
    const { bytes } = packetOf(replyTo(discover, "discover"), PLAIN);
    for (let index = 0; index < 2000; index++) world.deliverPacket(bytes);

    expect(world.times("request")).toHaveLength(1);
  });

  test("a hundred thousand replies to another client leave nothing behind (CVE-2020-7216, CVE-2020-7217)", () => {
    const world = new World();
    world.start();
    const [discover] = world.sent;
    if (discover === undefined) throw new Error("Nothing was sent");
    const reply = withOption(replyTo(discover, "discover"), 61, Uint8Array.of(1, 2, 3));
    const { bytes } = packetOf(reply, PLAIN);
    const given = {
      type: "packet",
      channel: 1,
      packet: { bytes, checksum: "full", vlan: undefined },
    } as const;
    for (let index = 0; index < 5000; index++) world.machine.handle(given, 0);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 20_000; index++) {
      expect(world.machine.handle(given, 0)[0]?.type).toBe("dropped");
    }
    globalThis.gc?.();

    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
    expect(world.machine.state).toBe("selecting");
  });
});

const PLAIN: Pick<Vector, "spoil"> = { spoil: () => undefined };

/** A bound client that renews; before the good answer comes a bad one. */
function renewing(spoiled: (reply: Fields, world: World) => void): World {
  const world = attacked("discover", () => undefined);
  world.hook = (sent) => world.after(1, () => spoiled(replyTo(sent, "request"), world));
  world.feed({ type: "renew" });
  world.run(5000);
  return world;
}

function withOption(reply: Fields, code: number, value: Uint8Array): Fields {
  return { ...reply, options: new Map([...reply.options, [code, value]]) };
}

function withType(reply: Fields, type: number): Fields {
  return withOption(reply, 53, Uint8Array.of(type));
}

/** The lease is that of the good reply, and nothing of the other ever was on the interface. */
function expectGood(world: World): void {
  const leases = world.outputs.flatMap(({ output }) => (output.type === "configure" ? [output.lease] : []));
  expect(leases.length).toBeGreaterThan(0);
  for (const lease of leases) {
    expect(lease).toMatchObject({
      address: GOOD,
      server: "192.0.2.1",
      prefixLength: 24,
      dnsServers: ["192.0.2.1"],
      leaseSeconds: 3600,
      doubts: [],
    });
  }
  expect(world.lease?.address).toBe(GOOD);
}
