import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { createContext, type Stream } from "../../src/index.ts";
import { peerMissing } from "../peers.ts";
import { createTransport, TestLink, targetOf, withMqtt, withResolvers } from "./client.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";
import { StubBroker } from "./stub-broker.ts";

const missing = peerMissing("mosquitto");

describe.skipIf(missing)("a message that mosquitto answers by hanging up", () => {
  let broker: Mosquitto | undefined;
  afterEach(() => broker?.stop());

  // mosquitto reads the retained message whole and closes (FIN); it closes on the header of a packet that is too large,
  // with the rest unread (RST).
  test.each([
    ["one to retain", "retain_available false", { mqtt_retain: true }, "x"],
    ["one to retain of QoS 2", "retain_available false", { mqtt_retain: true, mqtt_qos: 2 }, "x"],
    ["one too large", "max_packet_size 1000", {}, "x".repeat(2000)],
  ])(
    "3.1.1, %s: is given up after three connections, and its neighbour loses one",
    async (_, line, keys, payload) => {
      broker = await startMosquitto(["allow_anonymous true", line]);
      await using context = await contextFor(broker.port, keys);
      const neighbour = context.open("good");
      const states = watch(neighbour);
      await neighbour.send("before");

      const poison = context.open("poison");
      const outcome = await poison.send(payload).catch((error: unknown) => error);
      const after = await Promise.all(["1", "2"].map((text) => neighbour.send(text)));

      expect(outcome).toMatchObject({ layer: "mqtt", code: "mqtt-not-acknowledged" });
      expect(after).toEqual([{ by: "peer" }, { by: "peer" }]);
      expect(states.filter((state) => state === "disconnected")).toHaveLength(1);
      expect(neighbour.state).toBe("qos-ack-remote");
    },
  );

  test("3.1.1, a birth: its stream is not connected, and its neighbour loses one connection", async () => {
    broker = await startMosquitto(["allow_anonymous true", "retain_available false"]);
    const birth = {
      mqtt_birth_topic: "b",
      mqtt_birth_message: "born",
      mqtt_birth_qos: 1,
      mqtt_birth_retain: true,
    };
    await using context = await contextFor(broker.port, birth);
    const neighbour = context.open("good");
    const states = watch(neighbour);
    await neighbour.send("before");

    const poison = context.open("poison");
    const reasons: (string | undefined)[] = [];
    await new Promise<void>((resolve) => {
      poison.on("state", ({ reason }) => {
        if (reason !== undefined) reasons.push(reason.code);
        if (reason?.code === "mqtt-not-acknowledged" && reasons.length >= 5) resolve();
      });
    });
    const after = await neighbour.send("after");

    expect(after).toEqual({ by: "peer" });
    expect(reasons.slice(-3)).toEqual(Array(3).fill("mqtt-not-acknowledged"));
    expect(states.filter((state) => state === "disconnected")).toHaveLength(1);
  });

  test("3.1.1, in company: the guilty alone are given up, the others arrive once each and in order", async () => {
    broker = await startMosquitto([
      "allow_anonymous true",
      "retain_available false",
      "max_inflight_messages 0",
    ]);
    const { transport, observed } = createTransport();
    const keys = { mqtt_topic: "t", mqtt_qos: 1 };
    const target = targetOf(broker.port, keys);
    const reader = createTransport();
    const listener = new TestLink(
      reader.transport,
      targetOf(broker.port, { mqtt_subscribe: "t", mqtt_qos: 1 }),
    );
    await listener.established;
    const outcomes: string[] = [];
    const settled = withResolvers<void>();
    const note = (text: string) => (outcome: { type: string }) => {
      if (outcomes.push(`${text} ${outcome.type}`) === 100) settled.resolve();
    };
    const links = [
      new TestLink(transport, target, 1),
      new TestLink(transport, withMqtt(target, { retain: true }), 2),
    ];
    await Promise.all(links.map(({ established }) => established));
    for (let index = 0; index < 100; index += 1) {
      const isBad = index === 20 || index === 70;
      const [good, bad] = links;
      (isBad ? bad : good)?.link.send(
        Buffer.from(String(index)),
        { start: true, end: true },
        note(String(index)),
      );
    }

    let closed = 0;
    for (let link = links[0]; outcomes.length < 100; ) {
      await Promise.race([link?.closed, settled.promise]);
      if (link?.isClosed !== true) break;
      closed += 1;
      link = new TestLink(transport, target, 1);
      await link.established;
    }
    await settled.promise;
    await listener.until(() => new Set(listener.texts).size === 98);

    expect(outcomes.filter((outcome) => outcome.endsWith("refused"))).toEqual(["20 refused", "70 refused"]);
    const firsts = [...new Set(listener.texts)].map(Number);
    expect(firsts).toEqual([...Array(100).keys()].filter((index) => index !== 20 && index !== 70));
    // One with all in flight, then for each of the two: one or two to narrow it down, two alone.
    const opened = observed.filter((event) => "type" in event && event.type === "opened");
    expect(opened.length).toBeLessThanOrEqual(9);
    expect(closed).toBe(1);
    await Promise.all([transport.close(), reader.transport.close()]);
  });
});

