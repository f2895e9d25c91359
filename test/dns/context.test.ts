import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createResolver, type HostResolver } from "../../src/dns.ts";
import { createContext, type StateEvent } from "../../src/index.ts";
import { createSimulation } from "../../src/testing/index.ts";
import { type Responder, responder, zone } from "./responder.ts";

const server = createServer((_, response) => response.end("hello"));
let names: Responder;

beforeAll(async () => {
  names = await responder(zone({ "host.test": ["127.0.0.1"] }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await names.close();
});

function policyFor(endpoint: string): object {
  const { port } = server.address() as AddressInfo;
  return {
    retry: { once: { backoff: [100], conceal: 0 } },
    streams: {
      get: { endpoint, port, protocol: "h1", http_method: "GET", http_url: "/", retry: "once" },
    },
  };
}

describe("a context", () => {
  test("resolves through a resolver of its own, which the program reaches, and closes it", async () => {
    const context = await createContext({ policy: policyFor("host.test") });
    const { resolver } = context;
    expect(resolver.servers).toEqual([]);
    expect(resolver.statistics).toBeUndefined();
    expect(resolver.inspect()).toEqual([]);
    const heard: string[] = [];
    const stop = resolver.trace(({ step }) => heard.push(step));
    const takeBack = resolver.useServers([names.server]);

    const reply = await context.request("get");

    expect(await reply.text()).toBe("hello");
    expect(context.resolver).toBe(resolver);
    expect(resolver.servers).toEqual([names.server]);
    expect(resolver.statistics).toMatchObject({ lookups: 1, sentUdp: 2 });
    expect(heard).toContain("answered");
    expect(resolver.peek("host.test", 4)).toEqual(["127.0.0.1"]);
    expect(resolver.peekBoth("host.test")).toEqual({ six: [], four: ["127.0.0.1"] });
    expect(resolver.inspect().length).toBe(2);
    expect(await resolver.addresses("host.test")).toEqual(["127.0.0.1"]);
    expect(await resolver.resolve("host.test", { types: ["A"] })).toMatchObject({ cached: true });
    expect(await resolver.reverse("127.0.0.1")).toContain("localhost");
    resolver.clear();
    expect(resolver.peek("host.test", 4)).toBeUndefined();
    takeBack();
    expect(resolver.servers).not.toContain(names.server);
    stop();
    await context.close();
    await expect(resolver.resolve("host.test")).rejects.toMatchObject({ code: "aborted" });
  });

  test("that asked nobody closes at once, and what is asked later is aborted", async () => {
    const context = await createContext({ policy: policyFor("host.test") });
    const { resolver } = context;
    expect(resolver.peek("host.test", 4)).toBeUndefined();
    expect(resolver.peekBoth("host.test")).toBeUndefined();
    resolver.clear();
    const takeBack = resolver.useServers([names.server]);
    takeBack();
    await context.close();

    await expect(resolver.addresses("host.test")).rejects.toMatchObject({ code: "aborted" });
    expect(resolver.servers).not.toContain(names.server);
  });

  test("uses the resolver that the program gives it, and leaves it open", async () => {
    const resolver = createResolver({ servers: [names.server] });
    const context = await createContext({ policy: policyFor("host.test"), resolver });
    expect(context.resolver).toBe(resolver);

    expect(await (await context.request("get")).text()).toBe("hello");
    await context.close();

    expect(await resolver.addresses("host.test")).toEqual(["127.0.0.1"]);
    resolver.close();
  });

  test("uses any HostResolver, and then has none of ours to show", async () => {
    const resolver: HostResolver = {
      resolve: (_, events) => {
        queueMicrotask(() => {
          events.addresses(4, ["127.0.0.1"]);
          events.done(4, undefined);
          events.done(6, undefined);
        });
        return { cancel: () => {} };
      },
    };
    await using context = await createContext({ policy: policyFor("of.its.own"), resolver });

    expect(await (await context.request("get")).text()).toBe("hello");
    expect(() => context.resolver).toThrow("Cannot give the resolver");
    await using simulation = await createSimulation({ policy: policyFor("x") });
    expect(() => simulation.context.resolver).toThrow("Cannot give the resolver");
  });

  test("tells why a name led nowhere", async () => {
    await using context = await createContext({ policy: policyFor("missing.test") });
    context.resolver.useServers([names.server]);
    const stream = context.open("get");
    const [event] = await new Promise<[StateEvent]>((resolve) => {
      stream.on("state", (state) => {
        if (state.state === "unreachable") resolve([state]);
      });
      void stream.request().catch(() => {});
    });

    expect(event.reason).toMatchObject({ layer: "dns", code: "not-found" });
  });

  test("asked twice before its code is there, it loads once; a question that is called off is not asked", async () => {
    await using context = await createContext({ policy: policyFor("host.test") });
    const { resolver } = context;
    resolver.useServers([names.server]);
    const count = names.asked.length;
    const cancel = resolver.ask(
      { name: "never.test", types: ["A"], deadline: performance.now() + 1000 },
      { answered: () => expect.unreachable(), failed: () => expect.unreachable() },
    );
    cancel();
    const both = [resolver.addresses("host.test"), resolver.addresses("host.test")];

    expect(await Promise.all(both)).toEqual([["127.0.0.1"], ["127.0.0.1"]]);
    expect(names.asked.slice(count).map(({ question }) => question.name)).toEqual(["host.test", "host.test"]);
  });
});
