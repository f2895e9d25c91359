import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { type CreateResolverOptions, createResolver, type Resolver } from "../../src/dns.ts";
import { type Asked, a, answerBytes, cname, type Responder, responder, soa } from "./responder.ts";

// What name servers and forgers do to c-ares, done to the resolver on real sockets: where c-ares believes or gives up,
// the resolver must not.

const NAME = "www.example";
const LATER = 50;
const GOOD = { answers: [a(NAME, "192.0.2.1")] };
const EVIL = { answers: [a(NAME, "6.6.6.6")] };
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function serve(handle: (asked: Asked) => void, options = {}): Promise<Responder> {
  const server = await responder(handle, options);
  open.push(() => server.close());
  return server;
}

function resolverOf(...servers: readonly Responder[]): Resolver {
  const options: CreateResolverOptions = { servers: servers.map(({ server }) => server), hosts: "/dev/null" };
  const resolver = createResolver(options);
  open.push(() => resolver.close());
  return resolver;
}

async function addressOf(resolver: Resolver, name = NAME): Promise<string> {
  const { records } = await resolver.resolve(name, { types: ["A"] });
  return records.flatMap((record) => ("address" in record ? [record.address] : [])).join(" ");
}

describe("bad answers before the good one", () => {
  test.each<[string, (asked: Asked) => Uint8Array, keyof Resolver["statistics"]]>([
    [
      "DNS-01 another id",
      (asked) => answerBytes(asked.bytes, { ...EVIL, id: asked.message.id ^ 0x0101 }),
      "wrongId",
    ],
    ["DNS-01 another name", (asked) => spoiled(answerBytes(asked.bytes, EVIL), 13, 0x7a), "wrongQuestion"],
    ["DNS-05 letters of another case", (asked) => flipCase(answerBytes(asked.bytes, EVIL)), "wrongCase"],
  ])("%s: dropped, counted, and the answer comes over TCP", async (_, bad, counter) => {
    const server = await serve((asked) => {
      if (asked.transport === "udp") asked.send(bad(asked));
      else asked.reply(GOOD);
    });
    const resolver = resolverOf(server);

    expect(await addressOf(resolver)).toBe("192.0.2.1");
    expect(resolver.statistics[counter]).toBe(1);
    expect(resolver.statistics.distrusted).toBe(1);
    expect(server.asked.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
  });

  test.each<[string, (asked: Asked) => Uint8Array]>([
    ["DNS-01 QR is 0", (asked) => spoiled(answerBytes(asked.bytes, EVIL), 2, 0x01)],
    ["DNS-01 a body of garbage", (asked) => garbage(answerBytes(asked.bytes, EVIL))],
    ["DNS-11 a pointer to itself", (asked) => loop(answerBytes(asked.bytes, EVIL))],
    ["DNS-12 an RDLENGTH that overruns", (asked) => fromEnd(answerBytes(asked.bytes, EVIL), 5, 200)],
    [
      "DNS-12 an A record of three bytes",
      (asked) => fromEnd(answerBytes(asked.bytes, EVIL).slice(0, -1), 4, 3),
    ],
    ["DNS-12 an ANCOUNT that lies", (asked) => spoiled(answerBytes(asked.bytes, EVIL), 7, 9)],
    ["DNS-14 an empty datagram", () => new Uint8Array(0)],
    ["DNS-14 eleven bytes", (asked) => answerBytes(asked.bytes, EVIL).slice(0, 11)],
    ["DNS-14 65 507 bytes", (asked) => padded(spoiled(answerBytes(asked.bytes, EVIL), 6, 0xff), 65_507)],
  ])("%s: dropped, counted, and the wait goes on", async (_, bad) => {
    const server = await serve((asked) => {
      for (let count = 0; count < 3; count++) asked.send(bad(asked));
      setTimeout(() => asked.reply(GOOD), LATER);
    });
    const resolver = resolverOf(server);

    expect(await addressOf(resolver)).toBe("192.0.2.1");
    expect(resolver.statistics).toMatchObject({ dropped: 3, distrusted: 0, sentTcp: 0 });
  });

  test("DNS-01 from another port of the server: the kernel keeps it from us", async () => {
    const stranger = createSocket("udp4").bind(0, "127.0.0.1");
    await once(stranger, "listening");
    open.push(() => void stranger.close());
    const server = await serve((asked) => {
      stranger.send(answerBytes(asked.bytes, EVIL), asked.port, "127.0.0.1");
      setTimeout(() => asked.reply(GOOD), LATER);
    });
    const resolver = resolverOf(server);

    expect(await addressOf(resolver)).toBe("192.0.2.1");
    expect(resolver.statistics).toMatchObject({ received: 1, dropped: 0 });
  });

  test("DNS-06 a record of another name is not used, alone or beside others", async () => {
    const stray = a("other.example", "6.6.6.6");
    const server = await serve((asked) => {
      const isAlone = asked.question.name === "alone.example";
      asked.reply({ answers: isAlone ? [stray] : [stray, ...GOOD.answers], authorities: [soa("example")] });
    });
    const resolver = resolverOf(server);

    await expect(addressOf(resolver, "alone.example")).rejects.toMatchObject({ code: "no-data" });
    expect(await addressOf(resolver)).toBe("192.0.2.1");
    expect(resolver.peek("other.example", 4)).toBeUndefined();
  });
});

describe("aliases", () => {
  test("DNS-13 to itself is told as cname-loop", async () => {
    const server = await serve((asked) => asked.reply({ answers: [cname(NAME, NAME)] }));

    await expect(addressOf(resolverOf(server))).rejects.toMatchObject({ code: "cname-loop" });
  });

  test("without the target's record: the target is asked for, the cache knows the asked name", async () => {
    const server = await serve((asked) => {
      const { name } = asked.question;
      asked.reply({ answers: [name === NAME ? cname(NAME, "edge.example") : a(name, "192.0.2.7")] });
    });
    const resolver = resolverOf(server);

    expect(await addressOf(resolver)).toBe("192.0.2.7");
    expect(server.asked.map(({ question }) => question.name)).toEqual([NAME, "edge.example"]);
    expect(resolver.peek(NAME, 4)).toEqual(["192.0.2.7"]);
  });
});

describe("servers that do not answer the question", () => {
  test("DNS-20 TC: asked again over TCP, and what came with it is not used", async () => {
    const server = await serve((asked) =>
      asked.reply(asked.transport === "udp" ? { ...EVIL, isTruncated: true } : GOOD),
    );

    expect(await addressOf(resolverOf(server))).toBe("192.0.2.1");
  });

  test.each([
    ["SERVFAIL", 2, "server-failure"],
    ["REFUSED", 5, "refused"],
  ])("DNS-31 %s: one other server is asked, and the failure is kept for a second", async (_, rcode, code) => {
    const fails = (asked: Asked): void => asked.reply({ rcode });
    const [one, two, three] = [await serve(fails), await serve(fails), await serve(fails)];
    const resolver = resolverOf(one, two, three);

    for (let count = 0; count < 100; count++)
      await expect(addressOf(resolver)).rejects.toMatchObject({ code });

    expect(one.asked.length + two.asked.length + three.asked.length).toBe(2);
  });
});

describe("many lookups at once", () => {
  test("DNS-04 a hundred of one name make one query for each family", async () => {
    const server = await serve((asked) =>
      setTimeout(
        () => asked.reply(asked.question.type === "A" ? GOOD : { authorities: [soa("example")] }),
        LATER,
      ),
    );
    const resolver = resolverOf(server);

    const all = await Promise.all(Array.from({ length: 100 }, () => resolver.addresses(NAME)));

    expect(all).toEqual(new Array(100).fill(["192.0.2.1"]));
    expect(server.asked.map(({ question }) => question.type)).toEqual(["AAAA", "A"]);
  });

  test("DNS-03 a hundred names leave from a hundred ports, with EDNS", async () => {
    const server = await serve((asked) => asked.reply({ answers: [a(asked.question.name, "192.0.2.1")] }));
    const resolver = resolverOf(server);

    await Promise.all(Array.from({ length: 100 }, (_, index) => addressOf(resolver, `n${index}.example`)));

    expect(new Set(server.asked.map(({ port }) => port)).size).toBeGreaterThanOrEqual(99);
    expect(server.asked.every(({ message }) => message.edns?.size === 1232)).toBe(true);
  });
});

function spoiled(bytes: Uint8Array, at: number, value: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? value : byte));
}

function fromEnd(bytes: Uint8Array, at: number, value: number): Uint8Array {
  return spoiled(bytes, bytes.length - at, value);
}

function questionEnd(bytes: Uint8Array): number {
  return bytes.indexOf(0, 12) + 5;
}

function garbage(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index < questionEnd(bytes) ? byte : 0xff));
}

function loop(bytes: Uint8Array): Uint8Array {
  return spoiled(bytes, questionEnd(bytes) + 1, questionEnd(bytes));
}

function padded(bytes: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}

function flipCase(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index > 12 && index < 16 ? byte ^ 0x20 : byte));
}
