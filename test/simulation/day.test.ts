// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of the policy
import { describe, expect, test } from "vitest";
import { hours, minutes, seconds } from "../../src/lib/millis.ts";
import { createSimulation, type Outage, type SeededRandom } from "../../src/testing/index.ts";

const STREAMS = 500;
const TABLE = [1000, 2000, 3000, 5000, 10_000];
const JITTER = 20;
const POLICY = {
  retry: { patient: { backoff: TABLE, conceal: 65_535, jitterpc: JITTER } },
  streams: {
    telemetry: {
      endpoint: "${host}",
      port: 8883,
      protocol: "mqtt",
      mqtt_topic: "t",
      retry: "patient",
      nailed_up: true,
      metadata: { host: "" },
    },
  },
} as const;

describe("24 hours of 500 nailed-up streams, each peer out once in 10 minutes on average (S1)", () => {
  test("pass in under 60 s, with the same trace three times, attempts as the policy says, and nothing left over", async () => {
    const hashes = new Set<string>();
    for (let run = 0; run < 3; run++) {
      const began = performance.now();
      const day = await simulateDay(20_261_124);
      hashes.add(day.hash);

      expect(performance.now() - began).toBeLessThan(60_000);
      expect(day.outages).toBeGreaterThan(60_000);
      expect(day.wrong).toEqual([]);
      expect(day.leftOver).toEqual({ streams: [], connections: [], timers: 0 });
      if (run === 0)
        console.log(
          `  24 h of ${STREAMS} streams: ${day.outages} outages, ${day.states} changes of state, ${Math.round(performance.now() - began)} ms`,
        );
    }
    expect(hashes.size).toBe(1);
  }, 180_000);

  test("another seed gives another trace", async () => {
    expect((await simulateDay(1, minutes(60))).hash).not.toBe((await simulateDay(2, minutes(60))).hash);
  });
});

async function simulateDay(seed: number, span = hours(24)) {
  const simulation = await createSimulation({ policy: POLICY, seed, traceLimit: 0 });
  const { clock, context } = simulation;
  const plans = Array.from({ length: STREAMS }, (_, index) => {
    const host = `peer-${index}`;
    const schedule = outagesOf(simulation.random, span);
    const peer = simulation.peer(`${host}:8883`);
    peer.outages(schedule);
    context.open("telemetry", { metadata: { host } });
    return { peer, schedule };
  });
  clock.advance(span);
  const wrong = plans.flatMap(({ peer, schedule }, index) => {
    const bounds = attemptsWithin(schedule);
    const count = peer.attempts.length;
    return count < bounds.least || count > bounds.most ? [{ index, count, ...bounds }] : [];
  });
  await context.close();
  clock.advance(minutes(10));
  const leftOver = { ...context.inspect(), timers: clock.pending };
  const outages = plans.reduce((sum, { schedule }) => sum + schedule.length, 0);
  return { hash: simulation.trace.hash(), states: simulation.trace.length, outages, wrong, leftOver };
}

/** Outages of 1 to 60 s that begin once in 10 minutes on average, at least 30 s apart so that each begins anew. */
function outagesOf(random: SeededRandom, span: number): Outage[] {
  const schedule: Outage[] = [];
  let at = seconds(30);
  for (;;) {
    at += random.exponential(minutes(9));
    const length = seconds(1) + random.fraction() * seconds(59);
    if (at + length + seconds(30) > span) return schedule;
    schedule.push({ at, span: length });
    at += length + seconds(30);
  }
}

/**
 * How often a peer may be tried: once at first, then per outage as often as the table's waits fit into it, each
 * lengthened by no jitter (most) or by all of it (least), and once more to succeed.
 */
function attemptsWithin(schedule: readonly Outage[]): { readonly least: number; readonly most: number } {
  let least = 1;
  let most = 1;
  for (const { span } of schedule) {
    least += triesUntil(span, 1 + JITTER / 100);
    most += triesUntil(span, 1);
  }
  return { least, most };
}

function triesUntil(span: number, stretch: number): number {
  let at = 0;
  for (let failures = 1; ; failures++) {
    // Each attempt takes 2 ms there and back; one that leaves just before the end arrives after it.
    at += (TABLE[Math.min(failures, TABLE.length) - 1] ?? 0) * stretch + 2;
    if (at >= span) return failures;
  }
}
