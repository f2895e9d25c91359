import { describe, expect, test } from "vitest";
import { createSimulation, type PeerOptions, type SimPeer } from "../testing/index.ts";

const RETRY = { backoff: [1000, 2000], conceal: 3, jitterpc: 0, stable_ms: 5000 };
const POLICY = {
  retry: {
    calm: RETRY,
    forever: { ...RETRY, conceal: 65_535 },
    watched: { ...RETRY, svalidping: 30, svalidhup: 35 },
  },
  streams: {
    ws: { endpoint: "peer", port: 80, protocol: "ws", retry: "calm" },
    nailed: { endpoint: "peer", port: 80, protocol: "ws", retry: "forever", nailed_up: true },
    opportunistic: { endpoint: "peer", port: 80, protocol: "ws", retry: "calm", opportunistic: true },
    mqtt: { endpoint: "peer", port: 80, protocol: "mqtt", mqtt_topic: "t", mqtt_qos: 1, retry: "calm" },
    qos0: {
      endpoint: "peer",
      port: 80,
      protocol: "mqtt",
      mqtt_topic: "t",
      nailed_up: true,
      retry: "forever",
    },
    small: { endpoint: "peer", port: 80, protocol: "ws", client_buflen: 8, retry: "calm" },
    watched: { endpoint: "peer", port: 80, protocol: "ws", retry: "watched", nailed_up: true },
    http: { endpoint: "peer", port: 80, protocol: "h1" },
    listen: { endpoint: "peer", port: 80, protocol: "mqtt", mqtt_subscribe: "t/#" },
    raw: { endpoint: "peer", port: 80, protocol: "raw", retry: "calm" },
  },
} as const;

