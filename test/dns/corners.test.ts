import { describe, expect, test } from "vitest";
import { decodeMessage, type Message, parseHosts } from "../../src/dns/index.ts";
import { a, aaaa, answerBytes, cname, soa } from "./responder.ts";
import { type Sent, World } from "./world.ts";

const NAME = "www.example";
const GOOD = { answers: [a(NAME, "192.0.2.1")] };
const TWO = ["192.0.2.53", "192.0.2.54"];
const NO_FRESH = { burst: 0, perSecond: 0 };

describe("what this host knows itself", () => {
  test.each([
    ["localhost", ["::1", "127.0.0.1"]],
    ["LocalHost.", ["::1", "127.0.0.1"]],
    ["db.localhost", ["::1", "127.0.0.1"]],
    ["x.invalid", ["not-found"]],
    ["hidden.onion", ["not-found"]],
    ["x.alt", ["not-found"]],
    ["printer.local", ["not-found"]],
  ])("DNS-50 %s is never completed by the search list", (name, expected) => {
    const world = new World({ conf: { search: ["corp.example"], ndots: 5 } });

    const id = world.lookup(name, { types: ["AAAA", "A"] });

    expect(world.addresses(id)).toEqual(expected);
    expect(world.sent.length).toBe(0);
  });

  test("DNS-51 nor is what the hosts file says, not even of one family", () => {
    const world = new World({ conf: { search: ["corp.example"] } });
    world.feed({ type: "hosts", hosts: parseHosts("192.0.2.10 box") });

    const id = world.lookup("box", { types: ["AAAA", "A"] });

    expect(world.addresses(id)).toEqual(["192.0.2.10"]);
    expect(world.sent.length).toBe(0);
  });

  test("DNS-51 a name that the hosts file takes over is no longer known from the cache, nor by an answer under way", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] }, 5);
    world.lookup("box.example");
    world.run(10);
    const late = world.lookup("late.example");
    world.feed({ type: "hosts", hosts: parseHosts("192.0.2.10 box.example late.example") });
    world.run(10);

    expect(world.addresses(late)).toEqual(["192.0.2.1"]);
    expect(world.machine.peek("box.example", "A", world.now)).toBeUndefined();
    expect(world.machine.peek("late.example", "A", world.now)).toBeUndefined();
    expect(world.addresses(world.lookup("late.example"))).toEqual(["192.0.2.10"]);
  });
});

