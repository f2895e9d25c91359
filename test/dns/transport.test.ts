import { describe, expect, test } from "vitest";
import { type EdnsOption, type Message, parseServer, type ServerAddress } from "../../src/dns/index.ts";
import { a, answerBytes, cname, soa } from "./responder.ts";
import { framed, type Sent, World } from "./world.ts";

const NAME = "www.example";
const GOOD = { answers: [a(NAME, "192.0.2.1")] };
const TWO = ["192.0.2.53", "192.0.2.54"];

describe("TCP", () => {
  test("DNS-20 a truncated answer is asked for again over TCP at once, and not used", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.transport === "udp") world.reply(sent, { isTruncated: true, answers: [a(NAME, "6.6.6.6")] });
      else world.reply(sent, GOOD);
    };

    const id = world.lookup(NAME);
    world.run(10);

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.map(({ transport, at }) => [transport, at])).toEqual([
      ["udp", 0],
      ["tcp", 1],
    ]);
  });

  test("DNS-20 TCP that cannot be had after another server has refused leaves the refusal as the reason", () => {
    const world = new World({ servers: TWO });
    world.onConnect = () => "refuse";
    world.onQuery = (sent) => {
      if (world.sent.length === 1) world.reply(sent, { rcode: 5 });
      else world.reply(sent, { isTruncated: true });
    };

    const id = world.lookup(NAME);
    world.run(10_000);

    expect(world.result(id)).toMatchObject({ code: "refused" });
  });

  test("DNS-20 an answer that is truncated over TCP too is a failure of that server", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { isTruncated: true });

    const id = world.lookup(NAME);

    expect(world.run(50).addresses(id)).toEqual(["server-failure"]);
  });

  test("DNS-21 one connection carries many queries, answered in any order, split anywhere, or together", () => {
    const world = new World({ conf: { useTcp: true } });
    const ids = ["a.example", "b.example", "c.example"].map((name) => world.lookup(name));
    const [first, second, third] = world.sent as [Sent, Sent, Sent];
    const reply = (sent: Sent): Uint8Array =>
      framed(answerBytes(sent.bytes, { answers: [a(sent.question.name, "192.0.2.1")] }));

    world.stream(third, Uint8Array.from([...reply(third), ...reply(first)]));
    for (const byte of reply(second)) world.stream(second, Uint8Array.of(byte));

    expect(ids.map((id) => world.addresses(id))).toEqual([["192.0.2.1"], ["192.0.2.1"], ["192.0.2.1"]]);
    expect(new Set(world.sent.map(({ socket }) => socket)).size).toBe(1);
    expect(new Set(world.sent.map(({ message }) => message.id)).size).toBe(3);
  });

  test("DNS-21 no two questions under way on one connection have the same id", () => {
    const world = new World({ conf: { useTcp: true }, window: 10_000 });
    for (let count = 0; count < 3000; count++) world.lookup(`n${count}.example`);

    expect(new Set(world.sent.map(({ message }) => message.id)).size).toBe(3000);
  });

  test("DNS-21 a connection is kept for the next query and closed after 5 s without one", () => {
    const world = new World({ conf: { useTcp: true }, cache: { maxEntries: 0 } });
    world.onQuery = (sent) => world.reply(sent, GOOD);
    world.lookup(NAME);
    world.run(4000);
    world.lookup(NAME);
    world.run(4900);

    expect(world.openConnections.size).toBe(1);
    expect(new Set(world.sent.map(({ socket }) => socket)).size).toBe(1);
    expect(world.run(200).openConnections.size).toBe(0);
  });

  test("DNS-21 a connection that breaks is replaced once, then the server is given up", () => {
    for (const [breaks, expected] of [
      [1, "192.0.2.1"],
      [2, "server-failure"],
    ] as const) {
      const world = new World({ conf: { useTcp: true } });
      let connections = 0;
      world.onQuery = (sent) => {
        connections += 1;
        if (connections > breaks) world.reply(sent, GOOD);
        else {
          world.stream(sent, Uint8Array.of(0, 200, 1, 2, 3));
          world.hangUp(sent.socket);
        }
      };

      const id = world.lookup(NAME);

      expect(world.run(8000).addresses(id)).toEqual([expected]);
    }
  });

  test("DNS-21 empty and unknown messages are passed over; a hundred of them end the connection", () => {
    const world = new World({ conf: { useTcp: true }, servers: TWO });
    const id = world.lookup(NAME);
    const [sent] = world.sent as [Sent];
    world.stream(sent, Uint8Array.of(0, 0, 0, 1, 9));
    world.stream(sent, framed(answerBytes(sent.bytes, { id: sent.message.id ^ 1 })));
    world.stream(sent, framed(answerBytes(sent.bytes, GOOD)));
    expect(world.addresses(id)).toEqual(["192.0.2.1"]);

    world.lookup("next.example");
    const next = world.sent.at(-1) as Sent;
    for (let count = 0; count < 100; count++) world.stream(next, Uint8Array.of(0, 0));

    expect(world.openConnections.has(next.socket)).toBe(false);
  });

  test("DNS-21 a server that drips is cut at the deadline of its query", () => {
    const world = new World({ conf: { useTcp: true }, servers: TWO });
    world.onQuery = (sent) => {
      if (sent.server === TWO[1]) world.reply(sent, GOOD);
      else
        for (let at = 0; at < 100; at++)
          world.after(at * 100, () => world.stream(sent, Uint8Array.of(at === 0 ? 1 : 0)));
    };
    world.configure(["192.0.2.53"], { useTcp: true });

    const id = world.lookup(NAME);

    expect(world.run(9000).addresses(id)).toEqual(["timeout"]);
    expect(world.openConnections.size).toBe(0);
  });

  test("DNS-21 a wrong question over TCP is dropped and the wait goes on", () => {
    const world = new World({ conf: { useTcp: true } });
    const id = world.lookup(NAME);
    const [sent] = world.sent as [Sent];
    const wrong = answerBytes(sent.bytes, GOOD);
    wrong[13] = 0x78;
    world.stream(sent, framed(wrong));
    world.stream(sent, framed(answerBytes(sent.bytes, GOOD)));

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
  });

  test("DNS-22 a server that refuses TCP is followed by the next one", () => {
    const world = new World({ servers: TWO });
    world.onConnect = (server) => (server === TWO[0] ? "refuse" : "accept");
    world.onQuery = (sent) => {
      if (sent.transport === "udp") world.reply(sent, { isTruncated: true }, sent.server === TWO[0] ? 1 : 50);
      else world.reply(sent, GOOD);
    };

    const id = world.lookup(NAME);

    expect(world.run(500).addresses(id)).toEqual(["192.0.2.1"]);
  });

  test("DNS-22 a server whose TCP is never answered is followed by the next one", () => {
    const world = new World({ servers: TWO });
    world.onConnect = (server) => (server === TWO[0] ? "ignore" : "accept");
    world.onQuery = (sent) => {
      if (sent.server === TWO[0]) world.reply(sent, { isTruncated: true });
      else if (sent.transport === "tcp" || sent.at > 0) world.reply(sent, GOOD);
    };

    const id = world.lookup(NAME);

    expect(world.run(4000).addresses(id)).toEqual(["192.0.2.1"]);
  });
});

