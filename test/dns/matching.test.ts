import { describe, expect, test } from "vitest";
import { a, aaaa, answerBytes, cname, soa } from "./responder.ts";
import { type Sent, World } from "./world.ts";

const NAME = "www.example";
const GOOD = { answers: [a(NAME, "192.0.2.1")] };
const EVIL = { answers: [a(NAME, "6.6.6.6")] };

describe("matching of answers", () => {
  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["QR is 0", (bytes) => with_(bytes, 2, (bytes[2] ?? 0) & 0x7f)],
    ["the opcode is not 0", (bytes) => with_(bytes, 2, (bytes[2] ?? 0) | 0x08)],
    ["there are two questions", (bytes) => with_(bytes, 5, 2)],
    ["there is no question", (bytes) => with_(bytes, 5, 0)],
    ["QDCOUNT is over 255", (bytes) => with_(bytes, 4, 1)],
    ["the name differs", (bytes) => with_(bytes, 13, 0x78)],
    ["the name differs where case does not exist", (bytes) => with_(bytes, 12, 0x23)],
    ["the type differs", (bytes) => with_(bytes, bytes.indexOf(0, 12) + 2, 28)],
    ["the class differs", (bytes) => with_(bytes, bytes.indexOf(0, 12) + 4, 3)],
    ["it is cut off in the question", (bytes) => bytes.slice(0, 20)],
    ["the body is garbage", (bytes) => bytes.slice(0, -1)],
    ["the A record has three bytes", (bytes) => with_(bytes.slice(0, -1), bytes.length - 5, 3)],
    ["more answers are announced than there are", (bytes) => with_(bytes, 7, 2)],
  ])("DNS-01 drops a packet, counts it and waits on when %s", (_, spoil) => {
    const world = new World({ casing: false });
    world.onQuery = (sent) => {
      if (sent.transport === "tcp") return;
      world.deliver(sent, spoil(answerBytes(sent.bytes, EVIL)), 1);
      world.reply(sent, GOOD, 50);
    };
    world.onConnect = () => "refuse";

    const id = world.lookup(NAME);

    expect(world.run(200).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.machine.statistics.dropped).toBe(1);
  });

  test("DNS-01 takes an answer only on the socket of its query", () => {
    const world = new World();
    const first = world.lookup("one.example");
    const second = world.lookup("two.example");
    const [one, two] = world.sent as [Sent, Sent];

    world.deliver(
      { ...two, socket: two.socket },
      answerBytes(one.bytes, { answers: [a("one.example", "6.6.6.6")] }),
    );
    world.feed({ type: "datagram", channel: 999, bytes: answerBytes(one.bytes, GOOD) });
    world.reply(one, { answers: [a("one.example", "192.0.2.1")] }, 20);
    world.onQuery = (sent) => world.reply(sent, { answers: [a("two.example", "192.0.2.2")] });
    world.run(50);

    expect(world.addresses(first)).toEqual(["192.0.2.1"]);
    expect(world.addresses(second)).toEqual(["192.0.2.2"]);
  });

  test("DNS-02 ids come from the random source: all 16 bits, evenly, none twice in flight", () => {
    const world = new World({
      window: 1e9,
      freshPorts: { burst: 0, perSecond: 0 },
      cache: { maxEntries: 0 },
    });
    const high = new Array<number>(256).fill(0);
    const low = new Array<number>(256).fill(0);
    const count = 100_000;
    const inFlight = new Set<number>();
    world.onQuery = (sent) => {
      inFlight.add(sent.socket * 65_536 + sent.message.id);
      high[sent.message.id >> 8] = (high[sent.message.id >> 8] ?? 0) + 1;
      low[sent.message.id & 0xff] = (low[sent.message.id & 0xff] ?? 0) + 1;
    };

    for (let index = 0; index < count; index++) {
      world.lookup(`n${index}.example`);
      world.sent.length = 0;
      world.outputs.length = 0;
    }

    expect(inFlight.size).toBe(count);
    // 255 degrees of freedom: p = 0.001 at 330.5.
    expect(chiSquare(high, count)).toBeLessThan(330.5);
    expect(chiSquare(low, count)).toBeLessThan(330.5);
  });

  test("DNS-03 a query leaves from a port of its own; past the rate, from one of 32 that are replaced after use", () => {
    const world = new World({
      freshPorts: { burst: 100, perSecond: 0 },
      sharedPorts: { count: 32, uses: 10 },
    });
    world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });

    for (let index = 0; index < 2000; index++) {
      world.lookup(`n${index}.example`);
      world.run(2);
    }

    const uses = new Map<number, number>();
    for (const { socket } of world.sent) uses.set(socket, (uses.get(socket) ?? 0) + 1);
    const counts = [...uses.values()];
    expect(counts.slice(0, 100)).toEqual(new Array(100).fill(1));
    expect(Math.max(...counts)).toBe(10);
    expect(world.openChannels.size).toBeLessThanOrEqual(32);
    world.run(30_000);
    expect(world.openChannels.size).toBe(0);
  });

  test("DNS-04 a thousand callers make one query; one that leaves does not take the others with it", () => {
    const world = new World();
    const ids = Array.from({ length: 1000 }, () => world.lookup(NAME));

    expect(world.sent.length).toBe(1);
    world.feed({ type: "abort", lookup: ids[0] as number });
    world.reply(world.sent[0] as Sent, GOOD);
    world.run(10);

    expect(ids.slice(1).every((id) => world.addresses(id)[0] === "192.0.2.1")).toBe(true);
    expect(world.results.has(ids[0] as number)).toBe(false);
    expect(world.machine.statistics).toMatchObject({ queries: 1, joined: 999, aborted: 1 });
  });

  test("DNS-04 the last one that leaves takes the query with it", () => {
    const world = new World();
    const ids = [world.lookup(NAME), world.lookup(NAME)];
    for (const lookup of ids) world.feed({ type: "abort", lookup });
    world.feed({ type: "abort", lookup: 77 });

    world.run(3000);

    expect(world.sent.length).toBe(1);
    expect(world.openChannels.size).toBe(0);
    expect(world.results.size).toBe(0);
  });

  test("DNS-05 letters have random case, the answer must have the same, the cache knows one form", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
    for (let index = 0; index < 50; index++) world.lookup(`abcdefghijkl${index}.example`);
    const upper = world.sent.map(({ bytes }) => bytes.slice(13, 25).filter((byte) => byte < 0x60).length);

    expect(Math.min(...upper)).toBeLessThan(6);
    expect(Math.max(...upper)).toBeGreaterThan(6);
    world.run(10);
    const again = world.lookup("ABCDEFGHIJKL0.Example");
    expect(world.addresses(again)).toEqual(["192.0.2.1"]);
    expect(world.sent.length).toBe(50);
  });

  test("DNS-05 a server that changes letters is asked over TCP, and without random case after the third time", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onQuery = (sent) => {
      const reply = answerBytes(sent.bytes, { answers: [a(sent.question.name, "192.0.2.1")] });
      world.deliver(sent, sent.transport === "udp" ? lower(reply) : reply);
    };

    const results = ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd"].map((label) => {
      const id = world.lookup(`${label}.example`);
      world.run(20);
      return world.result(id);
    });

    expect(results.map((result) => "answer" in result && result.answer.transport)).toEqual([
      "tcp",
      "tcp",
      "tcp",
      "udp",
    ]);
    expect(world.machine.statistics.wrongCase).toBe(3);
  });

  test("DNS-05 where it does not speak TCP either it is asked again in lower case", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onConnect = () => "refuse";
    world.onQuery = (sent) =>
      world.deliver(sent, lower(answerBytes(sent.bytes, { answers: [a(sent.question.name, "192.0.2.1")] })));

    for (const label of ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd"]) {
      const id = world.lookup(`${label}.example`);
      expect(world.run(20).addresses(id)).toEqual(["192.0.2.1"]);
    }

    expect(world.machine.statistics.wrongCase).toBe(3);
  });

  test("DNS-05 one right answer between them forgives a server the wrong ones", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    let count = 0;
    world.onQuery = (sent) => {
      const reply = answerBytes(sent.bytes, { answers: [a(sent.question.name, "192.0.2.1")] });
      const isWrong = sent.transport === "udp" && ++count % 2 === 0;
      world.deliver(sent, isWrong ? lower(reply) : reply);
    };

    for (let index = 0; index < 12; index++) {
      world.lookup(`abcdefghijkl${index}.example`);
      world.run(20);
    }

    expect(world.machine.statistics.wrongCase).toBe(6);
  });

  test.each([
    ["a record of another name", { answers: [a("other.example", "6.6.6.6")], authorities: [soa("example")] }],
    ["a record in the authority section", { authorities: [a(NAME, "6.6.6.6"), soa("example")] }],
    [
      "a record in the additional section",
      { additionals: [a(NAME, "6.6.6.6")], authorities: [soa("example")] },
    ],
    ["a record of another type", { answers: [aaaa(NAME, "2001:db8::6")], authorities: [soa("example")] }],
    [
      "a chain that is not the name's",
      { answers: [cname("x.example", NAME), a("x.example", "6.6.6.6")], authorities: [soa("example")] },
    ],
  ])("DNS-06 does not use %s", (_, answer) => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, answer);

    const id = world.lookup(NAME);

    expect(world.run(10).addresses(id)).toEqual(["no-data"]);
  });

  test("DNS-06 does not use a SOA of another zone", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { rcode: 3, authorities: [soa("other.test")] });
    world.lookup(NAME);
    world.run(10);
    world.lookup(NAME);
    world.run(10);

    expect(world.sent.length).toBe(2);
  });

  test("DNS-06 follows CNAME and DNAME in any order and uses nothing beside them", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, {
        answers: [
          a("end.new.example", "192.0.2.7", 30),
          { type: "DNAME", name: "old.example", ttl: 20, target: "new.example" },
          a("evil.example", "6.6.6.6"),
          cname(NAME, "end.old.example", 90),
        ],
      });

    const id = world.lookup(NAME);
    world.run(10);

    expect(world.addresses(id)).toEqual(["192.0.2.7"]);
    expect(world.result(id)).toMatchObject({
      answer: { name: NAME, canonicalName: "end.new.example", ttl: 20 },
    });
  });

  test("DNS-07 after one packet with another id the query is finished over TCP", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.transport === "udp")
        world.deliver(sent, answerBytes(sent.bytes, { ...EVIL, id: sent.message.id ^ 1 }));
      else world.reply(sent, GOOD, 100);
      // The forger's second try fits.
      if (sent.transport === "udp") world.reply(sent, EVIL, 10);
    };

    const id = world.lookup(NAME);
    world.run(200);

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.result(id)).toMatchObject({ answer: { transport: "tcp" } });
    expect(world.machine.statistics).toMatchObject({ wrongId: 1, distrusted: 1 });
  });

  test("DNS-07 where TCP is not to be had, an answer that fits is taken after few wrong ones, not after many", () => {
    for (const [wrong, expected] of [
      [3, "192.0.2.1"],
      [30, "timeout"],
    ] as const) {
      const world = new World();
      world.onConnect = () => "refuse";
      world.onQuery = (sent) => {
        for (let index = 1; index <= wrong; index++) {
          world.deliver(sent, answerBytes(sent.bytes, { ...EVIL, id: sent.message.id ^ index }), 0);
        }
        world.reply(sent, GOOD, 0);
      };

      const id = world.lookup(NAME);

      expect(world.run(5000).addresses(id)).toEqual([expected]);
    }
  });

  test("DNS-07 a fitting answer kept in reserve that proves to be garbage is let go", () => {
    const world = new World();
    world.onConnect = () => "refuse";
    world.onQuery = (sent) => {
      world.deliver(sent, answerBytes(sent.bytes, { ...EVIL, id: sent.message.id ^ 1 }), 0);
      world.deliver(sent, answerBytes(sent.bytes, GOOD).slice(0, -1), 0);
    };

    const id = world.lookup(NAME);

    expect(world.run(5000).addresses(id)).toEqual(["timeout"]);
  });

  test("DNS-07 a late answer to an older query of a shared socket is late, not forged", () => {
    const world = new World({ freshPorts: { burst: 0, perSecond: 0 }, sharedPorts: { count: 1, uses: 100 } });
    const first = world.lookup("one.example");
    const sent = world.sent[0] as Sent;
    world.reply(sent, { answers: [a("one.example", "192.0.2.1")] });
    world.reply(sent, { answers: [a("one.example", "192.0.2.1")] }, 5);
    world.run(3);
    world.lookup("two.example");
    world.run(5);

    expect(world.addresses(first)).toEqual(["192.0.2.1"]);
    expect(world.machine.statistics).toMatchObject({ late: 1, wrongId: 0, distrusted: 0 });
  });

  test("DNS-08 who joins has a deadline of its own and does not extend another's", () => {
    const world = new World();
    const first = world.lookup(NAME, { deadline: 100 });
    world.run(50);
    const second = world.lookup(NAME, { deadline: 1050 });
    world.reply(world.sent[0] as Sent, GOOD, 150);
    world.run(500);

    expect(world.result(first)).toEqual({ code: "timeout", at: 100 });
    expect(world.result(second)).toMatchObject({ at: 200 });
    expect(world.addresses(second)).toEqual(["192.0.2.1"]);
  });

  test("DNS-09 a port unreachable goes to the next server at once, and is no answer", () => {
    const world = new World({ servers: ["192.0.2.53", "192.0.2.54"] });
    world.onQuery = (sent) => {
      if (sent.server === "192.0.2.53") {
        world.after(1, () =>
          world.feed({ type: "channel-failed", channel: sent.socket, code: "ECONNREFUSED" }),
        );
      } else world.reply(sent, GOOD, 2);
    };

    const id = world.lookup(NAME);
    world.run(20);

    expect(world.result(id)).toMatchObject({ at: 2, answer: { source: "192.0.2.54" } });
  });

  test("DNS-09 where nobody listens anywhere the lookup fails as no-servers, after all its sends", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.after(1, () =>
        world.feed({ type: "channel-failed", channel: sent.socket, code: "ECONNREFUSED" }),
      );

    const id = world.lookup(NAME);
    world.run(9000);

    expect(world.addresses(id)).toEqual(["no-servers"]);
    expect(world.sent.length).toBe(3);
  });

  test.each(["EMFILE", "ENFILE"])(
    "a lookup for which there is no descriptor (%s) fails as too-many-files, is not remembered, and blames no server",
    (code) => {
      const world = new World();
      world.onQuery = (sent) =>
        world.after(1, () => world.feed({ type: "channel-failed", channel: sent.socket, code }));
      const id = world.lookup(NAME);
      world.run(9000);
      const failed = world.addresses(id);
      expect(world.machine.servers.map(({ isSuspect }) => isSuspect)).toEqual([false]);

      world.onQuery = (sent) => world.reply(sent, GOOD, 5);
      const again = world.lookup(NAME);
      world.run(20);

      expect(failed).toEqual(["too-many-files"]);
      expect(world.result(again)).toMatchObject({ answer: { source: "192.0.2.53" } });
    },
  );

  test("a lookup that needs TCP and has no descriptor for it fails as too-many-files, without trying twice at once", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.transport === "udp") world.reply(sent, { isTruncated: true }, 1);
    };
    world.onConnect = () => "starve";

    const id = world.lookup(NAME);
    world.run(9000);

    expect(world.addresses(id)).toEqual(["too-many-files"]);
    expect(world.machine.statistics).toMatchObject({ unreachable: 1 });
  });

  test.each([0, 1, 11])("DNS-14 a datagram of %d bytes changes nothing", (length) => {
    const world = new World();
    const id = world.lookup(NAME);
    const sent = world.sent[0] as Sent;
    world.deliver(sent, new Uint8Array(length), 1);
    world.reply(sent, GOOD, 5);
    world.run(10);

    expect(world.result(id)).toMatchObject({ answer: { transport: "udp" } });
    expect(world.machine.statistics).toMatchObject({ dropped: 1, distrusted: 0 });
  });

  test("DNS-14 a datagram of 65 507 bytes changes nothing", () => {
    const world = new World();
    const id = world.lookup(NAME);
    const sent = world.sent[0] as Sent;
    const huge = new Uint8Array(65_507);
    huge.set(answerBytes(sent.bytes, GOOD));
    huge[7] = 0xff;
    world.deliver(sent, huge, 1);
    world.reply(sent, GOOD, 5);
    world.run(10);

    expect(world.result(id)).toMatchObject({ answer: { transport: "udp" } });
  });
});

function with_(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = value;
  return changed;
}

function lower(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0, 12);
  return bytes.map((byte, at) => (at > 12 && at < end && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte));
}

function chiSquare(counts: readonly number[], total: number): number {
  const expected = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
