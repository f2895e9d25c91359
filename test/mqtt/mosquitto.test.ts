import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { peerMissing } from "../peers.ts";
import { createTransport, TestLink, targetOf, withMqtt } from "./client.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

describe.skipIf(peerMissing("mosquitto")).each([4, 5] as const)("mosquitto, protocol level %s", (version) => {
  let broker: Mosquitto;
  const { transport } = createTransport();

  beforeAll(async () => {
    broker = await startMosquitto();
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
});