describe("send()", () => {
  test("connects, sends, and settles when the bytes are with the kernel", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");

    expect(await world.until(stream.send("hello"))).toEqual({ by: "kernel" });
    await world.run(10);

    expect(world.heard).toEqual(["hello"]);
    expect(world.trace.states()).toEqual(["creating", "poll", "connecting", "connected"]);
  });

  test("settles on the peer's acknowledgement where the protocol has one", async () => {
    await using world = await setUp();
    const stream = world.context.open("mqtt");

    expect(await world.until(stream.send("hello"))).toEqual({ by: "peer" });
    expect(world.trace.states()).toEqual(["creating", "poll", "connecting", "connected", "qos-ack-remote"]);
  });

  test("rejects what the peer refuses", async () => {
    await using world = await setUp({ message: () => "refuse" });
    const stream = world.context.open("mqtt");

    await expect(world.until(stream.send("hello"))).rejects.toMatchObject({
      code: "mqtt-publish-refused",
      layer: "mqtt",
      streamtype: "mqtt",
    });
    expect(world.trace.states().at(-1)).toBe("qos-nack-remote");
  });

  test("keeps messages in order over an outage", async () => {
    await using world = await setUp();
    const stream = world.context.open("nailed");
    await world.run(100);
    world.server.refuse();

    const sends = ["1", "2", "3"].map((text) => stream.send(text));
    expect(stream.inspect().sending).toEqual({ waiting: 3, bytes: 3, inFlight: 0 });
    await world.run(10_000);
    world.server.restore();
    await world.until(Promise.all(sends));
    await world.run(10);

    expect(world.heard).toEqual(["1", "2", "3"]);
    expect(stream.inspect().sending).toEqual({ waiting: 0, bytes: 0, inFlight: 0 });
  });

  test("loses no acknowledged message of QoS 1 over 20 cuts, and repeats those in doubt", async () => {
    await using world = await setUp({ latency: 20 });
    const stream = world.context.open("mqtt");
    const settled: Promise<unknown>[] = [];
    for (let count = 0; count < 800; count++) {
      settled.push(stream.send(String(count)));
      const isCut = count % 40 === 30;
      await world.run(isCut ? 30 : 50);
      if (isCut) world.server.cut();
    }

    await world.until(Promise.all(settled));

    expect(new Set(world.heard).size).toBe(800);
    expect(world.heard.length).toBe(820);
  });

  test("brings a message in doubt to its end on an opportunistic stream, which rests otherwise", async () => {
    const policy = { ...POLICY, streams: { mqtt: { ...POLICY.streams.mqtt, opportunistic: true } } };
    let isDeaf = true;
    await using simulation = await createSimulation({ policy });
    const server = simulation.peer("peer:80", { message: () => (isDeaf ? "ignore" : "acknowledge") });
    const sent = simulation.context.open("mqtt").send("hello");
    await simulation.run(100);
    isDeaf = false;
    server.cut();

    expect(await simulation.until(sent)).toEqual({ by: "peer" });
  });

  test("rejects everything once every retry has failed, and one more attempt follows the next send", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("ws");
    const first = caught(stream.send("1"));
    const second = caught(stream.send("2"));

    expect(await world.until(first)).toMatchObject({
      code: "all-retries-failed",
      layer: "tcp",
      message: 'All 4 attempts of "ws" failed; the last: The peer refused the connection',
      cause: { code: "connection-refused" },
    });
    expect(await second).toMatchObject({ code: "all-retries-failed" });
    expect(world.server.attempts).toEqual([0, 1002, 3004, 5006]);
    await expect(world.until(stream.send("3"))).rejects.toMatchObject({ code: "all-retries-failed" });
    expect(world.server.attempts).toHaveLength(5);
  });

  test("holds no more than 4 MiB for a connection", async () => {
    await using world = await setUp();
    world.server.silence();
    const stream = world.context.open("ws");
    const sent = stream.send(new Uint8Array(4 * 1024 * 1024));

    await expect(stream.send("x")).rejects.toMatchObject({
      code: "queue-full",
      message:
        "Cannot send: 4194304 bytes wait already, and 1 more exceed the limit of 4194304; await earlier sends first",
    });
    stream.close();
    await expect(sent).rejects.toMatchObject({ code: "closed" });
  });

  test("takes a message beyond 4 MiB where nothing else waits, connected or not", async () => {
    const sizes: number[] = [];
    await using world = await setUp({ message: ({ payload }) => void sizes.push(payload.length) });
    const stream = world.context.open("ws");
    await world.until(stream.send(new Uint8Array(5_000_000)));
    await world.until(stream.send(new Uint8Array(5_000_001)));
    await world.run(10);

    expect(sizes).toEqual([5_000_000, 5_000_001]);
  });

  test("tells a mistake of the program to the program alone", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    await world.until(stream.send("whole"));

    await expect(world.until(stream.send("rest", { start: false }))).rejects.toMatchObject({
      name: "UsageError",
      code: "usage",
      layer: "ws",
    });
    expect(world.trace.states()).not.toContain("qos-nack-remote");
  });

  test("waits for a peer that reads slowly, and goes on in order", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    await world.until(stream.send("1"));
    world.server.hold();
    await world.until(stream.send("2"));
    const later = [stream.send("3"), stream.send("4")];

    expect(stream.inspect().sending.waiting).toBe(2);
    world.server.release();
    await world.until(Promise.all(later));
    await world.run(10);

    expect(world.heard).toEqual(["1", "2", "3", "4"]);
  });

  test("does not continue on another connection a message begun on a lost one", async () => {
    await using world = await setUp();
    const stream = world.context.open("nailed");
    await world.run(100);
    await stream.send("begin", { start: true, end: false });
    world.server.hold();
    await stream.send("middle", { start: false, end: false });
    const waiting = caught(stream.send("more", { start: false, end: false }));
    world.server.cut();
    await world.run(0);

    expect(await waiting).toMatchObject({ code: "connection-lost" });
    await expect(stream.send("end", { start: false, end: true })).rejects.toMatchObject({
      code: "connection-lost",
    });
    world.server.release();
    const whole = stream.send("whole");
    expect(await world.until(whole)).toEqual({ by: "kernel" });
    await world.run(10);
    expect(world.heard.at(-1)).toBe("whole");
  });

  test("keeps a whole message that waits behind one begun on a lost connection", async () => {
    await using world = await setUp();
    const stream = world.context.open("nailed");
    await world.run(100);
    world.server.hold();
    await stream.send("begin", { start: true, end: false });
    const end = stream.send("end", { start: false, end: true });
    const whole = stream.send("whole");
    world.server.cut();

    await expect(end).rejects.toMatchObject({ code: "connection-lost" });
    world.server.release();
    await world.until(whole);
  });

  test("is refused where the policy names no topic", async () => {
    await using world = await setUp();

    expect(() => world.context.open("listen").send("x")).toThrow('"listen" has no mqtt_topic');
  });

  test("is refused for transactions, for what is no payload, and after close", async () => {
    await using world = await setUp();
    expect(() => world.context.open("http").send("x")).toThrow("use request({ payload })");
    const stream = world.context.open("ws");
    expect(() => stream.send(7 as unknown as string)).toThrow(
      "Cannot send: the payload is neither text nor bytes",
    );
    stream.close();
    expect(await caught(stream.send("x"))).toMatchObject({ code: "closed" });
    expect(() => stream.connect()).toThrow("Cannot connect: the stream is closed");
  });
});

