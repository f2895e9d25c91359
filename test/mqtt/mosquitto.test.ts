import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority } from "../../src/testing/certificates/index.ts";
import { peerMissing } from "../peers.ts";
import { createTransport, type Identity, TestLink, targetOf, withMqtt } from "./client.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

const missing = peerMissing("mosquitto");

describe.skipIf(missing).each([4, 5] as const)("mosquitto, protocol level %s", (version) => {
  let broker: Mosquitto;
  const { transport, observed } = createTransport();

  beforeAll(async () => {
    broker = await startMosquitto([
      "allow_anonymous true",
      "max_queued_messages 0",
      "max_inflight_messages 0",
    ]);
  });
  afterAll(async () => {
    await transport.close();
    await broker.stop();
  });

  const target = (keys: object) => withMqtt(targetOf(broker.port, keys), { version });

  test.each([0, 1, 2])("a message of QoS %s comes back to its own subscription", async (qos) => {
    const topic = `own/${qos}`;
    const link = new TestLink(
      transport,
      target({ mqtt_topic: topic, mqtt_subscribe: "own/+", mqtt_qos: qos }),
    );

    expect(await link.established).toBe(`127.0.0.1:${broker.port}`);
    const settled = await link.send("hello");
    await link.until(() => link.texts.length === 1);

    expect(settled).toEqual({ type: "acknowledged", by: qos === 0 ? "kernel" : "peer" });
    expect(link.messages).toEqual([{ text: "hello", frame: { start: true, end: true, topic } }]);
    link.link.close();
  });

  test("a thousand messages of QoS 2 arrive exactly once and in order", async () => {
    const link = new TestLink(transport, target({ mqtt_topic: "q2", mqtt_subscribe: "q2", mqtt_qos: 2 }));
    await link.established;
    const texts = Array.from({ length: 1000 }, (_, index) => String(index));

    const outcomes = await Promise.all(texts.map((text) => link.send(text)));
    await link.until(() => link.texts.length >= texts.length);

    expect(outcomes.every(({ type }) => type === "acknowledged")).toBe(true);
    expect(link.texts).toEqual(texts);
    link.link.close();
  });

  test("streams share one connection, also while it is still connecting, each with its own messages", async () => {
    const a = new TestLink(transport, target({ mqtt_topic: "s/b", mqtt_subscribe: "s/a", mqtt_qos: 1 }));
    const b = new TestLink(transport, target({ mqtt_topic: "s/a", mqtt_subscribe: "s/b", mqtt_qos: 1 }));
    const c = new TestLink(transport, target({}));
    await Promise.all([a.established, b.established, c.established]);

    const open = transport.inspect().filter(({ state }) => state === "open");
    expect(open).toEqual([{ protocol: "mqtt", peer: `127.0.0.1:${broker.port}`, state: "open", streams: 3 }]);
    await Promise.all([a.send("to b"), b.send("to a")]);
    await a.until(() => a.texts.length > 0);
    await b.until(() => b.texts.length > 0);
    expect([a.texts, b.texts, c.texts]).toEqual([["to a"], ["to b"], []]);
    for (const link of [a, b, c]) link.link.close();
  });

  test("a retained message reaches one that subscribes later, also on the same connection", async () => {
    const keys = { mqtt_topic: "kept", mqtt_qos: 1, mqtt_retain: true };
    const writer = new TestLink(transport, target(keys));
    await writer.established;
    await writer.send("still here");
    const reader = new TestLink(transport, target({ mqtt_subscribe: "kept" }));
    await reader.established;
    await reader.until(() => reader.texts.length > 0);

    const later = new TestLink(transport, target({ mqtt_subscribe: "kept" }));
    await later.until(() => later.texts.length > 0);
    expect(later.texts).toEqual(["still here"]);
    await writer.send("");
    for (const link of [writer, reader, later]) link.link.close();
  });

  test("a birth is there before the stream is established; the will comes when its connection dies", async () => {
    const watcher = new TestLink(transport, target({ mqtt_subscribe: "life/#", mqtt_qos: 1 }));
    await watcher.established;
    const mortal = createTransport();
    const link = new TestLink(
      mortal.transport,
      target({
        mqtt_birth_topic: "life/birth",
        mqtt_birth_message: "born",
        mqtt_birth_qos: 1,
        mqtt_will_topic: "life/will",
        mqtt_will_message: "dead",
        mqtt_will_qos: 1,
      }),
    );
    await link.established;
    await watcher.until(() => watcher.texts.length === 1);
    expect(watcher.texts).toEqual(["born"]);

    for (const socket of mortal.sockets) socket.destroy();
    await watcher.until(() => watcher.texts.length === 2);
    expect(await link.closed).toMatchObject({ type: "failed", repeatable: true });
    expect(watcher.messages.map(({ text, frame }) => [frame.topic, text])).toEqual([
      ["life/birth", "born"],
      ["life/will", "dead"],
    ]);
    await mortal.transport.close();
    watcher.link.close();
  });

  test("a stream with another will has a connection of its own, unless the client identifier is named", async () => {
    const will = { mqtt_will_topic: "w", mqtt_will_message: "x" };
    const plain = new TestLink(transport, target({}));
    const other = new TestLink(transport, target(will));
    const named = createTransport();
    const first = new TestLink(named.transport, withMqtt(target({}), { clientId: `n${version}` }));
    await Promise.all([plain.established, first.established]);
    const second = new TestLink(named.transport, withMqtt(target(will), { clientId: `n${version}` }));
    await Promise.all([other.established, second.established]);

    const streams = (list: readonly { streams: number; state: string }[]) =>
      list.filter(({ state }) => state === "open").map((connection) => connection.streams);
    expect(streams(named.transport.inspect())).toEqual([2]);
    expect(named.observed).toContainEqual({
      type: "settings-conflict",
      protocol: "mqtt",
      streamtype: "test",
      keys: ["mqtt_will_topic"],
    });
    for (const link of [plain, other]) link.link.close();
    await named.transport.close();
    expect(observed.some((event) => "type" in event && event.type === "closed")).toBe(true);
  });

  test("a slow reader stops the socket and loses nothing", async () => {
    const reader = new TestLink(
      transport,
      target({ mqtt_subscribe: "slow", mqtt_qos: 1, client_buflen: 4096 }),
    );
    await reader.established;
    const writer = createTransport();
    const link = new TestLink(
      writer.transport,
      target({ mqtt_topic: "slow", mqtt_qos: 1, client_buflen: 4096 }),
    );
    await link.established;
    reader.isReady = false;
    const payload = "x".repeat(1000);
    let asksForNoMore = false;

    const outcomes = Array.from({ length: 800 }, (_, index) => {
      return new Promise((resolve) => {
        const goesOn = link.link.send(
          Buffer.from(`${index} ${payload}`),
          { start: true, end: true },
          resolve,
        );
        asksForNoMore ||= !goesOn;
      });
    });
    await Promise.all(outcomes);
    expect(asksForNoMore).toBe(true);
    expect(link.drains).toBeGreaterThan(0);
    expect(reader.texts.length).toBe(1);

    reader.isReady = true;
    reader.link.resume();
    await reader.until(() => reader.texts.length >= 800 || reader.isClosed);
    expect(reader.texts.map((text) => Number(text.split(" ")[0]))).toEqual([...Array(800).keys()]);
    reader.link.close();
    await writer.transport.close();
  });
});