describe.skipIf(missing)("MQTT 5, mosquitto", () => {
  test.each([1, 2])(
    "a message of QoS %s above message_size_limit is refused, and nobody is disconnected",
    async (qos) => {
      const broker = await startMosquitto(["allow_anonymous true", "message_size_limit 1000"]);
      onTestFinished(() => broker.stop());
      await using context = await contextFor(broker.port, { mqtt_qos: qos }, "5");
      const neighbour = context.open("good");
      const states = watch(neighbour);
      await neighbour.send("before");

      const poison = context.open("poison");
      const outcome = await poison.send("x".repeat(2000)).catch((error: unknown) => error);

      expect(outcome).toMatchObject({
        code: "mqtt-publish-refused",
        message: "The broker refused the message: 0x95 (packet too large)",
      });
      expect(await poison.send("small")).toEqual({ by: "peer" });
      expect(states).not.toContain("disconnected");
      await context.close();
      await broker.stop();
    },
  );
});

describe("a broker that hangs up", () => {
  const brokers: StubBroker[] = [];
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.kill();
  });

  /** Closes the connection on so many messages that say "bad". */
  async function startTouchy(times: number): Promise<StubBroker> {
    let left = times;
    const broker = new StubBroker({
      on(packet, socket) {
        if (packet.cmd !== "publish" || String(packet.payload) !== "bad" || left === 0) return false;
        left -= 1;
        socket.destroy();
        return true;
      },
    });
    brokers.push(broker);
    await broker.start();
    return broker;
  }

  test("because it goes down, five times in succession, has nothing refused: it is not there afterwards", async () => {
    const broker = await startTouchy(5);
    const { transport } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    const link = new TestLink(transport, target, 1);
    await link.established;
    const outcome = link.send("bad");
    await link.closed;

    for (let times = 1; times <= 5; times += 1) {
      await broker.kill();
      const refused = new TestLink(transport, target, 1);
      expect(await refused.closed).toMatchObject({ reason: { code: "connection-refused" } });
      await broker.start();
      const next = new TestLink(transport, target, 1);
      await Promise.race([next.closed, outcome]);
    }

    expect(await outcome).toEqual({ type: "acknowledged", by: "peer" });
    expect(broker.connects).toHaveLength(6);
    await transport.close();
  });

  test("twice has the message in the end, and a stream that joins meanwhile waits with the others", async () => {
    const broker = await startTouchy(2);
    const { transport, observed } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    const first = new TestLink(transport, target, 1);
    await first.established;
    const outcome = first.send("bad");
    await first.closed;
    const again = new TestLink(transport, target, 1);
    await untilClosed(observed, 2);
    const joined = new TestLink(transport, target, 2);
    const will = { mqtt_will_topic: "w", mqtt_will_message: "x" };
    const other = new TestLink(transport, targetOf(broker.port, will), 3);

    await Promise.all([again.established, joined.established, other.established]);

    expect(await outcome).toEqual({ type: "acknowledged", by: "peer" });
    expect(broker.connects.map((packet) => packet.cmd === "connect" && packet.will?.topic)).toEqual([
      undefined,
      undefined,
      "w",
      undefined,
    ]);
    await transport.close();
  });

  test("is not what a network does that loses the connection: nothing is put on trial", async () => {
    let silent = 3;
    let pings = 0;
    const broker = new StubBroker({
      on(packet) {
        if (packet.cmd === "pingreq") pings += 1;
        if (packet.cmd !== "publish" || silent === 0) return false;
        silent -= 1;
        return true;
      },
    });
    brokers.push(broker);
    await broker.start();
    const { transport, sockets } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    let outcome: Promise<unknown> | undefined;

    for (let times = 1; times <= 3; times += 1) {
      const link = new TestLink(transport, target, 1);
      await link.established;
      outcome ??= link.send("good");
      while (silent > 3 - times) await new Promise((resolve) => setImmediate(resolve));
      sockets.at(-1)?.destroy(Object.assign(new Error("no route"), { code: "EHOSTUNREACH" }));
      await link.closed;
    }
    await new TestLink(transport, target, 1).established;

    expect(await outcome).toEqual({ type: "acknowledged", by: "peer" });
    expect(pings).toBe(0);
    await transport.close();
  });

  test("is not dialled again when nobody is left", async () => {
    const broker = await startTouchy(9);
    const { transport, observed } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    const first = new TestLink(transport, target, 1);
    await first.established;
    void first.send("bad");
    await first.closed;
    const again = new TestLink(transport, target, 1);
    await untilClosed(observed, 2);

    again.link.close();
    transport.forget(1);

    expect(transport.inspect()).toEqual([]);
    await transport.close();
    expect(broker.connects).toHaveLength(2);
    expect(again.isClosed).toBe(false);
  });
});

