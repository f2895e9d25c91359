import { describe, expect, test } from "vitest";
import { type DnsRecord, parseHosts } from "../../src/dns/index.ts";
import { a, aaaa, soa } from "./responder.ts";
import { type Sent, World, type WorldOptions } from "./world.ts";

const NAME = "www.example";

/** A world whose server gives every name an address, with a TTL. */
function giving(ttl: number, options: WorldOptions = {}): World {
  const world = new World(options);
  world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1", ttl)] }, 0);
  return world;
}

function ask(world: World, name = NAME, request = {}): ReturnType<World["result"]> {
  const id = world.lookup(name, request);
  world.run(1);
  return world.result(id);
}

describe("the cache", () => {
  test("DNS-40 counts the TTL down and asks again when it is over", () => {
    const world = giving(10);
    ask(world);
    world.run(4000);

    expect(ask(world)).toMatchObject({ answer: { ttl: 6, cached: true, records: [{ ttl: 6 }] } });
    world.run(6000);
    expect(ask(world)).toMatchObject({ answer: { ttl: 10, cached: false } });
    expect(world.sent.length).toBe(2);
  });

  test("DNS-40 does not keep a TTL of 0, and caps long ones at a day, those with the high bit too", () => {
    const none = giving(0);
    ask(none);
    ask(none);
    expect(none.sent.length).toBe(2);

    const long = giving(0xffff_ffff);
    ask(long);
    long.run(86_399_000 - 10);
    expect(ask(long)).toMatchObject({ answer: { cached: true } });
    long.run(2000);
    expect(ask(long)).toMatchObject({ answer: { cached: false, ttl: 86_400 } });
  });

  test.each([10, -10])(
    "DNS-40 has no wall clock that could jump by %d years: the machine is told the time, and only that",
    (years) => {
      const world = giving(10);
      const { Date: wall } = globalThis;
      ask(world);
      globalThis.Date = class extends wall {
        static override now(): number {
          return wall.now() + years * 365 * 86_400_000;
        }
      } as DateConstructor;
      try {
        world.run(5000);
        expect(ask(world)).toMatchObject({ answer: { cached: true, ttl: 5 } });
        world.run(6000);
        expect(ask(world)).toMatchObject({ answer: { cached: false } });
      } finally {
        globalThis.Date = wall;
      }
    },
  );

  test("DNS-41 keeps not-found for all types of a name and no-data for one, by the SOA", () => {
    const world = new World();
    world.onQuery = (sent) => {
      const rcode = sent.question.name === "no.example" ? 3 : 0;
      world.reply(sent, { rcode, authorities: [soa("example", 30, 20)] }, 0);
    };
    expect(ask(world, "no.example")).toMatchObject({ code: "not-found" });
    expect(ask(world, "no.example", { types: ["MX"] })).toMatchObject({ code: "not-found" });
    expect(ask(world, "half.example")).toMatchObject({ code: "no-data" });
    expect(ask(world, "half.example", { types: ["MX"] })).toMatchObject({ code: "no-data" });
    expect(world.sent.length).toBe(3);
    world.run(20_000);
    ask(world, "no.example");
    expect(world.sent.length).toBe(4);
  });

  test("DNS-41 caps negative answers at 3 h and does not keep those without a SOA", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, { rcode: 3, authorities: [soa("example", 90_000, 90_000)] }, 0);
    ask(world);
    expect(world.machine.inspect()[0]?.known.lifetime).toBe(10_800_000);

    const bare = new World();
    bare.onQuery = (sent) => bare.reply(sent, { rcode: 3 }, 0);
    ask(bare);
    ask(bare);
    expect(bare.sent.length).toBe(2);
  });

  test("DNS-41 a name that comes into being replaces that it was not found", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { rcode: 3, authorities: [soa("example", 1)] }, 0);
    ask(world);
    world.run(1100);
    world.onQuery = (sent) => world.reply(sent, { answers: [a(NAME, "192.0.2.1")] }, 0);
    ask(world);

    expect(world.machine.inspect().map(({ type, known }) => [type, known.failure])).toEqual([
      ["A", undefined],
    ]);
  });

  test("DNS-42 more names than it holds leave the last ten thousand", () => {
    const world = giving(60);
    for (let index = 0; index < 12_000; index++) {
      world.lookup(`n${index}.example`);
      world.run(0.001);
      world.sent.length = 0;
      world.outputs.length = 0;
    }

    expect(world.machine.cache.size).toBe(10_000);
    expect(world.machine.peek("n11999.example", "A", world.now)).toEqual(["192.0.2.1"]);
    expect(world.machine.peek("n1.example", "A", world.now)).toBeUndefined();
  });

  test("DNS-43 gives what is out of date after 1.8 s without an answer, with 30 s to live", () => {
    const world = new World({ cache: { maxStale: 86_400 } });
    world.onQuery = (sent) => world.reply(sent, { answers: [a(NAME, "192.0.2.1", 10)] }, 300);
    ask_(world);
    world.run(20_000);
    world.onQuery = () => {};
    const start = world.now;
    const id = world.lookup(NAME);
    world.run(1799);
    expect(world.results.has(id)).toBe(false);
    world.run(2);

    expect(world.result(id)).toMatchObject({ at: start + 1800, answer: { stale: true, ttl: 30 } });
    world.run(5000);
    world.sent.length = 0;
    expect(ask(world)).toMatchObject({ answer: { stale: true, cached: true } });
    expect(world.sent.length).toBe(0);
    world.run(40_000);
    ask_(world);
    expect(world.sent.length).toBe(1);
  });

  test("DNS-43 gives it at once when the servers fail, not longer than a day, and never where it is off", () => {
    const world = giving(10, { cache: { maxStale: 100 } });
    ask(world);
    world.run(20_000);
    world.onQuery = (sent) => world.reply(sent, { rcode: 2 }, 0);
    expect(ask(world)).toMatchObject({ answer: { stale: true, ttl: 30 } });
    world.run(100_000);
    expect(ask(world)).toMatchObject({ code: "server-failure" });

    const off = giving(10);
    ask(off);
    off.run(20_000);
    off.onQuery = (sent) => off.reply(sent, { rcode: 2 }, 0);
    expect(ask(off)).toMatchObject({ code: "server-failure" });
  });

  test("DNS-43 the entry may leave the cache while the patience lasts", () => {
    const world = giving(10, { cache: { maxStale: 100 } });
    ask(world);
    world.run(20_000);
    world.onQuery = () => {};
    const id = world.lookup(NAME);
    expect(world.run(1700).results.has(id)).toBe(false);
    world.machine.clear(NAME);

    expect(world.run(9000).result(id)).toMatchObject({ code: "timeout" });
  });

  test("DNS-44 an alias and its target share the shorter time", () => {
    const world = new World();
    const alias: DnsRecord = { type: "CNAME", name: NAME, target: "edge.example", ttl: 5 };
    world.onQuery = (sent) => world.reply(sent, { answers: [alias, a("edge.example", "192.0.2.1", 500)] }, 0);

    expect(ask(world)).toMatchObject({ answer: { ttl: 5 } });
  });

  test("prefetches names that are used in the last tenth of their time, once, and only then", () => {
    const world = giving(100, { cache: { prefetch: true } });
    ask(world);
    world.run(80_000);
    ask(world);
    expect(world.sent.length).toBe(1);
    world.run(11_000);
    world.onQuery = () => {};
    expect(ask(world)).toMatchObject({ answer: { cached: true } });
    ask(world);
    expect(world.sent.length).toBe(2);
    world.reply(world.sent[1] as Sent, { answers: [a(NAME, "192.0.2.2", 100)] }, 0);
    world.run(20_000);

    expect(world.addresses(world.lookup(NAME))).toEqual(["192.0.2.2"]);
    expect(world.machine.statistics.prefetches).toBe(1);
  });

  test("is passed over on request, and filled", () => {
    const world = giving(60);
    ask(world);
    expect(ask(world, NAME, { fresh: true })).toMatchObject({ answer: { cached: false } });
    expect(world.sent.length).toBe(2);
  });

  test("is cleared of one name or all, and tells what it holds", () => {
    const world = giving(60);
    ask(world);
    ask(world, "two.example");
    expect(world.machine.inspect().map(({ name }) => name)).toEqual(["two.example", NAME]);
    world.machine.clear(NAME);
    world.machine.clear("absent.example");
    expect(world.machine.inspect().map(({ name }) => name)).toEqual(["two.example"]);
    world.machine.clear();
    expect(world.machine.cache).toMatchObject({ size: 0, bytes: 0 });
  });

  test("shows nothing half-finished: with one family there, the other is still asked for", () => {
    const world = new World();
    const id = world.lookup(NAME, { types: ["AAAA", "A"] });
    world.reply(world.sent[1] as Sent, { answers: [a(NAME, "192.0.2.1")] }, 0);
    world.run(1);
    const second = world.lookup(NAME, { types: ["AAAA", "A"] });
    expect(world.results.size).toBe(0);
    world.reply(world.sent[0] as Sent, { answers: [aaaa(NAME, "2001:db8::1")] }, 0);
    world.run(1);

    expect(world.addresses(id)).toEqual(["2001:db8::1", "192.0.2.1"]);
    expect(world.addresses(second)).toEqual(world.addresses(id));
    expect(world.sent.length).toBe(2);
  });
});

