import { describe, expect, test } from "vitest";
import { a, aaaa, answerBytes, soa } from "../../../test/dns/responder.ts";
import { seeded } from "../../../test/dns/world.ts";
import {
  DEFAULT_OPTIONS,
  DEFAULT_RESOLV_CONF,
  decodeMessage,
  type Message,
  parseHosts,
} from "../../dns/index.ts";
import type { ResolverPorts } from "../index.ts";
import { Resolver, type ResolverSettings } from "./index.ts";

type Question = NonNullable<Message["question"]>;
type Settings = Partial<Omit<ResolverSettings, "cache">> & {
  readonly cache?: Partial<ResolverSettings["cache"]>;
  readonly hasOnlyIpv6?: boolean;
};

describe("a resolver", () => {
  test("asks again for what `peek` gave in the last tenth of its time", async () => {
    for (const peek of [
      (resolver: Resolver) => resolver.peek("both.test", 4),
      (resolver: Resolver) => resolver.peekBoth("both.test"),
    ]) {
      const { resolver, world } = resolverWith({ cache: { prefetch: true } });
      await resolver.addresses("both.test");
      expect(world.asked).toEqual(["AAAA", "A"]);
      peek(resolver);
      world.now = 95_000;
      expect(peek(resolver)).toBeDefined();
      expect(peek(resolver)).toBeDefined();
      await Promise.resolve();

      expect(world.asked.length).toBeGreaterThan(2);
      expect(resolver.statistics.prefetches).toBe(world.asked.length - 2);
    }
  });

  test("gives IPv4 addresses over IPv6 where only that leaves the host, unless told otherwise", async () => {
    const { resolver } = resolverWith({ hasOnlyIpv6: true });

    expect(await resolver.addresses("four.test")).toEqual(["::ffff:192.0.2.4"]);
    expect(await resolver.addresses("four.test", { family: 6 })).toEqual(["::ffff:192.0.2.4"]);
    expect(await resolver.addresses("four.test", { family: 4 })).toEqual(["192.0.2.4"]);
    expect(await resolver.addresses("four.test", { mapped: false })).toEqual(["192.0.2.4"]);
    expect(await resolver.addresses("both.test")).toEqual(["2001:db8::1", "::ffff:192.0.2.1"]);
    expect(await resolver.addresses("both.test", { family: 6 })).toEqual(["2001:db8::1"]);
    expect(await resolver.addresses("both.test", { family: 6, mapped: "all" })).toEqual([
      "2001:db8::1",
      "::ffff:192.0.2.1",
    ]);
  });

  test("a lease's servers go before the system's, given ones before both; the last lease back, the system's return", () => {
    const { resolver } = resolverWith({});
    const first = resolver.useServers(["192.0.2.71"]);
    const second = resolver.useServers(["192.0.2.72", "[2001:db8::72]:5353"]);
    expect(resolver.servers).toEqual(["192.0.2.71", "192.0.2.72", "[2001:db8::72]:5353"]);
    first();
    expect(resolver.servers).toEqual(["192.0.2.72", "[2001:db8::72]:5353"]);
    second();
    expect(resolver.servers).toEqual(["192.0.2.53"]);

    const { resolver: fixed } = resolverWith({ servers: [{ address: "192.0.2.9", port: 53 }] });
    fixed.useServers(["192.0.2.71"]);
    expect(fixed.servers).toEqual(["192.0.2.9"]);
  });

  test("forgets a name however it is written", async () => {
    const { resolver } = resolverWith({});
    await resolver.addresses("four.test", { family: 4 });
    resolver.clear("FOUR.test.");
    resolver.clear("no..name");

    expect(resolver.peek("four.test", 4)).toBeUndefined();
  });

  test("an abort of a lookup that is over, and a second call to give up, do nothing", async () => {
    const { resolver } = resolverWith({});
    const controller = new AbortController();
    await resolver.resolve("four.test", { signal: controller.signal });
    controller.abort();
    const stop = resolver.ask(
      { name: "never.test", types: ["A"], deadline: 1000 },
      { answered: () => expect.unreachable(), failed: () => expect.unreachable() },
    );
    stop();
    stop();

    expect(resolver.statistics.aborted).toBe(1);
  });
});

/** A resolver whose server knows three names, in a world where time is a number. */
function resolverWith({ hasOnlyIpv6 = false, ...settings }: Settings): {
  readonly resolver: Resolver;
  readonly world: { now: number; readonly asked: string[] };
} {
  const world = { now: 0, asked: [] as string[] };
  const ports: ResolverPorts = {
    clock: { now: () => world.now, wall: () => 0, wake: () => () => {} },
    random: seeded(1),
    openChannel: (_, events) => ({
      send(bytes) {
        const { question } = decodeMessage(bytes) as Message;
        if (question === undefined || question.name === "never.test") return;
        world.asked.push(question.type);
        queueMicrotask(() => events.message(answerBytes(bytes, answerTo(question))));
      },
      close: () => {},
    }),
    connect: () => ({ write: () => {}, close: () => {} }),
    watchSystem(told) {
      told.configured({ ...DEFAULT_RESOLV_CONF, servers: [{ address: "192.0.2.53", port: 53 }] });
      told.hosts(parseHosts(""));
      return () => {};
    },
    order: (addresses) => Promise.resolve(addresses),
    toAscii: (name) => name,
    hasOnlyIpv6: () => hasOnlyIpv6,
    diagnostics: { hasSubscribers: () => false, publish: () => {} },
  };
  const cache = { ...DEFAULT_OPTIONS.cache, ...settings.cache };
  const resolver = new Resolver(ports, { ...DEFAULT_OPTIONS, servers: undefined, ...settings, cache });
  return { resolver, world };
}

function answerTo({ name, type }: Question): Partial<Message> {
  const six = type === "AAAA" && name === "both.test";
  if (six) return { answers: [aaaa(name, "2001:db8::1", 100)] };
  if (type === "A") return { answers: [a(name, name === "four.test" ? "192.0.2.4" : "192.0.2.1", 100)] };
  return { authorities: [soa("test", 100, 100)] };
}
