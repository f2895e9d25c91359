import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../lib/bytes.ts";
import type { Protocol } from "../policy/index.ts";
import { SeededRandom, SimClock, SimTransport } from "../testing/index.ts";
import { createContextOver, type Ports, type Transport } from "./index.ts";

const POLICY = {
  retry: { calm: { backoff: [1000], conceal: 1, jitterpc: 0 } },
  streams: {
    ws: { endpoint: "peer", port: 80, protocol: "ws", retry: "calm" },
    get: { endpoint: "peer", port: 80, protocol: "h1", retry: "calm", http_method: "GET" },
  },
} as const;

describe("a transport that is loaded on first use", () => {
  test("carries what was asked for meanwhile", async () => {
    const world = await setUp((transport) => Promise.resolve(transport));
    const sent = world.context.open("ws").send("hello");

    expect(await world.clock.until(sent)).toEqual({ by: "kernel" });
  });

  test("is not used by a stream that was closed meanwhile", async () => {
    const world = await setUp((transport) => Promise.resolve(transport));
    const stream = world.context.open("ws");
    stream.connect();
    stream.close();
    await world.clock.run(100);

    expect(world.server.attempts).toEqual([]);
  });

  test("that cannot be loaded fails the attempt with its reason", async () => {
    const world = await setUp(() => Promise.reject(new Error("no such protocol")));
    const stream = world.context.open("ws");
    stream.connect();

    const { reason } = await world.clock.until(stream.reached("unreachable"));
    expect(reason).toMatchObject({ code: "unsupported", message: "no such protocol" });
  });

  test("rejects a request where it cannot be loaded, and does not try again", async () => {
    const world = await setUp(() => Promise.reject(new Error("no such protocol")));
    const asked = world.context.open("get").request();
    asked.catch(() => {});
    await world.clock.run(0);

    await expect(asked).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("a peer or transport that breaks the contract", () => {
  test("with a response that ends before its head does not succeed", async () => {
    const world = await setUp(() => ({
      open: (_, events) => {
        queueMicrotask(() => events.closed({ type: "complete" }));
        return { send: () => true, resume: () => {}, close: () => {} };
      },
      forget: () => {},
      inspect: () => [],
      close: async () => {},
    }));
    const asked = world.context.open("get").request();
    asked.catch(() => {});
    await world.clock.run(0);

    await expect(asked).rejects.toMatchObject({ code: "http-incomplete" });
  });

  test("with events after the end changes nothing", async () => {
    const world = await setUp(() => ({
      open: (_, events) => {
        queueMicrotask(() => {
          const reason = { layer: "tcp", code: "connection-reset", message: "Reset" } as const;
          events.closed({ type: "failed", reason, repeatable: true });
          events.established({ peer: "x" });
          expect(events.data(new Uint8Array(1), { start: true, end: true })).toBe(false);
          events.drained();
          events.closed({ type: "failed", reason, repeatable: true });
        });
        return { send: () => true, resume: () => {}, close: () => {} };
      },
      forget: () => {},
      inspect: () => [],
      close: async () => {},
    }));
    const stream = world.context.open("ws");
    stream.connect();
    await world.clock.run(0);

    expect([stream.state, stream.inspect().failures, stream.inspect().unread.messages]).toEqual([
      "unreachable",
      1,
      0,
    ]);
  });
});

test("diagnostics tell of states, of messages both ways, and of a new policy", async () => {
  const world = await setUp((transport) => transport);
  world.transport.peer("peer:80", { message: (_, connection) => void connection.send("answer") });
  await world.clock.until(world.context.open("ws").send("hello"));
  await world.clock.run(10);
  world.context.overlay({ release: "2" });

  expect(world.told.filter((line) => !line.startsWith("state"))).toEqual([
    "message acknowledged 5",
    "message received 6",
    "policy",
  ]);
  expect(world.told.filter((line) => line.startsWith("state"))).toHaveLength(4);
});

async function setUp(load: (transport: SimTransport, protocol: Protocol) => Transport | Promise<Transport>) {
  const clock = new SimClock();
  const transport = new SimTransport(clock);
  const told: string[] = [];
  const ports: Ports = {
    clock,
    random: new SeededRandom(1),
    transport: (protocol) => load(transport, protocol),
    readPolicy: () => Promise.reject(new Error("none")),
    connections: () => transport.inspect(),
    abandon: (isGone) => transport.abandon(isGone),
    close: () => transport.close(),
    diagnostics: {
      hasSubscribers: () => true,
      publish: (channel, message) => {
        const { outcome = "", bytes = "" } = message as { outcome?: string; bytes?: number };
        told.push(`${channel.slice("secure-streams:".length)} ${outcome} ${bytes}`.trim());
      },
    },
    text: { encode: encodeUtf8, decode: decodeUtf8 },
    raise: (error) => {
      throw error;
    },
  };
  const context = await createContextOver(ports, { policy: POLICY });
  return { clock, transport, server: transport.peer("peer:80"), context, told };
}