describe("special names", () => {
  test.each([
    ["localhost", "AAAA", "::1"],
    ["localhost", "A", "127.0.0.1"],
    ["LOCALHOST.", "A", "127.0.0.1"],
    ["app.localhost", "A", "127.0.0.1"],
    ["x.invalid", "A", "not-found"],
    ["abc.onion", "AAAA", "not-found"],
    ["x.alt", "A", "not-found"],
    ["printer.local", "A", "not-found"],
    ["127.0.0.1", "A", "127.0.0.1"],
    ["::1", "AAAA", "::1"],
    ["2001:DB8::0:1", "AAAA", "2001:db8::1"],
    ["fe80::1%eth0", "AAAA", "fe80::1%eth0"],
    ["192.0.2.1", "AAAA", "no-data"],
    ["192.0.2.1", "MX", "no-data"],
  ] as const)("DNS-50 %s %s is %s without a packet", (name, type, expected) => {
    const world = new World();

    const id = world.lookup(name, { types: [type] });

    expect(world.addresses(id)).toEqual([expected]);
    expect(world.sent.length).toBe(0);
  });

  test("DNS-50 `.test` and `.local` are as the settings say, localhost has no mail", () => {
    const world = giving(60, { blockTest: true, askLocal: true });

    expect(ask(world, "x.test")).toMatchObject({ code: "not-found" });
    expect(ask(world, "x.local")).toMatchObject({ answer: { transport: "udp" } });
    expect(ask(world, "localhost", { types: ["MX"] })).toMatchObject({ code: "no-data" });
    expect(ask(giving(60), "x.test")).toMatchObject({ answer: { transport: "udp" } });
  });

  test.each(["", "a..b", "a b", "-rf.example", `${"a".repeat(64)}.example`, "a\\000.example", "ex\\.ample"])(
    "DNS-10 %j is a bad name for a host",
    (name) => {
      const world = new World();

      expect(world.addresses(world.lookup(name))).toEqual(["bad-name"]);
      expect(world.sent.length).toBe(0);
    },
  );
});

