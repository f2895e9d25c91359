import { describe, expect, test } from "vitest";
import { definePolicy } from "../policy/index.ts";
import type { Identity } from "../stream/index.ts";
import { createSimulation, type PeerOptions, type SimConnection } from "../testing/index.ts";
import type { Logger } from "./index.ts";

const RETRY = { calm: { backoff: [60_000], conceal: 9, jitterpc: 0 } };
const PEER = { endpoint: "peer", port: 80, retry: "calm" };
const TLS = { ...PEER, tls: true };
const POLICY = definePolicy({
  retry: RETRY,
  streams: {
    ws: { ...PEER, protocol: "ws", nailed_up: true, http_auth_header: "authorization" },
    plain: { ...PEER, protocol: "ws", nailed_up: true },
    mqtt: { ...PEER, protocol: "mqtt", nailed_up: true, mqtt_topic: "t", mqtt_qos: 1 },
    ask: { ...PEER, protocol: "h1", http_method: "POST", http_auth_header: "authorization" },
    poll: { ...PEER, protocol: "h1", nailed_up: true, http_auth_header: "authorization" },
    first: { ...TLS, protocol: "ws", nailed_up: true, client_cert: 0 },
    second: { ...TLS, protocol: "ws", nailed_up: true, client_cert: 1 },
  },
});
const ONE = { certificate: "c1", key: "k1" };
const TWO = { certificate: "c2", key: "k2" };
const IDENTITY: Identity = { auth: "old", mqttPassword: "old", clientCertificates: [ONE, TWO] };

