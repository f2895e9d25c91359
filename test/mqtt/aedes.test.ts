import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTransport, TestLink, targetOf } from "./client.ts";

describe("aedes (3.1.1)", () => {
  let server: Server;
  let broker: Aedes;
  let port = 0;
  const { transport } = createTransport();

  beforeAll(async () => {
    broker = await Aedes.createBroker({
      authorizeSubscribe: (_client, subscription, done) => {
        done(null, subscription.topic.startsWith("secret") ? null : subscription);
      },
    });
    server = createServer((socket: Socket) => broker.handle(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  });
  afterAll(async () => {
    await transport.close();
    await new Promise<void>((resolve) => broker.close(resolve));
    await new Promise((resolve) => server.close(resolve));
  });

  test.each([0, 1, 2])("a message of QoS %s comes back to its own subscription", async (qos) => {
    const keys = { mqtt_topic: `own/${qos}`, mqtt_subscribe: "own/#", mqtt_qos: qos };
    const link = new TestLink(transport, targetOf(port, keys));
    await link.established;

    expect(await link.send("hello")).toEqual({ type: "acknowledged", by: qos === 0 ? "kernel" : "peer" });
    await link.until(() => link.texts.length === 1);
    expect(link.texts).toEqual(["hello"]);
    link.link.close();
  });

  test("a subscription that is refused costs that stream its link, and no other", async () => {
    const good = new TestLink(transport, targetOf(port, { mqtt_topic: "open", mqtt_qos: 1 }));
    const bad = new TestLink(transport, targetOf(port, { mqtt_subscribe: "secret/#" }));
    await good.established;

    expect(await bad.closed).toMatchObject({
      type: "failed",
      reason: { layer: "mqtt", code: "mqtt-subscribe-refused" },
    });
    expect(await good.send("x")).toEqual({ type: "acknowledged", by: "peer" });
    good.link.close();
  });
});