describe("large answers", () => {
  test("DNS-13 of a hundred and fifty records the first hundred are used, the OPT record behind them is read", () => {
    const world = new World({ cookies: true });
    const many = Array.from({ length: 150 }, (_, index) => a(NAME, `192.0.2.${index}`));
    world.onQuery = (sent) => {
      const cookie = sent.message.edns?.options[0]?.value ?? new Uint8Array(8);
      const value = Uint8Array.from([...cookie, 1, 2, 3, 4, 5, 6, 7, 8]);
      world.reply(sent, {
        answers: many,
        edns: { size: 1232, version: 0, options: [{ code: 10, value }] },
      });
    };

    const id = world.lookup(NAME);

    expect(world.run(10).addresses(id)).toEqual(
      Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`),
    );
    expect(world.machine.servers[0]?.hasShownCookie).toBe(true);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["end in a name", (bytes) => Uint8Array.from([...bytes, 5, 1, 1])],
    ["have a name of a reserved type", (bytes) => Uint8Array.from([...bytes, 0x80, 1, 1])],
    ["end in a pointer", (bytes) => Uint8Array.from([...bytes, 0xc0])],
    ["have data that run past the end", (bytes) => bytes.slice(0, -1)],
  ])("DNS-12 a message is refused whose records past the hundredth %s", (_, spoil) => {
    const many = Array.from({ length: 100 }, () => a(NAME, "192.0.2.1"));
    const query = new World();
    query.lookup(NAME);
    const whole = answerBytes((query.sent[0] as Sent).bytes, {
      answers: [...many, { type: "A", name: "x.y", ttl: 1, address: "192.0.2.2" }],
    });
    expect((decodeMessage(whole) as Message).answers.length).toBe(100);
    const spoiled = spoil(whole);
    spoiled[7] = spoiled.length > whole.length ? 102 : 101;

    expect(decodeMessage(spoiled)).toBeInstanceOf(Error);
  });

  test("DNS-12 bytes behind the last record are tolerated, and counted", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.deliver(sent, Uint8Array.from([...answerBytes(sent.bytes, GOOD), 1, 2, 3]));

    const id = world.lookup(NAME);

    expect(world.run(10).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.machine.statistics).toMatchObject({ trailing: 1, dropped: 0 });
  });

  test("DNS-24 where an answer of 1232 bytes did not come, the next send announces 512", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.transport === "tcp") world.reply(sent, GOOD);
      else if (sent.message.edns?.size === 512) world.reply(sent, { isTruncated: true });
    };

    const id = world.lookup(NAME);

    expect(world.run(1000).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.map(({ transport, message }) => [transport, message.edns?.size])).toEqual([
      ["udp", 1232],
      ["udp", 512],
      ["tcp", 1232],
    ]);
  });
});

describe("negative answers", () => {
  test("DNS-41 an alias to a name that does not exist says nothing of the alias's other types", () => {
    for (const isSplit of [false, true]) {
      const world = new World();
      world.onQuery = (sent) => {
        const { name, type } = sent.question;
        const alias = [cname(NAME, "gone.example")];
        if (type === "CNAME" || (isSplit && name === NAME)) world.reply(sent, { answers: alias });
        else
          world.reply(sent, {
            rcode: 3,
            answers: name === NAME ? alias : [],
            authorities: [soa("example")],
          });
      };
      const host = world.lookup(NAME);
      world.run(10);
      const alias = world.lookup(NAME, { types: ["CNAME"] });
      world.run(10);

      expect(world.addresses(host)).toEqual(["not-found"]);
      expect(world.result(alias)).toMatchObject({ answer: { records: [{ target: "gone.example" }] } });
    }
  });

  test("DNS-06 an alias of an AAAA question is followed too", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, { answers: [cname(NAME, "edge.example"), aaaa("edge.example", "2001:db8::7")] });

    const id = world.lookup(NAME, { types: ["AAAA"] });

    expect(world.run(10).addresses(id)).toEqual(["2001:db8::7"]);
  });
});

describe("prefetch", () => {
  test("is begun by the use of what `peek` gave, once, and not for what is out of date", () => {
    const world = new World({ cache: { prefetch: true, maxStale: 1000 } });
    world.onQuery = (sent) => world.reply(sent, { answers: [a(NAME, "192.0.2.1", 100)] });
    const use = (): void => world.feed({ type: "used", name: NAME, types: ["AAAA", "A"] });
    world.lookup(NAME);
    world.run(50_000);
    use();
    expect(world.sent.length).toBe(1);
    world.run(45_000);
    world.onQuery = () => {};
    use();
    use();
    expect(world.sent.length).toBe(2);
    world.run(20_000);
    world.onQuery = (sent) => world.reply(sent, { rcode: 2 });
    world.lookup(NAME);
    world.run(10);
    const count = world.sent.length;
    use();

    expect(world.machine.peek(NAME, "A", world.now)).toEqual(["192.0.2.1"]);
    expect(world.sent.length).toBe(count);
    expect(world.machine.statistics).toMatchObject({ prefetches: 1, cacheHits: 1 });
  });

  test("that fails leaves what is known as long as it is true, and is not repeated", () => {
    const world = new World({ cache: { prefetch: true } });
    world.onQuery = (sent) => world.reply(sent, { answers: [a(NAME, "192.0.2.1", 100)] });
    world.lookup(NAME);
    world.run(95_000);
    world.onQuery = (sent) => world.reply(sent, { rcode: 2 });
    for (let count = 0; count < 10; count++) {
      const id = world.lookup(NAME);
      expect(world.run(100).addresses(id)).toEqual(["192.0.2.1"]);
    }
    const fresh = world.lookup(NAME, { fresh: true });

    expect(world.run(100).addresses(fresh)).toEqual(["server-failure"]);
    expect(world.addresses(world.lookup(NAME))).toEqual(["192.0.2.1"]);
    expect(world.sent.length).toBe(3);
  });

  test("is off by default", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [a(NAME, "192.0.2.1", 100)] });
    world.lookup(NAME);
    world.run(95_000);
    world.feed({ type: "used", name: NAME, types: ["A"] });

    expect(world.sent.length).toBe(1);
    expect(world.machine.peek("absent.example", "A", world.now)).toBeUndefined();
  });

  test("`peek` knows that there is nothing, and does not take a failure for that", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.question.name === "broken.example") world.reply(sent, { rcode: 2 });
      else
        world.reply(sent, {
          rcode: sent.question.name === "no.example" ? 3 : 0,
          authorities: [soa("example")],
        });
    };
    for (const name of ["no.example", "half.example", "broken.example"]) world.lookup(name);
    world.run(10);

    expect(world.machine.peek("no.example", "A", world.now)).toEqual([]);
    expect(world.machine.peek("half.example", "A", world.now)).toEqual([]);
    expect(world.machine.peek("broken.example", "A", world.now)).toBeUndefined();
  });
});

describe("cookies", () => {
  test("DNS-25 a server that answers without its cookie over TCP is held to it no longer", () => {
    const world = new World({ cookies: true, cache: { maxEntries: 0 } });
    let hasCookies = true;
    world.onQuery = (sent) => {
      const client = sent.message.edns?.options[0]?.value.slice(0, 8) ?? new Uint8Array(8);
      const value = Uint8Array.from([...client, 1, 2, 3, 4, 5, 6, 7, 8]);
      const edns = { size: 1232, version: 0, options: hasCookies ? [{ code: 10, value }] : [] };
      world.reply(sent, { ...GOOD, edns });
    };
    const ask = (): string => {
      const id = world.lookup(NAME);
      const result = world.run(10).result(id);
      return "answer" in result ? result.answer.transport : result.code;
    };
    expect([ask(), ask()]).toEqual(["udp", "udp"]);
    hasCookies = false;

    expect([ask(), ask(), ask()]).toEqual(["tcp", "udp", "udp"]);
  });

  test("DNS-25 a server that gives back our half alone, and never another, is taken as it is", () => {
    const world = new World({ cookies: true });
    world.onQuery = (sent) => {
      const value = sent.message.edns?.options[0]?.value ?? new Uint8Array(8);
      world.reply(sent, { ...GOOD, edns: { size: 1232, version: 0, options: [{ code: 10, value }] } });
    };

    const id = world.lookup(NAME);

    expect(world.run(10).result(id)).toMatchObject({ answer: { transport: "udp" } });
  });
});

describe("sends", () => {
  test("DNS-30 asking the same server in another way counts as a send", () => {
    const world = new World({ attempts: 1 });
    world.onQuery = (sent) => world.reply(sent, { rcode: sent.message.edns === undefined ? 0 : 1 });

    const id = world.lookup(NAME);

    expect(world.run(100).addresses(id)).toEqual(["server-failure"]);
    expect(world.sent.length).toBe(1);
  });

  test("the failure of a socket after the answer came from elsewhere is only remembered", () => {
    const world = new World({ servers: TWO });
    world.machine.isTraced = true;
    world.onQuery = (sent) => {
      if (sent.server === TWO[1]) world.reply(sent, GOOD);
    };
    const id = world.lookup(NAME);
    world.run(10);
    const silent = world.sent.find(({ server }) => server === TWO[0]) as Sent;
    world.feed({ type: "channel-failed", channel: silent.socket, code: "ECONNREFUSED" });
    world.run(5000);

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.machine.servers[0]?.isSuspect).toBe(true);
    expect(world.traced).toContainEqual({
      step: "unreachable",
      name: NAME,
      of: "A",
      server: TWO[0],
      transport: "udp",
      code: "ECONNREFUSED",
    });
    expect(world.openChannels.size).toBe(0);
  });

  test("a query that nobody can be asked any more waits for what is under way", () => {
    const world = new World({ servers: TWO, attempts: 1 });
    world.onQuery = (sent) => {
      if (sent.server === TWO[0]) world.reply(sent, GOOD, 150);
      else world.after(20, () => world.feed({ type: "channel-failed", channel: sent.socket, code: "x" }));
    };

    const id = world.lookup(NAME);

    expect(world.run(500).result(id)).toMatchObject({ at: 150 });
  });

  test("DNS-07 a server that is known to have no TCP is believed over UDP, one forgery later too", () => {
    const world = new World();
    world.onConnect = () => "refuse";
    world.onQuery = (sent) => {
      const first = sent === world.sent[0];
      world.deliver(sent, answerBytes(sent.bytes, { ...GOOD, id: sent.message.id ^ 1 }), 1);
      if (!first) world.reply(sent, GOOD, 5);
    };

    const id = world.lookup(NAME);

    expect(world.run(3000).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.machine.statistics.distrusted).toBe(1);
  });

  test("DNS-07 forgeries for two sends of one query lead to one query over TCP", () => {
    const world = new World();
    world.onQuery = (sent) => sent.transport === "tcp" && world.reply(sent, GOOD, 50);
    const id = world.lookup(NAME);
    world.run(700);
    const [first, second] = world.sent as [Sent, Sent];
    for (const sent of [second, first])
      world.deliver(sent, answerBytes(sent.bytes, { ...GOOD, id: sent.message.id ^ 1 }));
    world.run(100);

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.map(({ transport }) => transport)).toEqual(["udp", "udp", "tcp"]);
  });

  test("DNS-07 where TCP stays silent longer than the patience with UDP, the next send goes over UDP", () => {
    const world = new World();
    world.onConnect = () => "ignore";
    let count = 0;
    world.onQuery = (sent) => {
      count += 1;
      if (count === 1) world.deliver(sent, answerBytes(sent.bytes, { ...GOOD, id: sent.message.id ^ 1 }), 1);
      else if (sent.transport === "udp") world.reply(sent, GOOD, 5);
    };

    const id = world.lookup(NAME);
    world.run(8000);

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.machine.statistics.silent).toBeGreaterThan(0);
  });
});

describe("sockets", () => {
  test("shared ones are closed when idle, whatever others still do", () => {
    const world = new World({
      freshPorts: { burst: 1, perSecond: 0.05 },
      sharedPorts: { count: 2, uses: 5 },
    });
    world.onQuery = (sent) => {
      if (!sent.question.name.startsWith("dead"))
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
    };
    world.lookup("dead.example", { deadline: 100_000 });
    world.lookup("one.example");
    world.run(9000);
    world.lookup("dead-shared.example", { deadline: 100_000 });
    world.lookup("two.example");
    world.run(2000);
    expect(world.openChannels.size).toBeGreaterThan(0);

    world.run(30_000);

    expect(world.openChannels.size).toBe(0);
  });

  test("are looked after as long as any is open", () => {
    const world = new World({
      freshPorts: { burst: 1, perSecond: 0.11 },
      sharedPorts: { count: 1, uses: 5 },
    });
    world.onQuery = (sent) => {
      if (!sent.question.name.startsWith("dead"))
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
    };
    world.lookup("first.example");
    world.run(1);
    world.lookup("shared.example");
    world.run(9900);
    world.lookup("dead.example", { deadline: 100_000 });
    world.run(150);
    expect(world.openChannels.size).toBe(1);

    expect(world.run(30_000).openChannels.size).toBe(0);
  });

  test("a shared one that has failed is replaced", () => {
    const world = new World({ freshPorts: NO_FRESH, sharedPorts: { count: 1, uses: 100 } });
    world.onQuery = (sent) => {
      if (sent.socket === 1) world.feed({ type: "channel-failed", channel: 1, code: "ECONNREFUSED" });
      else world.reply(sent, GOOD);
    };

    const id = world.lookup(NAME);

    expect(world.run(1000).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.map(({ socket }) => socket)).toEqual([1, 2]);
  });
});

describe("what a lookup asks for", () => {
  test("a type that is named twice is asked for once, and its records are given once", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, GOOD);

    const id = world.lookup(NAME, { types: ["A", "A"] });

    expect(world.run(10).addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.length).toBe(1);
  });

  test("a type that is named twice fails once", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { rcode: 3, authorities: [soa("example", 60)] });

    const id = world.lookup(NAME, { types: ["A", "A"] });

    expect(world.run(10).addresses(id)).toEqual(["not-found"]);
    expect(world.sent.length).toBe(1);
  });

  test("records of different times to live are all given the least", () => {
    const world = new World();
    const answers = [a(NAME, "192.0.2.1", 300), a(NAME, "192.0.2.2", 60)];
    world.onQuery = (sent) => world.reply(sent, { answers });

    const id = world.lookup(NAME);

    expect(world.run(10).result(id)).toMatchObject({
      answer: { ttl: 60, records: [{ ttl: 60 }, { ttl: 60 }] },
    });
  });

  test("a window that lets nothing through ends as a timeout, at the lookup's deadline", () => {
    const world = new World({ window: 0 });

    const id = world.lookup(NAME, { deadline: 3000 });

    expect(world.run(3000).result(id)).toEqual({ code: "timeout", at: 3000 });
    expect(world.sent.length).toBe(0);
  });
});