describe("EDNS", () => {
  test("DNS-23 announces 1232 bytes in exactly one OPT record of version 0", () => {
    const world = new World();
    world.lookup(NAME);

    expect(world.sent[0]?.message).toMatchObject({
      edns: { size: 1232, version: 0, options: [] },
      additionals: [],
    });
    const without = new World({ ednsSize: 0 });
    without.lookup(NAME);
    expect(without.sent[0]?.message.edns).toBeUndefined();
  });

  test.each([
    ["FORMERR", 1],
    ["NOTIMP", 4],
    ["BADVERS", 16],
  ])("DNS-23 after %s it asks without OPT, and so for 15 minutes", (_, rcode) => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onQuery = (sent) => {
      const edns = rcode > 15 ? { size: 512, version: 0, options: [] } : undefined;
      if (sent.message.edns === undefined)
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
      else world.reply(sent, { rcode, edns });
    };
    const id = world.lookup(NAME);
    world.run(10);
    world.lookup("two.example");
    world.run(15 * 60_000);
    world.lookup("three.example");

    expect(world.addresses(id)).toEqual(["192.0.2.1"]);
    expect(world.sent.map(({ message }) => message.edns !== undefined)).toEqual([true, false, false, true]);
  });

  test("DNS-23 FORMERR to a query without OPT is a failure of that server", () => {
    const world = new World({ ednsSize: 0 });
    world.onQuery = (sent) => world.reply(sent, { rcode: 1 });

    const id = world.lookup(NAME);

    expect(world.run(10).addresses(id)).toEqual(["server-failure"]);
  });

  test("DNS-23 an answer with two OPT records is dropped", () => {
    const world = new World();
    world.onQuery = (sent) => {
      const edns = { size: 1232, version: 0, options: [] };
      const reply = answerBytes(sent.bytes, { ...GOOD, edns });
      const twice = Uint8Array.from([...reply, ...reply.slice(-11)]);
      twice[11] = 2;
      world.deliver(sent, twice, 1);
      world.reply(sent, GOOD, 20);
    };

    const id = world.lookup(NAME);

    expect(world.run(50).result(id)).toMatchObject({ at: 20 });
    expect(world.machine.statistics.malformed).toBe(1);
  });
});

