import { afterEach, describe, expect, test } from "vitest";
import type { Settled } from "../../src/context/index.ts";
import { createTransport, TestLink, targetOf, withMqtt } from "./client.ts";
import { StubBroker, type StubOptions } from "./stub-broker.ts";

const brokers: StubBroker[] = [];

async function startStub(options: StubOptions = {}): Promise<StubBroker> {
  const broker = new StubBroker(options);
  brokers.push(broker);
  await broker.start();
  return broker;
}

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.kill();
});

describe("a message in pieces", () => {
  const piece = (link: TestLink, text: string, start: boolean, end: boolean) =>
    new Promise<Settled>((resolve) => link.link.send(Buffer.from(text), { start, end }, resolve));

  test("is published whole, and each piece settles with it", async () => {
    const broker = await startStub();
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 }));
    await link.established;

    const stray = await piece(link, "stray", false, true);
    const pieces = [piece(link, "a", true, false), piece(link, "b", false, false)];
    const between = await piece(link, "x", true, true);
    const settled = await Promise.all([...pieces, piece(link, "c", false, true)]);

    const refused = { type: "refused", reason: { code: "usage" } };
    expect([stray, between]).toMatchObject([refused, refused]);
    expect(settled).toEqual(Array(3).fill({ type: "acknowledged", by: "peer" }));
    const published = broker.received.filter(({ cmd }) => cmd === "publish");
    expect(published.map((packet) => String((packet as { payload: Buffer }).payload))).toEqual(["abc"]);
    await transport.close();
  });

  test("is lost where its link ends before its last piece, and refused where it outgrows 16 MiB", async () => {
    const broker = await startStub();
    const { transport, sockets } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    const cut = new TestLink(transport, target);
    const left = new TestLink(transport, target);
    await Promise.all([cut.established, left.established]);
    const big = Buffer.alloc(16 * 1024 * 1024);

    const begun = piece(left, "a", true, false);
    const more = new Promise<Settled>((resolve) => left.link.send(big, { start: false, end: true }, resolve));
    left.link.close();
    const beginning = piece(cut, "a", true, false);
    sockets[0]?.destroy();

    expect(await more).toMatchObject({
      type: "refused",
      reason: { message: expect.stringContaining("larger") },
    });
    expect(await begun).toMatchObject({ type: "lost", reason: { code: "connection-lost" } });
    expect(await beginning).toMatchObject({ type: "lost" });
    expect(broker.received.map(({ cmd }) => cmd)).not.toContain("publish");
    await transport.close();
  });
});

describe("a message in custody", () => {
  test("settles over the next link of its stream", async () => {
    let silent = true;
    const broker = await startStub({ on: (packet) => packet.cmd === "publish" && silent });
    const { transport } = createTransport();
    const target = targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 });
    const first = new TestLink(transport, target, 1);
    await first.established;
    const outcome = first.send("kept");
    await broker.until(() => broker.received.some(({ cmd }) => cmd === "publish"));
    silent = false;
    for (const socket of broker.sockets) socket.resetAndDestroy();
    expect(await first.closed).toMatchObject({ type: "failed", repeatable: true });

    const second = new TestLink(transport, target, 1);
    await second.established;
    expect(await outcome).toEqual({ type: "acknowledged", by: "peer" });
    expect(broker.log).toMatchObject([{ text: "kept", dup: true }]);
    await transport.close();
  });

  test("is dropped with its stream, and its callback is not called", async () => {
    const broker = await startStub({ on: (packet) => packet.cmd === "publish" });
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, { mqtt_topic: "t", mqtt_qos: 1 }), 1);
    await link.established;
    const outcomes: Settled[] = [];
    link.link.send(Buffer.from("x"), { start: true, end: true }, (outcome) => outcomes.push(outcome));
    await broker.until(() => broker.received.some(({ cmd }) => cmd === "publish"));

    transport.forget(1);
    broker.write({ cmd: "puback", messageId: broker.received.at(-1)?.messageId ?? 0 });
    link.link.close();
    await transport.close();
    expect(outcomes).toEqual([]);
  });

  test("goes with its stream to another broker", async () => {
    const from = await startStub({ on: (packet) => packet.cmd === "publish" });
    const to = await startStub();
    const { transport } = createTransport();
    const keys = { mqtt_topic: "t", mqtt_qos: 1 };
    const first = new TestLink(transport, targetOf(from.port, keys), 1);
    await first.established;
    const outcomes = ["1", "2"].map((text) => first.send(text));
    first.link.close();

    const second = new TestLink(transport, targetOf(to.port, keys), 1);
    await second.established;
    await Promise.all(outcomes);
    expect(to.log).toMatchObject([{ text: "1" }, { text: "2" }]);
    await transport.close();
  });

  test("of QoS 0 is lost with its connection", async () => {
    const broker = await startStub();
    const { transport, sockets } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, { mqtt_topic: "t" }));
    await link.established;
    const outcome = link.send("x");
    for (const socket of sockets) socket.destroy();

    expect(await outcome).toMatchObject({ type: "lost" });
    await link.closed;
    expect(await link.send("y")).toMatchObject({ type: "lost" });
    await transport.close();
  });
});

