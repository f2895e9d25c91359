import { expect, test } from "vitest";
import { hours } from "../../src/lib/millis.ts";
import { createSimulation } from "../../src/testing/index.ts";

const RETRY = { backoff: [1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000], conceal: 65_535, jitterpc: 20 };
const COMMON = { endpoint: "peer", port: 80, retry: "capped" };

/**
 * A peer that accepts and closes at once, or after less than `stable_ms`, never resets the count (N7: 40 at most).
 *
 * How often it is tried follows from the policy. Without jitter the waits 1, 2, 5, 10, 30 and 60 s bring the seventh
 * attempt after 108 s, and 120 s each leave room for 29 more in the hour: 36. With all of the jitter each wait is longer
 * by a fifth: the seventh after 129.6 s, then 24 of 144 s: 31. Where each connection lives for 5 s, they come after
 * 138 s and every 125 s (34), or after 159.6 s and every 149 s (30).
 */
test.each([
  ["ws", { ...COMMON, protocol: "ws", nailed_up: true }, 0, 31, 36],
  ["mqtt, after 5 s", { ...COMMON, protocol: "mqtt", mqtt_topic: "t", nailed_up: true }, 5000, 30, 34],
  ["raw", { ...COMMON, protocol: "raw", nailed_up: true }, 0, 31, 36],
  ["h1", { ...COMMON, protocol: "h1", nailed_up: true }, 0, 31, 36],
  ["opportunistic, asked all the time", { ...COMMON, protocol: "ws", opportunistic: true }, 0, 31, 36],
])(
  "a peer that slams the door is tried as often as the waits allow: %s",
  async (_, streamtype, after, least, most) => {
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

    expect(peer.attempts.length).toBeGreaterThanOrEqual(least);
    expect(peer.attempts.length).toBeLessThanOrEqual(most);
  },
);
