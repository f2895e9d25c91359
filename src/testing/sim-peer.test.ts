import { describe, expect, test } from "vitest";
import { createSimulation, type PeerOptions } from "./index.ts";

const POLICY = {
  retry: { calm: { backoff: [1000], conceal: 65_535, jitterpc: 0 }, once: { backoff: [1000], conceal: 0 } },
  streams: {
    ws: { endpoint: "peer", port: 80, protocol: "ws", nailed_up: true, retry: "calm" },
    unix: { endpoint: "+/run/x.sock", protocol: "ws", nailed_up: true, retry: "calm" },
    nowhere: { endpoint: "nowhere", port: 80, protocol: "ws", retry: "once" },
    get: { endpoint: "peer", port: 80, protocol: "h1", http_method: "GET", retry: "once" },
    mqtt: { endpoint: "peer", port: 80, protocol: "mqtt", mqtt_topic: "t/1", mqtt_qos: 1, retry: "calm" },
  },
} as const;

describe("a simulated peer", () => {
  test("is not found where there is none", async () => {
    await using world = await createSimulation({ policy: POLICY });
    const stream = world.context.open("nowhere");
    stream.connect();

    expect((await world.until(stream.reached("unreachable"))).reason).toMatchObject({
      layer: "dns",
      code: "not-found",
    });
  });

  test("may live on a Unix socket", async () => {
    await using world = await setUp();
    world.peer("/run/x.sock");

    await world.until(world.context.open("unix").reached("connected"));
    expect(world.context.inspect().connections).toEqual([
      { protocol: "ws", peer: "/run/x.sock", state: "open", streams: 1 },
    ]);
  });

  test("answers after its latency, there and back", async () => {
    await using world = await setUp({ latency: () => 40 });
    await world.until(world.context.open("ws").reached("connected"));

    expect(world.clock.now()).toBe(80);
  });

  test("fails those who come for the reason given", async () => {
    await using world = await setUp();
    world.server.refuse({ layer: "mqtt", code: "mqtt-auth-failed", message: "Bad password" });
    const stream = world.context.open("ws");

    expect((await world.until(stream.reached("auth-failed"))).reason?.message).toBe("Bad password");
  });

  test("that is silent makes a transport give up after 20 s", async () => {
    await using world = await setUp();
    world.server.silence();
    const stream = world.context.open("ws");
    const { reason } = await world.until(stream.reached("unreachable"));

    expect([reason?.code, world.clock.now()]).toEqual(["connection-timeout", 20_002]);
  });

  test("that falls silent while it thinks resets a transaction later", async () => {
    await using world = await setUp({ http: () => ({ after: 100 }) });
    const asked = world.context.open("get").request();
    asked.catch(() => {});
    await world.run(50);
    world.server.silence();

    await expect(world.until(asked)).rejects.toMatchObject({ code: "all-retries-failed" });
    expect(world.clock.now()).toBe(20_102);
  });

  test("follows its schedule", async () => {
    await using world = await setUp();
    world.server.outages([
      { at: 1000, span: 500 },
      { at: 5000, span: 500, how: "silence" },
      { at: 9000, span: 500, how: "slam" },
    ]);
    const modes: string[] = [];
    for (const moment of [0, 1200, 2000, 5200, 6000, 9200, 10_000]) {
      await world.clock.runTo(moment);
      modes.push(world.server.mode.name);
    }

    expect(modes).toEqual(["up", "failing", "up", "silent", "up", "slamming", "up"]);
  });

  test("sees topics, repetitions and the time of a message", async () => {
    const seen: string[] = [];
    await using world = await setUp({
      message: ({ topic, repeated, at }) => {
        seen.push(`${topic} ${repeated} ${at}`);
        return repeated ? "acknowledge" : "ignore";
      },
    });
    const sent = world.context.open("mqtt").send("x");
    await world.run(100);
    world.server.cut();
    await world.until(sent);

    expect(seen).toEqual(["t/1 false 3", "t/1 true 1103"]);
  });

  test("knows its connections and can end one", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    await world.run(10);
    for (const connection of world.server.connections) connection.close();

    expect(stream.state).toBe("disconnected");
    expect(world.server.connections.size).toBe(0);
  });
});

describe("the trace", () => {
  test("keeps the last entries and hashes all of them", async () => {
    const run = async (traceLimit: number) => {
      await using world = await createSimulation({ policy: POLICY, traceLimit });
      world.peer("peer:80").refuse();
      world.context.open("ws");
      await world.run(10_000);
      return world.trace;
    };
    const [whole, short, none] = [await run(1000), await run(3), await run(0)];

    expect(short.hash()).toBe(whole.hash());
    expect(none.hash()).toBe(whole.hash());
    expect([whole.length, short.length, short.entries.length, none.entries.length]).toEqual([
      whole.entries.length,
      whole.length,
      3,
      0,
    ]);
    expect(whole.text().split("\n").slice(0, 3)).toEqual([
      "0 ws#1 creating (attempt 1)",
      "0 ws#1 connecting (attempt 1)",
      "2 ws#1 unreachable (attempt 1) tcp/connection-refused next in 1000 ms",
    ]);
  });
});

async function setUp(options: PeerOptions = {}) {
  const simulation = await createSimulation({ policy: POLICY });
  return Object.assign(simulation, { server: simulation.peer("peer:80", options) });
}