describe("cookies", () => {
  const SERVER_COOKIE = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1);
  const cookieOf = ({ edns }: Message): Uint8Array | undefined => edns?.options[0]?.value;
  const edns = (...options: EdnsOption[]): NonNullable<Message["edns"]> => ({
    size: 1232,
    version: 0,
    options,
  });
  const withCookie = (sent: Sent, server: Uint8Array): NonNullable<Message["edns"]> =>
    edns({ code: 10, value: Uint8Array.from([...(cookieOf(sent.message) ?? []).slice(0, 8), ...server]) });
  const world_ = (): World => new World({ cookies: true, cache: { maxEntries: 0 } });

  test("DNS-25 a server's cookie is shown to it from then on, and follows its changes", () => {
    const world = world_();
    let server = SERVER_COOKIE;
    world.onQuery = (sent) => world.reply(sent, { ...GOOD, edns: withCookie(sent, server) });
    world.lookup(NAME);
    world.run(10);
    server = Uint8Array.of(2, 2, 2, 2, 2, 2, 2, 2);
    world.lookup(NAME);
    world.run(10);
    world.lookup(NAME);

    const shown = world.sent.map(({ message }) => [...(cookieOf(message) ?? [])].slice(8));
    expect(shown).toEqual([[], [...SERVER_COOKIE], [...server]]);
  });

  test.each<[string, (sent: Sent) => Message["edns"]]>([
    ["no cookie after it has shown one", () => edns()],
    ["no OPT record after it has shown a cookie", () => undefined],
    ["only our own half", (sent) => withCookie(sent, new Uint8Array(0))],
    ["a cookie of a wrong length", (sent) => withCookie(sent, new Uint8Array(3))],
    ["another client's half", () => edns({ code: 10, value: new Uint8Array(16) })],
  ])("DNS-25 an answer with %s is dropped", (_, spoiled) => {
    const world = world_();
    world.onQuery = (sent) => world.reply(sent, { ...GOOD, edns: withCookie(sent, SERVER_COOKIE) });
    world.lookup(NAME);
    world.run(10);
    world.onQuery = (sent) => {
      if (sent.transport === "udp")
        world.reply(sent, { answers: [a(NAME, "6.6.6.6")], edns: spoiled(sent) }, 1);
      world.reply(sent, { ...GOOD, edns: withCookie(sent, SERVER_COOKIE) }, 5);
    };

    const id = world.lookup(NAME);

    expect(world.run(50).addresses(id)).toEqual(["192.0.2.1"]);
  });

  test("DNS-25 a server without cookies is taken as it is", () => {
    const world = world_();
    world.onQuery = (sent) => world.reply(sent, { ...GOOD, edns: sent.at === 0 ? edns() : undefined });
    const first = world.lookup(NAME);
    world.run(10);
    const second = world.lookup(NAME);

    expect(world.run(10).addresses(first)).toEqual(world.addresses(second));
  });

  test("DNS-25 BADCOOKIE is answered with the new cookie, then over TCP, then the server is given up", () => {
    const world = world_();
    world.onQuery = (sent) => world.reply(sent, { rcode: 23, edns: withCookie(sent, SERVER_COOKIE) });

    const id = world.lookup(NAME);

    expect(world.run(50).addresses(id)).toEqual(["server-failure"]);
    expect(world.sent.map(({ transport }) => transport)).toEqual(["udp", "udp", "tcp"]);
  });
});