describe("the hosts file", () => {
  const HOSTS = `
    # a comment
    192.0.2.10  Router.lan router   # another
    2001:DB8::10 router
    192.0.2.10 router
    not-an-address x
    192.0.2.11 bad..name -x a\\.b
    fe80::1%eth0 scoped
    300.1.1.1 y
  `;

  test("DNS-51 is asked first, whatever the letters' case, for both families", () => {
    const world = new World();
    world.feed({ type: "hosts", hosts: parseHosts(HOSTS) });

    expect(world.addresses(world.lookup("ROUTER", { types: ["AAAA", "A"] }))).toEqual([
      "2001:db8::10",
      "192.0.2.10",
    ]);
    expect(world.addresses(world.lookup("router.lan", { types: ["AAAA"] }))).toEqual(["no-data"]);
    expect(world.addresses(world.lookup("scoped", { types: ["AAAA"] }))).toEqual(["fe80::1%eth0"]);
    expect(world.sent.length).toBe(0);
    expect(world.result(1)).toMatchObject({ answer: { source: "hosts", transport: "none" } });
  });

  test("DNS-51 names addresses too", () => {
    const world = new World();
    world.feed({ type: "hosts", hosts: parseHosts(HOSTS) });

    const id = world.lookup("10.2.0.192.in-addr.arpa", { types: ["PTR"], search: false });

    expect(world.result(id)).toMatchObject({
      answer: { records: [{ target: "router.lan" }, { target: "router" }] },
    });
    world.lookup("11.2.0.192.in-addr.arpa", { types: ["PTR"], search: false });
    expect(world.sent.length).toBe(1);
  });

  test("DNS-51 changes are seen by the next lookup", () => {
    const world = new World();
    world.feed({ type: "hosts", hosts: parseHosts("192.0.2.1 box") });
    world.feed({ type: "hosts", hosts: parseHosts("192.0.2.2 box") });

    expect(world.addresses(world.lookup("box"))).toEqual(["192.0.2.2"]);
  });

  test("DNS-51 keeps at most sixteen names of an address", () => {
    const many = parseHosts(Array.from({ length: 50 }, (_, index) => `192.0.2.1 n${index}`).join("\n"));

    expect(many.byReverse.get("1.2.0.192.in-addr.arpa")?.length).toBe(16);
  });
});

