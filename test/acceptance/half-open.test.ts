import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createContext, type StateEvent, type Stream } from "../../src/index.ts";
import { secure, startBroker, startH2, startHttps, startTcp, startWs, TRUST } from "../loopback-peers.ts";
import { watch } from "./watch.ts";

const PING = 1;
const HANGUP = 2;

interface Kind {
  readonly keys: object;
  /** A peer that goes on living and, for a transaction, never ends its answer. Its port. */
  start(): Promise<{ readonly port: number }>;
  /** Whether the protocol has a probe of its own. */
  readonly hasProbe: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  h1: {
    keys: { protocol: "h1" },
    start: () => startHttps((_, response) => void response.write("and so on")),
    hasProbe: false,
  },
  h2: {
    keys: { protocol: "h2" },
    start: () =>
      startH2((stream) => {
        stream.respond({ ":status": 200 });
        stream.write("and so on");
      }),
    hasProbe: true,
  },
  ws: { keys: { protocol: "ws" }, start: () => startWs((socket) => socket.send("hello")), hasProbe: true },
  mqtt: {
    keys: { protocol: "mqtt", mqtt_topic: "t", mqtt_qos: 1 },
    start: () => startBroker(),
    hasProbe: true,
  },
  raw: {
    keys: { protocol: "raw", tls: false },
    start: () => startTcp((socket) => void socket.write("hello")),
    hasProbe: false,
  },
};

test("over each protocol a peer behind a link that goes dead is found within svalidhup", async () => {
  const found = await Promise.all(
    Object.entries(KINDS).map(async ([kind, { keys, start }]) => {
      const relay = await startRelay((await start()).port);
      const { stream, events } = await connected(relay.port, keys);
      const dead = performance.now();
      relay.freeze();
      await stream.reached("disconnected");
      return { kind, code: events.at(-1)?.reason?.code, seconds: (performance.now() - dead) / 1000 };
    }),
  );

  for (const { kind, code, seconds } of found) {
    expect(code, kind).toBe("validity-timeout");
    expect(seconds, kind).toBeGreaterThan(HANGUP - 1.5);
    expect(seconds, kind).toBeLessThan(HANGUP + 1);
  }
});

test("a peer that has nothing to say and answers the protocol's probes is kept", async () => {
  const kept = await Promise.all(
    Object.entries(KINDS)
      .filter(([, { hasProbe }]) => hasProbe)
      .map(async ([kind, { keys, start }]) => {
        const relay = await startRelay((await start()).port);
        const { events } = await connected(relay.port, keys);
        await relay.until(() => relay.probes >= 3);
        return { kind, reason: events.at(-1)?.reason };
      }),
  );

  expect(kept).toEqual(["h2", "ws", "mqtt"].map((kind) => ({ kind, reason: undefined })));
});

async function connected(
  port: number,
  keys: object,
): Promise<{ readonly stream: Stream; readonly events: readonly StateEvent[] }> {
  const context = await createContext({
    policy: {
      ...TRUST,
      retry: { anxious: { backoff: [60_000], svalidping: PING, svalidhup: HANGUP } },
      streams: { one: { ...secure(port), retry: "anxious", nailed_up: true, ...keys } },
    } as object,
  });
  onTestFinished(() => context.close());
  const stream = context.open("one" as never) as unknown as Stream;
  const events = watch(stream);
  await stream.reached("connected");
  return { stream, events };
}

/** Stands between client and peer. Frozen, it passes nothing on and says nothing, as a link that is cut. */
async function startRelay(port: number) {
  const sockets = new Set<Socket>();
  let heard: () => void = () => {};
  const relay = {
    port: 0,
    fromClient: 0,
    /** Silences that the client has broken. */
    probes: 0,
    freeze: () => {
      for (const socket of sockets) socket.pause().removeAllListeners("data");
    },
    until: async (isTrue: () => boolean) => {
      while (!isTrue()) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
  };
  const server = createServer({ noDelay: true }, (client) => {
    const peer = connect({ port, host: "127.0.0.1", noDelay: true });
    let last = performance.now();
    client.on("data", (chunk) => {
      relay.fromClient += chunk.length;
      if (performance.now() - last > (PING * 1000) / 2) relay.probes += 1;
      last = performance.now();
      peer.write(chunk);
      heard();
    });
    peer.on("data", (chunk) => client.write(chunk));
    for (const [socket, other] of [
      [client, peer],
      [peer, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  relay.port = (server.address() as AddressInfo).port;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return relay;
}