/** Resolves once so many connections are gone. */
async function untilClosed(observed: readonly object[], count: number): Promise<void> {
  const closed = () => observed.filter((event) => "type" in event && event.type === "closed").length;
  while (closed() < count) await new Promise((resolve) => setImmediate(resolve));
}

describe.skipIf(missing)("MQTT 5, mosquitto that tells its limits", () => {
  test.each([
    ["retain_available false", { mqtt_retain: true }, "x", "mqtt-publish-refused"],
    ["max_packet_size 1000", {}, "x".repeat(2000), "mqtt-too-large"],
  ])("%s: a message beyond it is refused and not sent", async (line, keys, payload, code) => {
    const broker = await startMosquitto(["allow_anonymous true", line]);
    onTestFinished(() => broker.stop());
    await using context = await contextFor(broker.port, keys, "5");
    const neighbour = context.open("good");
    const states = watch(neighbour);
    await neighbour.send("before");

    const outcome = await context
      .open("poison")
      .send(payload)
      .catch((error: unknown) => error);

    expect(outcome).toMatchObject({ code });
    expect(states).not.toContain("disconnected");
  });
});

function contextFor(port: number, keys: object, version = "3.1.1") {
  const shared = {
    endpoint: "127.0.0.1",
    port,
    protocol: "mqtt",
    mqtt_version: version,
    mqtt_qos: 1,
    nailed_up: true,
  };
  return createContext({
    policy: {
      retry: {
        once: { backoff: [50], conceal: 1, jitterpc: 0 },
        ever: { backoff: [50], conceal: 65_535, jitterpc: 0 },
      },
      streams: {
        good: { ...shared, retry: "once", mqtt_topic: "good" },
        poison: { ...shared, retry: "ever", mqtt_topic: "poison", ...keys },
      },
    },
  });
}

function watch(stream: Stream): readonly string[] {
  const states: string[] = [];
  stream.on("state", ({ state }) => states.push(state));
  return states;
}
