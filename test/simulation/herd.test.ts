import { describe, expect, test } from "vitest";
import { seconds } from "../../src/lib/millis.ts";
import { createSimulation } from "../../src/testing/index.ts";

const STREAMS = 1000;
const TABLE = [1000, 2000, 3000, 5000, 10_000];
const JITTER = 20;

/**
 * 1000 nailed-up streams whose peer is away for 60 s (N6). Looks at the first backoff period after its return: the
 * longest wait with all of its jitter. `ratio` is the fullest second of it over the mean second.
 */
describe("1000 streams after an outage of 60 s", () => {
  test("are all connected within one backoff period", async () => {
    const { connected, attempts } = await herd(1);

    // Who was on the way when the peer came back does not try again.
    expect(attempts).toBeGreaterThan(STREAMS - 3);
    expect(attempts).toBeLessThanOrEqual(STREAMS);
    expect(connected).toBe(STREAMS);
  });

  test("come in a crowd without jitter", async () => {
    expect((await herd(1, { jitterpc: 0 })).ratio).toBeGreaterThan(9);
  });

  test.each([1, 2, 3, 4, 5])(
    "come in no second in more than 1.2 times the mean number (seed %i)",
    async (seed) => {
      const { ratio } = await herd(seed);

      expect(ratio).toBeLessThanOrEqual(1.2);
    },
  );

  test.each([61, 65, 70, 75, 90, 120, 300, 3600])("nor after an outage of %i s", async (outage) => {
    const { ratio } = await herd(1, { outage });

    expect(ratio).toBeLessThanOrEqual(1.2);
  });

  /** Waits of 1, 2, 3, 5 and 10 s with 20 % of jitter part the streams by 6 s, half of the period. */
  test("come in half of the period after an outage of 30 s: their jitter has not parted them further", async () => {
    const { ratio } = await herd(1, { outage: 30 });

    expect(ratio).toBeGreaterThan(1.8);
    expect(ratio).toBeLessThan(2.1);
  });
});

async function herd(seed: number, { jitterpc = JITTER, outage = 60 } = {}) {
  const policy = {
    retry: { patient: { backoff: TABLE, conceal: 65_535, jitterpc } },
    streams: { ws: { endpoint: "peer", port: 80, protocol: "ws", retry: "patient", nailed_up: true } },
  } as const;
  await using simulation = await createSimulation({ policy, seed, traceLimit: 0 });
  const { clock, context } = simulation;
  const peer = simulation.peer("peer:80");
  const streams = Array.from({ length: STREAMS }, () => context.open("ws"));
  clock.advance(seconds(20));
  peer.refuse();
  clock.advance(seconds(outage));
  peer.restore();
  const before = peer.attempts.length;
  const back = clock.now();
  const period = (Math.max(...TABLE) * (100 + jitterpc)) / 100 + 2;
  clock.advance(period);
  const times = peer.attempts.slice(before).map((at) => at - back);
  // The last of them have still to shake hands.
  clock.advance(10);
  const mean = (times.length * 1000) / period;
  return {
    connected: streams.filter((stream) => stream.isConnected).length,
    attempts: times.length,
    ratio: mostWithin(times, 1000) / mean,
  };
}

/** The most of these ascending times that lie within one window of `span`, wherever it begins. */
function mostWithin(times: readonly number[], span: number): number {
  let most = 0;
  let first = 0;
  times.forEach((time, index) => {
    while (time - (times[first] ?? 0) >= span) first += 1;
    most = Math.max(most, index - first + 1);
  });
  return most;
}