describe("retry", () => {
  test("DNS-30 asks one silent server three times, each wait twice the last, then fails as timeout", () => {
    const world = new World();
    const id = world.lookup(NAME);
    world.run(9000);
    const at = world.sent.map((sent) => sent.at);
    const result = world.result(id);

    expect(at.length).toBe(3);
    for (const [index, wait] of [400, 800].entries()) {
      const waited = (at[index + 1] ?? 0) - (at[index] ?? 0);
      expect(waited).toBeGreaterThanOrEqual(wait * 0.8);
      expect(waited).toBeLessThanOrEqual(wait * 1.2);
    }
    expect(result).toMatchObject({ code: "timeout" });
    expect(result.at - (at[2] ?? 0)).toBeLessThanOrEqual(1600 * 1.2);
  });

  test("DNS-30 a fast server is asked again sooner, and has as long for the last answer", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onQuery = (sent) => world.reply(sent, GOOD, 1);
    for (let count = 0; count < 20; count++) {
      world.lookup(NAME);
      world.run(10);
    }
    world.onQuery = () => {};
    world.sent.length = 0;
    const id = world.lookup(NAME);
    world.run(5000);
    const last = world.sent[2]?.at ?? 0;

    expect(last - (world.sent[0]?.at ?? 0)).toBeLessThan(800);
    expect(world.result(id).at - last).toBeGreaterThanOrEqual(1600 * 0.8);
    expect(world.result(id).at - last).toBeLessThanOrEqual(1600 * 1.2);
  });

  test("DNS-30 a lookup's deadline ends it, whatever its tries", () => {
    const world = new World();
    const id = world.lookup(NAME, { deadline: 123 });

    expect(world.run(500).result(id)).toEqual({ code: "timeout", at: 123 });
  });

  test("DNS-30 resolv.conf may ask for fewer tries and shorter waits, not for more tries", () => {
    const few = new World({ conf: { attempts: 1, timeout: 1 } });
    few.lookup(NAME);
    expect(few.run(9000).sent.length).toBe(1);
    const many = new World({ conf: { attempts: 5 } });
    many.lookup(NAME);
    expect(many.run(9000).sent.length).toBe(3);
  });

  test("an answer to an earlier try is still an answer", () => {
    const world = new World();
    world.onQuery = (sent) => sent.at === 0 && world.reply(sent, GOOD, 600);

    const id = world.lookup(NAME);

    expect(world.run(1000).result(id)).toMatchObject({ at: 600 });
    expect(world.sent.length).toBe(2);
  });

  test("the first wait adapts to a server's latency, between 200 and 400 ms", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onQuery = (sent) => world.reply(sent, GOOD, 2);
    for (let count = 0; count < 20; count++) {
      world.lookup(NAME);
      world.run(10);
    }
    world.onQuery = () => {};
    const start = world.now;
    world.lookup(NAME);
    world.run(300);

    const waited = (world.sent.at(-1)?.at ?? 0) - start;
    expect(waited).toBeGreaterThanOrEqual(160);
    expect(waited).toBeLessThanOrEqual(240);
  });

  test("DNS-31 a thousand lookups in a second of a name that fails make two queries at most", () => {
    for (const servers of [["192.0.2.53"], [...TWO, "192.0.2.55"]]) {
      const world = new World({ servers });
      world.onQuery = (sent) => world.reply(sent, { rcode: 2 });
      world.lookup("known.example");
      world.run(1000);
      world.sent.length = 0;
      for (let count = 0; count < 1000; count++) {
        world.lookup(NAME);
        world.run(0.9);
      }

      expect(world.sent.length).toBeLessThanOrEqual(2);
    }
  });

  test("DNS-31 failures are kept for one second, then longer, never more than five", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { rcode: 2 }, 0);
    for (let count = 0; count < 600; count++) {
      world.lookup(NAME);
      world.run(100);
    }
    const gaps = world.sent
      .slice(1)
      .map(({ at }, index) => Math.round((at - (world.sent[index]?.at ?? 0)) / 1000));

    expect(gaps.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(Math.max(...gaps)).toBe(5);
    world.onQuery = (sent) => world.reply(sent, { ...GOOD, answers: [a(NAME, "192.0.2.1", 0)] }, 0);
    world.run(6000);
    world.lookup(NAME);
    world.run(1);
    world.onQuery = (sent) => world.reply(sent, { rcode: 2 }, 0);
    world.sent.length = 0;
    world.lookup(NAME);
    world.run(1001);
    world.lookup(NAME);
    expect(world.sent.length).toBe(2);
  });

  test("DNS-31 the counts of failing names are bounded", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { rcode: 5 }, 0);
    for (let count = 0; count < 1100; count++) {
      const id = world.lookup(`n${count}.example`);
      world.run(1);
      expect(world.addresses(id)).toEqual(["refused"]);
    }
  });

  test("REFUSED and SERVFAIL of one server are followed by one other; a silent one beside them is waited for", () => {
    const world = new World({ servers: TWO });
    world.onQuery = (sent) => {
      if (sent.server === TWO[0]) world.reply(sent, { rcode: 5 });
      else world.reply(sent, GOOD, 100);
    };

    const id = world.lookup(NAME);

    expect(world.run(300).result(id)).toMatchObject({ at: 100, answer: { source: TWO[1] } });
  });

  test("a failure is told as such, even if other servers are silent", () => {
    const world = new World({ servers: TWO });
    world.onQuery = (sent) => {
      if (sent.server === TWO[0]) world.reply(sent, { rcode: 2 });
    };

    const id = world.lookup(NAME);

    expect(world.run(9000).addresses(id)).toEqual(["server-failure"]);
  });

  test("without servers a lookup fails at once as no-servers", () => {
    const world = new World({ servers: [] });

    const id = world.lookup(NAME);

    expect(world.result(id)).toEqual({ code: "no-servers", at: 0 });
  });
});

