import { createSecureServer, type SecureServerOptions } from "node:http2";
import type { ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { type Context, createContext } from "../../src/index.ts";
import { createAuthority, type Issued } from "../../src/testing/index.ts";
import { names, rejection, watch } from "./watch.ts";

const before = createAuthority();
const after = createAuthority();
const NAMES = { names: ["127.0.0.1"] };

test.each(["h1", "h2"] as const)(
  "%s: neither a kept connection nor a session outlives the trust it was made under",
  async (protocol) => {
    const server = await start(before.issue(NAMES));
    const context = await contextOf(server.port, { protocol });
    const ask = async () => (await context.request("one")).text();
    await ask();
    await ask();
    const shared = server.accepted();

    context.overlay({ certs: { root: der(after) } });
    const refused = await rejection(ask());
    server.rotate(after.issue(NAMES));
    const renewed = await ask();
    context.overlay({ certs: { root: der(before) } });
    const again = await rejection(ask());

    expect(shared).toBe(1);
    expect(refused).toMatchObject({ layer: "tls", cause: { code: "tls-untrusted" } });
    expect(renewed).toBe("hello");
    expect(again).toMatchObject({ layer: "tls", cause: { code: "tls-untrusted" } });
  },
);

test("ws: an open connection is made anew under the new trust, and one whose policy stays is left alone", async () => {
  const server = await start(before.issue(NAMES));
  const context = await contextOf(server.port, { protocol: "ws", nailed_up: true });
  const stream = context.open("one");
  const kept = context.open("plain");
  await Promise.all([stream.reached("connected"), kept.reached("connected")]);
  const events = watch(stream);
  const others = watch(kept);

  context.overlay({ certs: { root: der(after) } });
  await stream.reached("unreachable");
  server.rotate(after.issue(NAMES));
  await stream.reached("connected");

  expect(names(events).slice(0, 3)).toEqual(["disconnected", "connecting", "unreachable"]);
  expect([events[0]?.reason?.code, events[2]?.reason?.code]).toEqual(["policy-changed", "tls-untrusted"]);
  expect(events.at(-1)?.state).toBe("connected");
  expect(others).toEqual([]);
});

async function contextOf(port: number, keys: object): Promise<Context> {
  const neighbour = await start(before.issue(NAMES));
  const context = await createContext({
    policy: {
      certs: { root: der(before), steady: der(before) },
      trust_stores: { own: ["root"], steady: ["steady"] },
      retry: { quick: { backoff: [20], conceal: "nailed_up" in keys ? 65_535 : 0, jitterpc: 0 } },
      streams: {
        one: { endpoint: "127.0.0.1", port, tls: true, tls_trust_store: "own", retry: "quick", ...keys },
        plain: {
          ...{ endpoint: "127.0.0.1", port: neighbour.port, tls: true, tls_trust_store: "steady" },
          ...{ protocol: "ws", nailed_up: true, retry: "quick" },
        },
      },
    } as object,
  });
  onTestFinished(() => context.close());
  return context as unknown as Context;
}

/** h1, h2 and ws on one port. */
async function start(issued: Issued) {
  const options = (each: Issued): ServerOptions & SecureServerOptions => ({
    ...{ cert: each.chainPem, key: each.keyPem, allowHTTP1: true },
  });
  const server = createSecureServer(options(issued), (_, response) => void response.end("hello"));
  new WebSocketServer({ server: server as never });
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    accepted: () => accepted,
    rotate: (next: Issued) => server.setSecureContext(options(next)),
  };
}

function der({ certificateDer }: { readonly certificateDer: Uint8Array }): string {
  return Buffer.from(certificateDer).toString("base64");
}