describe.skipIf(missing)("mosquitto that asks who is there", () => {
  let broker: Mosquitto;
  const { transport } = createTransport();

  beforeAll(async () => {
    broker = await startMosquitto(
      ["allow_anonymous false", "password_file %folder%/passwords", "acl_file %folder%/acl"],
      { passwords: "ann:secret\n", acl: "user ann\ntopic readwrite open/#\n" },
    );
    await broker.kill();
    const passwords = join(broker.folder, "passwords");
    execFileSync("mosquitto_passwd", ["-U", passwords], { stdio: "ignore" });
    chmodSync(passwords, 0o644);
    await broker.restart();
  });
  afterAll(async () => {
    await transport.close();
    await broker.stop();
  });

  const target = (version: 4 | 5, keys: object, identity: Identity) =>
    withMqtt(targetOf(broker.port, keys, { identity }), { version });

  test.each([4, 5] as const)("takes the right password, refuses a wrong one (level %s)", async (version) => {
    const good = new TestLink(transport, target(version, { mqtt_topic: "open/a", mqtt_qos: 1 }, ANN));
    const bad = new TestLink(transport, target(version, {}, { ...ANN, mqttPassword: "wrong" }));
    const nobody = new TestLink(transport, target(version, {}, {}));

    await good.established;
    expect(await good.send("x")).toEqual({ type: "acknowledged", by: "peer" });
    expect(await bad.closed).toMatchObject({ reason: { layer: "mqtt", code: "mqtt-auth-failed" } });
    expect(await nobody.closed).toMatchObject({ reason: { code: "mqtt-auth-failed" } });
    good.link.close();
  });

  test("MQTT 5: a message that the broker refuses is refused to its sender alone", async () => {
    const link = new TestLink(transport, target(5, { mqtt_topic: "shut/a", mqtt_qos: 1 }, ANN));
    await link.established;

    expect(await link.send("x")).toMatchObject({ type: "refused", reason: { code: "mqtt-publish-refused" } });
    expect(await link.send("x", "open/b")).toEqual({ type: "acknowledged", by: "peer" });
    link.link.close();
  });

  const ANN: Identity = { mqttUsername: "ann", mqttPassword: "secret" };
});

describe.skipIf(missing)("mosquitto over TLS", () => {
  test.each([4, 5] as const)("wants a client certificate (level %s)", async (version) => {
    const authority = createAuthority();
    const server = authority.issue({ names: ["127.0.0.1", "localhost"] });
    const client = authority.issue({ commonName: "device", purposes: ["client"] });
    const broker = await startMosquitto(
      [
        "allow_anonymous true",
        "cafile %folder%/ca.pem",
        "certfile %folder%/server.pem",
        "keyfile %folder%/server.key",
        "require_certificate true",
      ],
      { "ca.pem": authority.certificatePem, "server.pem": server.chainPem, "server.key": server.keyPem },
    );
    const { transport } = createTransport();
    const trust = authority.certificateDer;
    const certificates = [{ certificate: client.chainPem, key: client.keyPem }];
    const keys = { mqtt_topic: "tls", mqtt_subscribe: "tls", mqtt_qos: 1 };
    const known = targetOf(
      broker.port,
      { ...keys, client_cert: 0 },
      { trust, identity: { clientCertificates: certificates } },
    );
    const unknown = targetOf(broker.port, keys, { trust });

    const link = new TestLink(transport, withMqtt(known, { version }));
    await link.established;
    await link.send("over TLS");
    await link.until(() => link.texts.length === 1);
    expect(link.texts).toEqual(["over TLS"]);
    const refused = new TestLink(transport, withMqtt(unknown, { version }));
    expect(await refused.closed).toMatchObject({ type: "failed", reason: { layer: "tls" } });

    await transport.close();
    await broker.stop();
  });
});
