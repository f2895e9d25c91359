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

    expect(connected).toBe(STREAMS);
    expect(attempts).toBe(STREAMS);
  });

  test("come in a crowd that the policy's jitter thins, and a smaller jitter thins less", async () => {
    const thin = await herd(1, 100);
    const usual = await herd(1);
    const none = await herd(1, 0);

    expect(thin.ratio).toBeLessThan(2.1);
    expect(usual.ratio).toBeLessThan(4);
    expect(none.ratio).toBeGreaterThan(9);
  });

  /**
   * Not reached: the arithmetic of libwebsockets adds 0 to 20 % to each wait, so that streams which lost their peer
   * together stay together: 3.3 to 3.5 times the mean is measured. Independent uniform draws of 1000 streams over this
   * period would give 1.16 to 1.30.
   */
  test.fails("come in no second in more than 1.2 times the mean number", async () => {
    const { ratio } = await herd(1);

    expect(ratio).toBeLessThanOrEqual(1.2);
  });
});

async function herd(seed: number, jitterpc = JITTER) {
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
  clock.advance(seconds(60));
  peer.restore();
  const before = peer.attempts.length;
  const back = clock.now();
  const period = (Math.max(...TABLE) * (100 + jitterpc)) / 100 + 2;
  clock.advance(period);
  const times = peer.attempts.slice(before).map((at) => at - back);
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
    while (time - (times[first] ?? 0) > span) first += 1;
    most = Math.max(most, index - first + 1);
  });
  return most;
}