describe("servers", () => {
  test("are raced while nothing is known of them, and the faster one is asked from then on", () => {
    const world = new World({ servers: TWO, cache: { maxEntries: 0 } });
    world.onQuery = (sent) =>
      world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] }, sent.server === TWO[0] ? 40 : 4);
    const id = world.lookup(NAME);
    world.run(100);
    world.sent.length = 0;
    for (let count = 0; count < 200; count++) {
      world.lookup(`n${count}.example`);
      world.run(50);
    }
    const slow = world.sent.filter(({ server }) => server === TWO[0]).length;

    expect(world.result(id)).toMatchObject({ at: 4 });
    expect(world.sent.length - slow).toBe(200);
    expect(slow).toBeGreaterThan(2);
    expect(slow).toBeLessThan(25);
  });

  test("DNS-32 a dead first server costs under half a second once, not per name", () => {
    const world = new World({ servers: TWO });
    world.onQuery = (sent) => {
      if (sent.server === TWO[1]) world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] }, 5);
    };
    const waits: number[] = [];
    for (let count = 0; count < 1000; count++) {
      const start = world.now;
      const id = world.lookup(`n${count}.example`);
      world.run(100);
      waits.push(world.result(id).at - start);
    }

    expect(Math.max(...waits)).toBeLessThan(500);
    expect(waits.slice(20).every((wait) => wait === 5)).toBe(true);
  });

  test("DNS-32 a server that dies costs one wait; one that is back is used within a minute", () => {
    const world = new World({ servers: TWO });
    let dead: string | undefined;
    world.onQuery = (sent) => {
      if (sent.server !== dead)
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] }, sent.server === TWO[0] ? 2 : 20);
    };
    let count = 0;
    const ask = (): number => {
      const start = world.now;
      const id = world.lookup(`n${count++}.example`);
      world.run(1000);
      return world.result(id).at - start;
    };
    for (let round = 0; round < 20; round++) ask();
    dead = TWO[0];
    const waits = Array.from({ length: 120 }, ask);
    dead = undefined;
    const back = Array.from({ length: 61 }, ask);

    expect(waits.filter((wait) => wait > 50).length).toBe(1);
    expect(Math.max(...waits)).toBeLessThan(500);
    expect(back.at(-1)).toBe(2);
  });

  test("DNS-32 a name that nobody answers does not make its server suspect", () => {
    const world = new World({ cache: { maxEntries: 0 } });
    world.onQuery = (sent) => {
      if (!sent.question.name.startsWith("dead"))
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
    };
    world.lookup("dead.example");
    for (let count = 0; count < 50; count++) {
      world.lookup("live.example");
      world.run(100);
    }

    expect(world.machine.statistics.silent).toBe(3);
    expect(world.machine.servers[0]?.isSuspect).toBe(false);
  });

  test("the third server answers where the first two are silent", () => {
    const world = new World({ servers: [...TWO, "192.0.2.55"] });
    world.onQuery = (sent) => sent.server === "192.0.2.55" && world.reply(sent, GOOD);

    const id = world.lookup(NAME);

    expect(world.run(2000).result(id)).toMatchObject({ answer: { source: "192.0.2.55" } });
  });

  test("`rotate` spreads queries over the servers", () => {
    const world = new World({ servers: TWO, conf: { rotate: true }, cache: { maxEntries: 0 } });
    world.onQuery = (sent) => world.reply(sent, GOOD);
    for (let count = 0; count < 200; count++) {
      world.lookup(NAME);
      world.run(2);
    }

    expect(world.sent.filter(({ server }) => server === TWO[0]).length).toBeGreaterThan(60);
    expect(world.sent.filter(({ server }) => server === TWO[1]).length).toBeGreaterThan(60);
  });

  test("DNS-33 new servers are asked by new lookups, those in flight complete, the cache starts anew", () => {
    const world = new World();
    const first = world.lookup(NAME);
    world.configure(["192.0.2.99"]);
    world.reply(world.sent[0] as Sent, GOOD);
    world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.9")] });
    world.run(10);
    const second = world.lookup("two.example");
    world.run(10);
    world.configure(["192.0.2.98"]);
    const third = world.lookup("two.example");
    world.run(10);

    expect(world.addresses(first)).toEqual(["192.0.2.1"]);
    expect(world.result(second)).toMatchObject({ answer: { source: "192.0.2.99" } });
    expect(world.result(third)).toMatchObject({ answer: { source: "192.0.2.98", cached: false } });
  });

  test("DNS-33 what waits for servers that are gone is asked of the new ones at once", () => {
    const world = new World({ servers: ["192.0.2.53", "192.0.2.54"] });
    const waiting = world.lookup(NAME);
    world.run(5000);
    const before = world.sent.length;
    world.onQuery = (sent) => world.reply(sent, GOOD);
    world.configure(["192.0.2.99", "192.0.2.54"]);
    world.run(10);

    expect(world.sent.slice(before).map(({ server }) => server)).toContain("192.0.2.99");
    expect(world.sent.slice(before).map(({ server }) => server)).not.toContain("192.0.2.53");
    expect(world.addresses(waiting)).toEqual(["192.0.2.1"]);
  });

  test("DNS-33 without servers what waits fails, and what failed so is asked again when there are some", () => {
    const world = new World();
    const waiting = world.lookup(NAME);
    world.configure([]);
    world.run(3000);
    expect(world.result(waiting)).toMatchObject({ code: "timeout" });
    world.onQuery = (sent) => world.reply(sent, GOOD);
    world.configure(["192.0.2.99"]);
    const next = world.lookup(NAME);
    world.run(10);

    expect(world.addresses(next)).toEqual(["192.0.2.1"]);
  });

  test("when the network changes, what waits is asked anew at once of the same servers; a lookup's own are left alone", () => {
    const world = new World();
    const waiting = world.lookup(NAME);
    const own = world.lookup("two.example", { servers: [parseServer("192.0.2.77") as ServerAddress] });
    world.run(150);
    const before = world.sent.length;
    world.feed({ type: "network-changed" });

    expect(world.sent.slice(before)).toMatchObject([{ server: "192.0.2.53", question: { name: NAME } }]);
    world.reply(world.sent.at(-1) as Sent, GOOD);
    world.run(10);
    expect(world.addresses(waiting)).toEqual(["192.0.2.1"]);
    expect(world.results.has(own)).toBe(false);
  });

  test("when the network changes, what could not be found out may be asked again; what is known stays", () => {
    const world = new World({ servers: ["192.0.2.53"] });
    world.onQuery = (sent) => {
      if (sent.question.name === NAME) world.reply(sent, GOOD);
      else if (sent.question.name === "none.example")
        world.reply(sent, { rcode: 3, authorities: [soa("example", 60)] });
    };
    for (const name of [NAME, "none.example", "dead.example"]) world.lookup(name);
    world.run(10_000);
    world.lookup("dead.example");
    world.run(10_000);
    world.feed({ type: "network-changed" });
    const before = world.sent.length;
    for (const name of [NAME, "none.example", "dead.example"]) world.lookup(name);

    expect(world.sent.slice(before).map(({ question }) => question.name)).toEqual(["dead.example"]);
  });

  test("a lookup may name its own servers, whose answers are kept apart", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, { answers: [a(NAME, sent.server === "192.0.2.53" ? "192.0.2.1" : "192.0.2.2")] });
    const own = { servers: [{ address: "192.0.2.77", port: 5353 }] };
    const ids = [world.lookup(NAME), world.lookup(NAME, own)];
    world.run(10);
    ids.push(world.lookup(NAME), world.lookup(NAME, own));
    for (let count = 0; count < 100; count++)
      world.lookup(NAME, { servers: [{ address: `192.0.2.${count}`, port: 1 }] });
    ids.push(world.lookup(NAME, { servers: [{ address: "192.0.2.53", port: 53 }] }));
    world.run(10);

    expect(ids.map((id) => world.addresses(id)[0])).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.1",
      "192.0.2.2",
      "192.0.2.1",
    ]);
  });
});

