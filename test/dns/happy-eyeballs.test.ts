import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createResolver } from "../../src/dns.ts";
import { createContext } from "../../src/index.ts";
import { type Asked, a, aaaa, responder, soa } from "./responder.ts";

// The dialer of every transport over the project's own resolver: which family comes when is the machine's (DNS-54 in
// src/dial), what is shown here is that each family's addresses reach it as they come.

const NAME = "host.test";
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listen(host: string, port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    open.push(() => void socket.destroy());
  });
  server.listen(port, host);
  await once(server, "listening");
  open.push(() => void server.close());
  return server;
}

/** The peer that a raw stream to `host.test` reaches, and how long it took. */
async function reach(
  port: number,
  answer: (asked: Asked) => void,
): Promise<{ peer: string; ms: number; asked: string[] }> {
  const names = await responder(answer);
  open.push(() => names.close());
  const resolver = createResolver({ servers: [names.server] });
  open.push(() => resolver.close());
  const policy = { streams: { raw: { endpoint: NAME, port, protocol: "raw", nailed_up: true } } };
  const context = await createContext({ policy, resolver });
  open.push(() => context.close());
  const start = performance.now();
  const stream = context.open("raw");
  const peers: string[] = [];
  await new Promise<void>((resolve) => {
    stream.on("state", ({ state }) => {
      if (state !== "connected") return;
      peers.push(...context.inspect().connections.map(({ peer }) => peer));
      resolve();
    });
  });
  const ms = performance.now() - start;
  stream.close();
  return { peer: peers[0] ?? "", ms, asked: names.asked.map(({ question }) => question.type) };
}

describe("a stream to a name", () => {
  test("DNS-54 goes to IPv6 where both families are answered, AAAA asked for first", async () => {
    const port = ((await listen("127.0.0.1", 0)).address() as AddressInfo).port;
    await listen("::1", port);

    const { peer, asked } = await reach(port, (one) =>
      one.reply({ answers: [one.question.type === "A" ? a(NAME, "127.0.0.1") : aaaa(NAME, "::1")] }),
    );

    expect(asked).toEqual(["AAAA", "A"]);
    expect(peer).toBe(`[::1]:${port}`);
  });

  test("DNS-54 goes to IPv4 after 50 ms where AAAA is never answered", async () => {
    const port = ((await listen("127.0.0.1", 0)).address() as AddressInfo).port;

    const { peer, ms } = await reach(port, (one) => {
      if (one.question.type === "A") one.reply({ answers: [a(NAME, "127.0.0.1")] });
    });

    expect(peer).toBe(`127.0.0.1:${port}`);
    expect(ms).toBeGreaterThanOrEqual(49);
    expect(ms).toBeLessThan(1000);
  });

  test("DNS-54 goes to IPv6 at once where A is never answered", async () => {
    const port = ((await listen("::1", 0)).address() as AddressInfo).port;

    const { peer, ms } = await reach(port, (one) => {
      if (one.question.type === "AAAA") one.reply({ answers: [aaaa(NAME, "::1")] });
    });

    expect(peer).toBe(`[::1]:${port}`);
    expect(ms).toBeLessThan(1000);
  });

  test("DNS-54 takes addresses that come when the first have failed", async () => {
    const port = ((await listen("127.0.0.1", 0)).address() as AddressInfo).port;

    const { peer } = await reach(port, (one) => {
      if (one.question.type === "AAAA") one.reply({ answers: [aaaa(NAME, "::1")] });
      else setTimeout(() => one.reply({ answers: [a(NAME, "127.0.0.1")] }), 150);
    });

    expect(peer).toBe(`127.0.0.1:${port}`);
  });

  test("DNS-54 goes to IPv4 at once where the name has no IPv6 address", async () => {
    const port = ((await listen("127.0.0.1", 0)).address() as AddressInfo).port;

    const { peer } = await reach(port, (one) =>
      one.reply(
        one.question.type === "A" ? { answers: [a(NAME, "127.0.0.1")] } : { authorities: [soa("test")] },
      ),
    );

    expect(peer).toBe(`127.0.0.1:${port}`);
  });
});
