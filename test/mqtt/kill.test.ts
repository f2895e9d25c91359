import { describe, expect, test } from "vitest";
import type { Transport } from "../../src/context/index.ts";
import { peerMissing } from "../peers.ts";
import { createTransport, TestLink, targetOf, withMqtt } from "./client.ts";
import { startMosquitto } from "./mosquitto.ts";
import { createSeeded } from "./seeded.ts";
import { StubBroker } from "./stub-broker.ts";

/** One logical stream that opens a link again whenever the last has ended, as a nailed-up stream does. */
class Sender {
  readonly acknowledged = new Set<string>();
  readonly refused: string[] = [];
  readonly received: string[] = [];
  settled = 0;
  connections = 0;
  current: TestLink | undefined;
  #stopped = false;
  readonly #transport: Transport;
  readonly #target: Parameters<Transport["open"]>[0]["target"];
  readonly #stream: number;

  constructor(transport: Transport, target: Parameters<Transport["open"]>[0]["target"], stream: number) {
    this.#transport = transport;
    this.#target = target;
    this.#stream = stream;
  }

  /** Resolves with the link once it is established. */
  async connect(): Promise<TestLink> {
    while (!this.#stopped) {
      const link = new TestLink(this.#transport, this.#target, this.#stream);
      try {
        await link.established;
        this.connections += 1;
        this.current = link;
        return link;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      } finally {
        void link.closed.then(() => {
          for (const { text } of link.messages) this.received.push(text);
        });
      }
    }
    throw new Error("stopped");
  }

  /** Hands messages over with at most `window` unsettled, over as many links as it takes. */
  async send(
    texts: readonly string[],
    window: number,
    each: (sent: number) => void = () => {},
  ): Promise<void> {
    let next = 0;
    let link = await this.connect();
    while (this.settled < texts.length) {
      if (link.isClosed) link = await this.connect();
      while (next < texts.length && next - this.settled < window && !link.isClosed) {
        const text = texts[next] ?? "";
        next += 1;
        link.link.send(Buffer.from(text), { start: true, end: true }, (outcome) => {
          this.settled += 1;
          if (outcome.type === "acknowledged") this.acknowledged.add(text);
          else this.refused.push(text);
        });
        each(next);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.current?.link.close();
    for (const { text } of this.current?.messages ?? []) this.received.push(text);
    this.#transport.forget(this.#stream);
    await this.#transport.close();
  }
}

describe("a broker that is killed under load", () => {
  test.each([
    { version: 4, keepSession: false, qos: 1 },
    { version: 5, keepSession: true, qos: 1 },
    { version: 4, keepSession: true, qos: 2 },
  ] as const)("a logging stub, 20 times: %j loses nothing, keeps order, marks repetitions", async (kind) => {
    const random = createSeeded(7);
    const broker = new StubBroker({ version: kind.version, wait: () => Math.floor(random() * 20) });
    broker.keepSession = kind.keepSession;
    await broker.start();
    const { transport } = createTransport();
    const keys = { mqtt_topic: "t", mqtt_qos: kind.qos, client_buflen: 65_536 };
    const sender = new Sender(transport, withMqtt(targetOf(broker.port, keys), { version: kind.version }), 1);
    const texts = Array.from({ length: 5000 }, (_, index) => String(index));

    let kills = 0;
    let killing = Promise.resolve();
    await sender.send(texts, 64, (sent) => {
      if (sent % 240 !== 0 || kills >= 20) return;
      kills += 1;
      killing = killing.then(async () => {
        await broker.kill();
        await broker.start();
      });
    });
    await killing;
    await sender.stop();
    await broker.kill();

    expect(kills).toBe(20);
    expect(sender.connections).toBeGreaterThan(10);
    expect(sender.refused).toEqual([]);
    expect(sender.acknowledged.size).toBe(texts.length);
    const seen = new Set<string>();
    const firsts: number[] = [];
    for (const { text, dup } of broker.log) {
      if (seen.has(text)) expect(dup).toBe(true);
      else firsts.push(Number(text));
      seen.add(text);
    }
    expect(firsts).toEqual(texts.map(Number));
    if (kind.qos === 2) expect(broker.log.length).toBe(texts.length);
    else expect(broker.log.length).toBeGreaterThan(texts.length);
  });

  test.skipIf(peerMissing("mosquitto"))(
    "mosquitto, SIGKILL 20 times: every acknowledged message reaches the subscriber",
    async () => {
      const broker = await startMosquitto([
        "allow_anonymous true",
        "max_inflight_messages 0",
        "max_queued_messages 0",
      ]);
      const { transport } = createTransport();
      const target = targetOf(broker.port, { mqtt_topic: "kill/a", mqtt_subscribe: "kill/#", mqtt_qos: 1 });
      const sender = new Sender(transport, target, 2);
      const texts = Array.from({ length: 6000 }, (_, index) => String(index));

      let kills = 0;
      let killing = Promise.resolve();
      await sender.send(texts, 100, (sent) => {
        if (sent % 280 !== 0 || kills >= 20) return;
        kills += 1;
        killing = killing.then(async () => {
          await broker.kill();
          await broker.restart();
        });
      });
      await killing;
      await sender.stop();
      await broker.stop();

      expect(kills).toBe(20);
      expect(sender.connections).toBeGreaterThan(10);
      expect(sender.refused).toEqual([]);
      expect(sender.acknowledged.size).toBe(texts.length);
      const received = new Set(sender.received);
      expect(texts.filter((text) => !received.has(text))).toEqual([]);
    },
  );
});
