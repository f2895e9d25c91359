import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createContext, type Stream } from "../../src/index.ts";
import { startBroker, startH2, startHttp, startTcp, startWs, TRUST } from "../loopback-peers.ts";

/** Names that only a proxy knows: whoever asks a resolver for them fails. */
const NAME = "inside.invalid";

test("every protocol goes through the proxy of the policy, and a streamtype may name its own", async () => {
  const h1 = await startHttp((_, response) => void response.end("hello"));
  const h2 = await startH2((stream) => {
    stream.respond({ ":status": 200 });
    stream.end("hello");
  });
  const ws = await startWs((socket) => socket.on("message", (text) => socket.send(text)), false);
  const { port: mqtt } = await startBroker(false);
  const raw = await startTcp((socket) => void socket.pipe(socket));
  const common = await startProxy();
  const own = await startProxy({ user: "me", password: "p:w" });
  const place = { endpoint: NAME };
  const context = await createContext({
    policy: {
      ...TRUST,
      "via-socks5": `127.0.0.1:${common.port}`,
      streams: {
        h1: { ...place, port: h1.port, protocol: "h1" },
        h2: {
          ...place,
          port: h2.port,
          protocol: "h2",
          endpoint: "localhost",
          tls: true,
          tls_trust_store: "loopback",
        },
        ws: { ...place, port: ws.port, protocol: "ws", "via-socks5": `me:p:w@127.0.0.1:${own.port}` },
        mqtt: { ...place, port: mqtt, protocol: "mqtt", mqtt_topic: "t", mqtt_subscribe: "t", mqtt_qos: 1 },
        raw: { ...place, port: raw.port, protocol: "raw" },
      },
    } as object,
  });
  onTestFinished(() => context.close());
  const open = (name: string): Stream => context.open(name as never) as unknown as Stream;

  const replies = ["h1", "h2"].map(async (name) => (await open(name).request()).text());
  const echoes = ["ws", "mqtt", "raw"].map(async (name) => {
    const stream = open(name);
    await stream.send("hello");
    for await (const message of stream) return message.text();
    return undefined;
  });

  expect(await Promise.all([...replies, ...echoes])).toEqual(Array(5).fill("hello"));
  expect(common.asked.sort()).toEqual(
    [`${NAME}:${h1.port}`, `localhost:${h2.port}`, `${NAME}:${mqtt}`, `${NAME}:${raw.port}`].sort(),
  );
  expect(own.asked).toEqual([`${NAME}:${ws.port}`]);
});

test.each([
  ["refuses the password", { user: "other", password: "x" }, "proxy-auth-failed", "auth-failed"],
  ["is gone", undefined, "proxy-unreachable", "unreachable"],
] as const)("a proxy that %s is told as %j: %s", async (_, credentials, code, state) => {
  const proxy = await startProxy(credentials);
  if (credentials === undefined) proxy.stop();
  const context = await createContext({
    policy: {
      retry: { once: { backoff: [10], conceal: 0 } },
      streams: {
        one: {
          ...{ endpoint: NAME, port: 7, protocol: "raw", nailed_up: true, retry: "once" },
          "via-socks5": `me:wrong@127.0.0.1:${proxy.port}`,
        },
      },
    } as object,
  });
  onTestFinished(() => context.close());

  const stream = context.open("one" as never) as unknown as Stream;

  expect((await stream.reached(state)).reason).toMatchObject({ layer: "proxy", code });
  expect(proxy.asked).toEqual([]);
});

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** A SOCKS5 proxy (RFC 1928, 1929) that takes every name for this machine. */
async function startProxy(credentials?: Credentials) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    const next = (): Promise<Buffer> => new Promise((resolve) => client.once("data", resolve));
    void (async () => {
      await next();
      client.write(Uint8Array.of(5, credentials === undefined ? 0 : 2));
      if (credentials !== undefined) {
        const bytes = await next();
        const userLength = bytes[1] ?? 0;
        const said = [bytes.subarray(2, 2 + userLength), bytes.subarray(3 + userLength)].map(String);
        const isRight = said[0] === credentials.user && said[1] === credentials.password;
        client.write(Uint8Array.of(1, isRight ? 0 : 1));
        if (!isRight) return;
      }
      const request = await next();
      const end = 5 + (request[4] ?? 0);
      const port = request.readUInt16BE(end);
      asked.push(`${request.subarray(5, end)}:${port}`);
      const peer = connect(port, "127.0.0.1", () => {
        client.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
        client.pipe(peer).pipe(client);
      });
      sockets.add(peer);
      peer.on("error", () => client.destroy());
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  onTestFinished(stop);
  return { port: (server.address() as AddressInfo).port, asked, stop };
}