describe("the search list", () => {
  const SEARCH = { search: ["first.com", "second.org"], ndots: 1 };
  const searching = (known: Record<string, string | number>, conf = SEARCH): World => {
    const world = new World({ conf });
    world.onQuery = (sent) => {
      const found = known[sent.question.name] ?? 3;
      if (typeof found === "number") world.reply(sent, { rcode: found, authorities: [soa(".")] }, 0);
      else
        world.reply(
          sent,
          { answers: found === "" ? [] : [a(sent.question.name, found)], authorities: [soa(".")] },
          0,
        );
    };
    return world;
  };
  const asked = (world: World): string[] => world.sent.map(({ question }) => question.name);

  test("DNS-52 is tried in order for a name without dots, the bare name last", () => {
    const world = searching({});
    expect(ask(world, "www")).toMatchObject({ code: "not-found" });
    expect(asked(world)).toEqual(["www.first.com", "www.second.org", "www"]);
  });

  test("DNS-52 stops at the first name that has records", () => {
    const world = searching({ "www.second.org": "192.0.2.4" });
    expect(ask(world, "www")).toMatchObject({ answer: { name: "www.second.org" } });
  });

  test("DNS-52 comes after a name with as many dots as ndots", () => {
    const world = searching({});
    ask(world, "a.b");
    expect(asked(world)).toEqual(["a.b", "a.b.first.com", "a.b.second.org"]);
    const high = searching({}, { ...SEARCH, ndots: 10 });
    ask(high, "a.b");
    expect(asked(high)).toEqual(["a.b.first.com", "a.b.second.org", "a.b"]);
  });

  test("DNS-52 a dot at the end, or the wish for exactly this name, leaves it out", () => {
    const world = searching({});
    ask(world, "www.");
    ask(world, "ftp", { search: false });
    expect(asked(world)).toEqual(["www", "ftp"]);
  });

  test("DNS-52 a name without data is passed over, and told when nothing better comes", () => {
    const world = searching({ "www.first.com": "" });
    expect(ask(world, "www")).toMatchObject({ code: "no-data" });
    const found = searching({ "www.first.com": "", "www.second.org": "192.0.2.4" });
    expect(ask(found, "www")).toMatchObject({ answer: { name: "www.second.org" } });
  });

  test("DNS-52 a failing name is passed over, and told when nothing better comes", () => {
    const world = searching({ "www.first.com": 2, "www.second.org": "192.0.2.4" });
    expect(ask(world, "www")).toMatchObject({ answer: { name: "www.second.org" } });
    expect(ask(searching({ "www.first.com": 2 }), "www")).toMatchObject({ code: "server-failure" });
  });

  test("DNS-52 a failure of one family beside addresses of the other is no failure", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(
        sent,
        sent.question.type === "AAAA" ? { rcode: 2 } : { answers: [a(NAME, "192.0.2.1")] },
        0,
      );

    expect(ask(world, NAME, { types: ["AAAA", "A"] })).toMatchObject({
      answer: { records: [{ type: "A" }] },
    });
  });

  test("DNS-52 silence ends it: the next name would only wait as long", () => {
    const world = new World({ conf: SEARCH });
    const id = world.lookup("www", { deadline: 60_000 });
    world.run(20_000);
    expect(world.result(id)).toMatchObject({ code: "timeout" });
    expect(new Set(asked(world))).toEqual(new Set(["www.first.com"]));
  });

  test("DNS-52 leaves out what would be too long, and the name itself", () => {
    const world = searching(
      {},
      { search: [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.com`, "."], ndots: 1 },
    );
    ask(world, "x".repeat(63));
    expect(asked(world)).toEqual(["x".repeat(63)]);
  });
});

describe("parts", () => {
  test("come as each family does, failures when all is known", () => {
    const world = new World();
    const id = world.lookup(NAME, { types: ["AAAA", "A"], parts: true });
    world.reply(world.sent[0] as Sent, { authorities: [soa("example")] }, 5);
    world.reply(world.sent[1] as Sent, { answers: [a(NAME, "192.0.2.1")] }, 1);
    world.run(2);

    expect(world.parts).toMatchObject([
      { lookup: id, of: "A", addresses: ["192.0.2.1"], failure: undefined },
    ]);
    world.run(10);
    expect(world.parts[1]).toMatchObject({ of: "AAAA", addresses: [], failure: "no-data" });
    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
  });
});

describe("the end", () => {
  test("an input that does not exist is a fault of the program", () => {
    expect(() => new World().feed({ type: "nonsense" } as never)).toThrow();
  });

  test("closes every socket, fails who waits and whoever comes later, and is silent", () => {
    const world = new World({ conf: { useTcp: true }, freshPorts: { burst: 0, perSecond: 0 } });
    const waiting = world.lookup(NAME);
    world.configure(["192.0.2.53"]);
    const over = world.lookup("two.example");
    world.feed({ type: "close" });
    const late = world.lookup("three.example");

    for (const id of [waiting, over, late]) expect(world.result(id)).toMatchObject({ code: "aborted" });
    expect(world.openChannels.size + world.openConnections.size).toBe(0);
    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.machine.holdsProcess).toBe(false);
    world.feed({ type: "datagram", channel: 1, bytes: new Uint8Array(20) });
    world.feed({ type: "stream", connection: 1, bytes: new Uint8Array(20) });
    world.feed({ type: "channel-failed", channel: 1, code: "x" });
    world.feed({ type: "disconnected", connection: 1, code: "x" });
    world.feed({ type: "connected", connection: 1 });
    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("tracing", () => {
  test("tells where an answer came from", () => {
    const world = giving(60);
    world.machine.isTraced = true;
    for (const name of [NAME, NAME, "localhost", "192.0.2.9"]) ask(world, name);

    const ends = world.traced.flatMap((event) => (event.step === "answered" ? [event] : []));
    expect(ends.map(({ name, source, ms }) => [name, source, ms])).toEqual([
      [NAME, "192.0.2.53", 0],
      [NAME, "cache", 0],
      ["localhost", "special", 0],
      ["192.0.2.9", "literal", 0],
    ]);
  });

  test("tells each step of a query, and why a packet was not taken", () => {
    const world = new World();
    world.machine.isTraced = true;
    world.onQuery = (sent) => {
      if (sent.at > 0) world.reply(sent, { rcode: 3, authorities: [soa("example")] });
      else world.deliver(sent, new Uint8Array(5));
    };
    world.lookup(NAME);
    world.run(1000);

    expect(world.traced.map(({ step }) => step)).toEqual([
      "sent",
      "dropped",
      "silent",
      "sent",
      "received",
      "failed",
    ]);
    expect(world.traced[1]).toMatchObject({ reason: "short", server: "192.0.2.53" });
    expect(world.traced[4]).toMatchObject({ outcome: "not-found", transport: "udp" });
    world.lookup(NAME);
    expect(world.traced.pop()).toMatchObject({ step: "failed", ms: 0 });
    expect(world.traced[5]).toMatchObject({
      code: "not-found",
      name: NAME,
      types: ["A"],
      ms: world.result(1).at,
    });
    world.onQuery = (sent) =>
      world.reply(sent, sent.transport === "udp" ? { isTruncated: true } : { rcode: 5 });
    world.lookup("two.example");
    world.run(100);
    expect(world.traced.slice(6).map((event) => ("outcome" in event ? event.outcome : event.step))).toEqual([
      "sent",
      "truncated",
      "sent",
      "refused",
      "failed",
    ]);
  });
});

function ask_(world: World): void {
  world.lookup(NAME);
  world.run(1);
}