describe("received messages", () => {
  test("are read by iteration, in order, and end with the stream", async () => {
    await using world = await setUp({
      connected: (connection) => ["a", "b"].map((text) => connection.send(text)),
    });
    const stream = world.context.open("nailed");
    const texts: string[] = [];
    const reading = (async () => {
      for await (const message of stream) texts.push(`${message.text()} ${message.start} ${message.end}`);
    })();
    await world.run(100);
    stream.close();
    await reading;

    expect(texts).toEqual(["a true true", "b true true"]);
  });

  test("go on where a loop was left", async () => {
    await using world = await setUp({
      connected: (connection) => ["a", "b"].map((text) => connection.send(text)),
    });
    const stream = world.context.open("nailed");
    await world.run(100);
    const texts: string[] = [];
    for (let round = 0; round < 2; round++) {
      for await (const message of stream) {
        texts.push(message.text());
        break;
      }
    }

    expect(texts).toEqual(["a", "b"]);
  });

  test("hold the peer back while nobody reads", async () => {
    await using world = await setUp({
      connected: (connection) => {
        for (let count = 0; count < 100; count++) connection.send(String(count).padStart(4, "0"));
      },
    });
    const stream = world.context.open("small");
    stream.connect();
    await world.run(100);

    expect(stream.inspect().unread).toEqual({ messages: 3, bytes: 12 });
    const texts: string[] = [];
    for await (const message of stream) {
      texts.push(message.text());
      if (texts.length === 100) break;
    }
    expect(texts.at(-1)).toBe("0099");
    expect(stream.inspect().unread.bytes).toBe(0);
  });

  test("bring the headers of the ws handshake as metadata", async () => {
    const policy = {
      streams: { ws: { ...POLICY.streams.ws, retry: undefined, metadata: { server: "Server:" } } },
    };
    await using simulation = await createSimulation({ policy: JSON.stringify(policy) });
    simulation.peer("peer:80", { upgrade: { status: 101, headers: ["server", "sim"] } });
    const stream = simulation.context.open("ws");
    stream.connect();
    await simulation.run(10);

    expect(stream.received).toEqual({ server: "sim" });
  });

  test("of raw are pieces without start or end", async () => {
    await using world = await setUp({ message: (_, connection) => void connection.send("answer") });
    const stream = world.context.open("raw");
    await world.until(stream.send("question"));
    const next = stream[Symbol.asyncIterator]().next();

    const { value } = await world.until(next);
    expect([value?.text(), value?.start, value?.end]).toEqual(["answer", false, false]);
  });
});

describe("when streams connect (4.3)", () => {
  test("nailed up: at once, and again after a loss", async () => {
    await using world = await setUp();
    world.context.open("nailed");
    await world.run(100);
    world.server.cut();
    await world.run(5000);

    expect(world.trace.states()).toEqual([
      "creating",
      "connecting",
      "connected",
      "disconnected",
      "connecting",
      "connected",
    ]);
  });

  test("neither: when asked, and again after a loss", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    await world.run(5000);
    expect(world.server.attempts).toEqual([]);
    stream.connect();
    await world.run(100);
    world.server.cut();
    await world.run(5000);

    expect(world.server.attempts).toEqual([5000, 6100]);
  });

  test("opportunistic: when asked, and not again after a loss", async () => {
    await using world = await setUp();
    const stream = world.context.open("opportunistic");
    await world.until(stream.send("x"));
    await world.run(20_000);
    world.server.cut();
    await world.run(60_000);
    expect(world.server.attempts).toEqual([0]);
    await world.until(stream.send("y"));

    expect(world.server.attempts).toHaveLength(2);
  });

  test("a peer that takes messages of QoS 0 and slams the door keeps the stream backing off", async () => {
    await using world = await setUp();
    world.server.slam(5);
    const stream = world.context.open("qos0");
    stream.on("state", ({ state }) => {
      if (state === "connected") void stream.send("x");
    });
    await world.run(20_000);

    expect(world.server.attempts.length).toBeLessThan(12);
    expect(stream.inspect().failures).toBe(world.server.attempts.length);
  });

  test("a silent peer is found within the policy's `svalidhup`, and a quiet one is not lost", async () => {
    await using world = await setUp();
    const stream = world.context.open("watched");
    await world.run(200_000);
    expect(world.trace.states()).toEqual(["creating", "connecting", "connected"]);
    world.server.silence();
    const lost = await world.until(stream.reached("disconnected"));

    expect(lost.reason?.code).toBe("validity-timeout");
    expect(world.clock.now() - 200_000).toBeLessThanOrEqual(35_000);
  });
});

/** What a promise rejects with. */
function caught(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
}

async function setUp(options: PeerOptions = {}) {
  const simulation = await createSimulation({ policy: POLICY });
  const heard: string[] = [];
  const server: SimPeer = simulation.peer("peer:80", {
    ...options,
    message: (message, connection) => {
      heard.push(new TextDecoder().decode(message.payload));
      return options.message?.(message, connection);
    },
  });
  return Object.assign(simulation, { heard, server });
}
