import { expect, test } from "vitest";
import { hours } from "../../src/lib/millis.ts";
import { createSimulation } from "../../src/testing/index.ts";

const RETRY = { backoff: [1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000], conceal: 65_535, jitterpc: 20 };
const COMMON = { endpoint: "peer", port: 80, retry: "capped" };

/** A peer that accepts and closes at once, or after less than `stable_ms`, never resets the count (N7). */
test.each([
  ["ws", { ...COMMON, protocol: "ws", nailed_up: true }, 0],
  ["mqtt, after 5 s", { ...COMMON, protocol: "mqtt", mqtt_topic: "t", nailed_up: true }, 5000],
  ["raw", { ...COMMON, protocol: "raw", nailed_up: true }, 0],
  ["h1", { ...COMMON, protocol: "h1", nailed_up: true }, 0],
  ["opportunistic, asked all the time", { ...COMMON, protocol: "ws", opportunistic: true }, 0],
])("a peer that slams the door is tried at most 40 times an hour: %s", async (_, streamtype, after) => {
  await using simulation = await createSimulation({
    policy: { retry: { capped: RETRY }, streams: { door: streamtype } } as object,
  });
  const peer = simulation.peer("peer:80");
  peer.slam(after);
  const stream = simulation.context.open("door" as never);
  const ask = (): void => {
    if (streamtype.protocol === "ws") stream.send("x").catch(() => {});
    simulation.clock.wake(simulation.clock.now() + 100, ask);
  };
  ask();

  simulation.clock.advance(hours(1));

  expect(peer.attempts.length).toBeGreaterThanOrEqual(28);
  expect(peer.attempts.length).toBeLessThanOrEqual(40);
});