describe("the window", () => {
  test("lets 128 queries be under way to one server, the others as answers come", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] }, 10);
    const ids = Array.from({ length: 1000 }, (_, index) => world.lookup(`n${index}.example`));
    expect(world.sent.length).toBe(128);
    world.run(9);
    expect(world.sent.length).toBe(128);

    world.run(100);

    expect(world.sent.length).toBe(1000);
    expect(ids.every((id) => world.addresses(id)[0] === "192.0.2.1")).toBe(true);
  });

  test("is not held up by names that nobody answers", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (!sent.question.name.startsWith("dead"))
        world.reply(sent, { answers: [a(sent.question.name, "192.0.2.1")] });
    };
    world.lookup("first.example");
    world.run(10);
    for (let index = 0; index < 500; index++)
      world.lookup(`dead${index}.example`, { deadline: world.now + 3000 });
    const gone = world.lookup("gone.example");
    world.feed({ type: "abort", lookup: gone });
    const start = world.now;
    const id = world.lookup("live.example");
    world.run(500);

    expect(world.result(id).at - start).toBeLessThan(150);
    world.run(60_000);
    expect(world.openChannels.size).toBe(0);
  });
});

describe("aliases", () => {
  test("whose target is not in the packet are asked for, the asked name is cached", () => {
    const world = new World();
    world.onQuery = (sent) => {
      if (sent.question.name === NAME) world.reply(sent, { answers: [cname(NAME, "edge.example", 30)] });
      else world.reply(sent, { answers: [a("edge.example", "192.0.2.7", 300)] });
    };
    const id = world.lookup(NAME);
    world.run(10);
    const again = world.lookup(NAME);

    expect(world.result(id)).toMatchObject({
      answer: { name: NAME, canonicalName: "edge.example", ttl: 30 },
    });
    expect(world.result(again)).toMatchObject({ answer: { cached: true, canonicalName: "edge.example" } });
    expect(world.sent.length).toBe(2);
  });

  test.each([
    ["itself", () => cname(NAME, NAME)],
    ["and back", (name: string) => cname(name, name === NAME ? "b.example" : NAME)],
    ["for ever", (name: string) => cname(name, `x${name}`)],
  ])("DNS-13 that lead to %s end as cname-loop within 5 queries", (_, make) => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [make(sent.question.name)] });

    const id = world.lookup(NAME);

    expect(world.run(100).addresses(id)).toEqual(["cname-loop"]);
    expect(world.sent.length).toBeLessThanOrEqual(5);
  });

  test("DNS-13 are followed eight times within a packet and not nine", () => {
    for (const [hops, expected] of [
      [8, "192.0.2.1"],
      [9, "cname-loop"],
    ] as const) {
      const world = new World();
      const chain = Array.from({ length: hops }, (_, index) =>
        cname(index === 0 ? NAME : `n${index}`, `n${index + 1}`),
      );
      world.onQuery = (sent) =>
        world.reply(sent, { answers: [...chain.reverse(), a(`n${hops}`, "192.0.2.1")] });

      const id = world.lookup(NAME);

      expect(world.run(10).addresses(id)).toEqual([expected]);
    }
  });

  test("to what is no host's name are refused for addresses, and fine for other types", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, {
        answers: [
          cname(NAME, "a\\032b.example"),
          { type: "TXT", name: "a\\032b.example", ttl: 1, strings: [new Uint8Array(1)] },
        ],
      });
    const host = world.lookup(NAME);
    const text = world.lookup(NAME, { types: ["TXT"] });
    world.run(10);

    expect(world.addresses(host)).toEqual(["bad-name"]);
    expect(world.result(text)).toMatchObject({ answer: { records: [{ type: "TXT" }] } });
  });

  test("by a DNAME that makes the name too long are refused", () => {
    const world = new World();
    const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.old.example`;
    const target = `${"d".repeat(63)}.example`;
    world.onQuery = (sent) =>
      world.reply(sent, { answers: [{ type: "DNAME", name: "old.example", ttl: 1, target }] });

    const id = world.lookup(long);

    expect(world.run(10).addresses(id)).toEqual(["bad-name"]);
  });

  test("by a DNAME to the root keep what is left of the name", () => {
    const world = new World();
    world.onQuery = (sent) =>
      world.reply(sent, {
        answers: [{ type: "DNAME", name: "example", ttl: 1, target: "." }, a("www", "192.0.2.3")],
      });

    const id = world.lookup(NAME);

    expect(world.run(10).addresses(id)).toEqual(["192.0.2.3"]);
  });

  test("are answers themselves where CNAME is asked for", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { answers: [cname(NAME, "edge.example")] });

    const id = world.lookup(NAME, { types: ["CNAME"] });

    expect(world.run(10).result(id)).toMatchObject({ answer: { records: [{ target: "edge.example" }] } });
  });

  test("are not looked for where CNAME is asked for and there is none", () => {
    const world = new World();
    world.onQuery = (sent) => world.reply(sent, { authorities: [soa("example")] });

    const id = world.lookup(NAME, { types: ["CNAME"] });

    expect(world.run(10).addresses(id)).toEqual(["no-data"]);
  });

  test("to a name without such records end as no-data, to none as not-found", () => {
    for (const [rcode, expected] of [
      [0, "no-data"],
      [3, "not-found"],
    ] as const) {
      const world = new World();
      world.onQuery = (sent) =>
        world.reply(sent, {
          rcode,
          answers: [cname(NAME, "edge.example", 7)],
          authorities: [soa("example")],
        });
      const id = world.lookup(NAME);
      world.run(10);

      expect(world.addresses(id)).toEqual([expected]);
      expect(world.machine.inspect()[0]?.known.lifetime).toBe(7000);
    }
  });
});