describe("another identity", () => {
  test("reaches the streams that say it, at once, and no others", async () => {
    const opened: SimConnection[] = [];
    await using world = await setUp({ connected: (connection) => opened.push(connection) });
    const [ws, plain, mqtt] = (["ws", "plain", "mqtt"] as const).map((name) => world.context.open(name));
    await world.run(100);

    world.context.replaceIdentity({ ...IDENTITY, auth: "new" });
    await world.run(100);

    expect(ws && world.trace.states(ws).slice(-3)).toEqual(["disconnected", "connecting", "connected"]);
    expect(world.trace.entries.find(({ state }) => state === "disconnected")?.reason).toMatchObject({
      layer: "stream",
      code: "identity-changed",
    });
    for (const kept of [plain, mqtt])
      expect(kept && world.trace.states(kept)).toEqual(["creating", "connecting", "connected"]);
    expect(opened.at(-1)?.target.http?.headers).toEqual(["authorization", "new"]);
  });

  test("gives mqtt its new password without losing a message", async () => {
    const heard: string[] = [];
    const passwords: unknown[] = [];
    await using world = await setUp({
      connected: ({ target }) => passwords.push(target.mqtt?.password),
      message: ({ payload }) => {
        heard.push(new TextDecoder().decode(payload));
        return heard.length === 1 ? "ignore" : "acknowledge";
      },
    });
    const stream = world.context.open("mqtt");
    await world.run(100);
    const sent = stream.send("x");
    await world.run(1);

    world.context.replaceIdentity({ ...IDENTITY, mqttPassword: Uint8Array.of(1) });

    expect(await world.until(sent)).toEqual({ by: "peer" });
    expect(passwords).toEqual(["old", Uint8Array.of(1)]);
    expect(new Set(heard)).toEqual(new Set(["x"]));
  });

  test("lets a transaction under way end as it began, once, and is in the next", async () => {
    const tokens: unknown[] = [];
    await using world = await setUp({
      http: ({ headers }) => {
        tokens.push(headers.authorization);
        return { after: 500 };
      },
    });
    const stream = world.context.open("ask");
    const asked = stream.request({ payload: "x" });
    await world.run(100);
    world.context.replaceIdentity({ ...IDENTITY, auth: "new" });
    const next = stream.request({ payload: "y" });

    expect((await world.until(asked)).status).toBe(200);
    expect((await world.until(next)).status).toBe(200);
    expect(tokens).toEqual(["old", "new"]);
  });

  test("lets what was refused and waits try again at once, be it a stream or a transaction", async () => {
    const tokens: unknown[] = [];
    await using world = await setUp({
      http: ({ headers }) => {
        tokens.push(headers.authorization);
        return { status: headers.authorization === "new" ? 200 : 503 };
      },
    });
    const poll = world.context.open("poll");
    const asked = world.context.request("ask", { payload: "x" });
    await world.run(1000);

    world.context.replaceIdentity({ ...IDENTITY, auth: "new" });
    await world.run(100);

    expect((await asked).status).toBe(200);
    expect(tokens).toEqual(["old", "old", "new", "new"]);
    expect(world.trace.states(poll)).toContain("qos-ack-remote");
  });

  test("lets a stream come up whose token was not there before", async () => {
    await using world = await setUp({}, {});
    const stream = world.context.open("ws", { state: () => {} });
    await world.run(100);
    expect(world.trace.entries.at(-1)?.reason?.code).toBe("blob-missing");

    world.context.replaceIdentity({ auth: "token" });
    await world.run(100);

    expect(stream.state).toBe("connected");
  });

  test("with another client certificate shares neither connection nor TLS session with the old one", async () => {
    const scopes: unknown[] = [];
    await using world = await setUp({
      connected: ({ target }) => scopes.push([target.tls?.clientCertificate, target.tls?.scope]),
    });
    const second = world.context.open("second");
    world.context.open("first");
    await world.run(100);

    world.context.replaceIdentity({ ...IDENTITY, clientCertificates: [{ ...ONE, key: "k3" }, TWO] });
    await world.run(100);

    expect(scopes).toEqual([
      [TWO, "policy-1"],
      [ONE, "policy-1"],
      [{ ...ONE, key: "k3" }, "policy-1/certificate-1"],
    ]);
    expect(world.trace.states(second)).toEqual(["creating", "connecting", "connected"]);
  });

  test("is in what begins in the same turn, and twice in one turn connects once", async () => {
    const tokens: unknown[] = [];
    await using world = await setUp({
      connected: ({ target }) => tokens.push(target.http?.headers[1]),
      http: ({ headers }) => {
        tokens.push(headers.authorization);
        return {};
      },
    });
    const asking = world.context.open("ask");
    world.context.open("ws");
    await world.run(100);

    world.context.replaceIdentity({ ...IDENTITY, auth: "new" });
    world.context.replaceIdentity({ ...IDENTITY, auth: "newer" });
    const asked = asking.request({ payload: "x" });
    await world.run(100);

    expect((await asked).status).toBe(200);
    expect(tokens).toEqual(["old", "newer", "newer"]);
  });

  test("touches nothing that is closed before its turn comes", async () => {
    await using world = await setUp();
    const stream = world.context.open("ws");
    world.context.open("poll");
    await world.run(100);

    world.context.replaceIdentity({});
    stream.close();
    const closing = world.context.close();
    await world.run(100);
    await closing;

    expect(world.trace.states(stream).slice(-2)).toEqual(["disconnected", "destroying"]);
    expect(world.clock.pending).toBe(0);
  });

  test("is known to those who look by the names of the streamtypes, never by its values", async () => {
    const lines: string[] = [];
    const log = (fields: object, message: string): void => {
      lines.push(`${message} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { trace: log, debug: log, info: log, warn: log, error: log };
    await using world = await setUp({}, IDENTITY, logger);
    world.context.open("ws");
    await world.run(100);
    lines.length = 0;

    world.context.replaceIdentity({ ...IDENTITY });
    expect(lines).toEqual([]);
    world.context.replaceIdentity({ ...IDENTITY, auth: "hunter2" });
    await world.run(100);

    expect(lines[0]).toBe('identity.replaced {"changed":["ws","ask","poll"]}');
    expect(JSON.stringify([lines, world.trace.entries, world.context.inspect()])).not.toContain("hunter2");
  });
});

test("a logger that throws keeps neither another identity nor another policy from its streams", async () => {
  const opened: SimConnection[] = [];
  const full = (): void => {
    throw new Error("log is full");
  };
  const logger = { trace: full, debug: full, info: full, warn: full, error: full };
  await using world = await setUp(
    { connected: (connection) => opened.push(connection) },
    IDENTITY,
    logger as Logger,
  );
  const stream = world.context.open("ws");
  await world.clock.run(100);

  world.context.replaceIdentity({ ...IDENTITY, auth: "new" });
  await world.clock.run(100);
  expect(opened.at(-1)?.target.http?.headers).toEqual(["authorization", "new"]);
  world.context.overlay({ streams: { ws: { http_url: "other", nope: 1 } } });
  await world.clock.run(100);

  expect(opened.at(-1)?.target.http?.path).toBe("/other");
  expect(stream.isConnected).toBe(true);
  expect(world.takeRaised()).not.toEqual([]);
});

async function setUp(peer: PeerOptions = {}, identity: Identity = IDENTITY, logger?: Logger) {
  const world = await createSimulation({
    policy: POLICY,
    identity,
    ...(logger === undefined ? {} : { logger }),
  });
  world.peer("peer:80", peer);
  return world;
}
