import { describe, expect, test } from "vitest";
import { definePolicy } from "../policy/index.ts";
import { createSimulation } from "./index.ts";

const policy = definePolicy({
  retry: { patient: { backoff: [1000, 5000], conceal: 65_535, jitterpc: 0 } },
  streams: {
    telemetry: {
      endpoint: "broker.example",
      port: 1883,
      protocol: "mqtt",
      mqtt_topic: "t",
      retry: "patient",
      nailed_up: true,
      mqtt_qos: 1,
    },
    config: { endpoint: "api.example", port: 80, protocol: "h1", retry: "patient" },
  },
});

describe("createSimulation", () => {
  test("runs a nailed-up stream through an outage", async () => {
    await using simulation = await createSimulation({ policy, seed: 7 });
    const broker = simulation.peer("broker.example:1883");
    broker.outages([{ at: 10_000, span: 8000 }]);

    const stream = simulation.context.open("telemetry");
    await simulation.run(60_000);

    expect(simulation.trace.states(stream)).toEqual([
      "creating",
      "connecting",
      "connected",
      "disconnected",
      "connecting",
      "unreachable",
      "connecting",
      "unreachable",
      "connecting",
      "connected",
    ]);
    expect(await simulation.until(stream.send("hello"))).toEqual({ by: "peer" });
  });

  test("answers a request", async () => {
    await using simulation = await createSimulation({ policy });
    simulation.peer("api.example:80", { http: ({ path }) => ({ payload: `you asked ${path}` }) });

    const reply = await simulation.until(simulation.context.request("config"));

    expect(reply.status).toBe(200);
    expect(await simulation.until(reply.text())).toBe("you asked /");
  });
});