describe("a kept session", () => {
  test("is not subscribed anew, and messages for one that is not back yet wait for it", async () => {
    const broker = await startStub();
    broker.keepSession = true;
    const { transport } = createTransport();
    const a = targetOf(broker.port, { mqtt_subscribe: "a", mqtt_qos: 1 });
    const b = targetOf(broker.port, { mqtt_subscribe: "b", mqtt_qos: 1 });
    const links = [new TestLink(transport, a, 1), new TestLink(transport, b, 2)];
    await Promise.all(links.map(({ established }) => established));
    for (const socket of broker.sockets) socket.resetAndDestroy();
    await Promise.all(links.map(({ closed }) => closed));
    broker.received.length = 0;

    const again = new TestLink(transport, a, 1);
    await again.established;
    broker.write({
      cmd: "publish",
      topic: "b",
      payload: "early",
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    });
    await broker.until(() => broker.received.some(({ cmd }) => cmd === "puback"));
    const late = new TestLink(transport, b, 2);
    await late.established;

    await late.until(() => late.texts.length > 0);
    expect(late.texts).toEqual(["early"]);
    expect(broker.received.map(({ cmd }) => cmd)).toEqual(["connect", "puback"]);
    const names = broker.connects.map((packet) => packet.cmd === "connect" && packet.clientId);
    expect(names[0]).toBe(names[1]);
    await transport.close();
  });
});

describe("a connection", () => {
  test("is made once for all, and left with DISCONNECT by the last", async () => {
    const broker = await startStub();
    const { transport } = createTransport();
    const links = Array.from({ length: 20 }, () => new TestLink(transport, targetOf(broker.port, {})));
    await Promise.all(links.map(({ established }) => established));

    expect(broker.connects.length).toBe(1);
    for (const { link } of links) link.close();
    await broker.until(() => broker.received.some(({ cmd }) => cmd === "disconnect"));
    await transport.close();
    expect(transport.inspect()).toEqual([]);
    expect(links.some(({ isClosed }) => isClosed)).toBe(false);
  });

  test("ends for each of its links with the reason", async () => {
    const broker = await startStub({ version: 5 });
    const { transport } = createTransport();
    const target = withMqtt(targetOf(broker.port, {}), { version: 5 });
    const links = [new TestLink(transport, target), new TestLink(transport, target)];
    await Promise.all(links.map(({ established }) => established));

    broker.write({ cmd: "disconnect", reasonCode: 0x8b, properties: { reasonString: "maintenance" } });
    for (const link of links) {
      expect(await link.closed).toMatchObject({
        reason: { code: "mqtt-disconnected", message: expect.stringContaining(`"maintenance"`) },
      });
    }
    await transport.close();
  });

  test("that cannot be made tells why", async () => {
    const broker = await startStub();
    await broker.kill();
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, {}));

    expect(await link.closed).toMatchObject({ reason: { layer: "tcp", code: "connection-refused" } });
    await transport.close();
    await broker.start();
  });

  test("that is closed before CONNACK tells so", async () => {
    const broker = await startStub({
      on: (_, socket) => {
        socket.destroy();
        return true;
      },
    });
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, {}));

    expect(await link.closed).toMatchObject({ reason: { code: "connection-closed" } });
    await transport.close();
  });

  test("is given up by a link that closes while it is being made", async () => {
    const broker = await startStub();
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, {}));
    link.link.close();
    const other = new TestLink(transport, targetOf(broker.port, {}));
    queueMicrotask(() => other.link.close());

    await transport.close();
    expect(transport.inspect()).toEqual([]);
    expect(link.isClosed).toBe(false);
  });

  test("whose peer is silent is probed, then left", async () => {
    const broker = await startStub({ on: (packet) => packet.cmd === "pingreq" });
    const { transport } = createTransport();
    const retry = { svalidping: 1, svalidhup: 2 };
    const link = new TestLink(transport, targetOf(broker.port, {}, { retry }));
    await link.established;

    expect(await link.closed).toMatchObject({ reason: { code: "validity-timeout" } });
    expect(broker.received.map(({ cmd }) => cmd)).toContain("pingreq");
    await transport.close();
  });

  test("is watched for the most anxious of those who share it", async () => {
    const broker = await startStub({ on: (packet) => packet.cmd === "pingreq" });
    const { transport } = createTransport();
    const calm = new TestLink(
      transport,
      targetOf(broker.port, {}, { retry: { svalidping: 0, svalidhup: 0 } }),
    );
    await calm.established;
    const anxious = new TestLink(
      transport,
      targetOf(broker.port, {}, { retry: { svalidping: 1, svalidhup: 2 } }),
    );
    await anxious.established;

    expect(await anxious.closed).toMatchObject({ reason: { code: "validity-timeout" } });
    expect(await calm.closed).toMatchObject({ reason: { code: "validity-timeout" } });
    expect(broker.received.map(({ cmd }) => cmd)).toEqual(["connect", "pingreq"]);
    await transport.close();
  });

  test("closes its links when the transport closes", async () => {
    const broker = await startStub();
    const { transport } = createTransport();
    const link = new TestLink(transport, targetOf(broker.port, {}));
    await link.established;

    await transport.close();
    expect(await link.closed).toMatchObject({ reason: { code: "closed" } });
  });
});
