import { expect, test } from "vitest";
import { hours, minutes, seconds } from "../../src/lib/millis.ts";
import { createSimulation } from "../../src/testing/index.ts";

const YEAR = 31_556_952_000;
const POLICY = {
  retry: { capped: { backoff: [1000, 60_000], conceal: 65_535, jitterpc: 0, svalidping: 30, svalidhup: 35 } },
  streams: { ws: { endpoint: "peer", port: 80, protocol: "ws", retry: "capped", nailed_up: true } },
} as const;

test.each([10 * YEAR, -10 * YEAR])("a wall clock that jumps by %i ms changes nothing (S4)", async (jump) => {
  const traces = [];
  for (const span of [0, jump]) {
    await using simulation = await createSimulation({ policy: POLICY });
    simulation.peer("peer:80").outages([{ at: minutes(2), span: minutes(3) }]);
    simulation.context.open("ws");
    simulation.clock.advance(minutes(1));
    simulation.clock.jumpWall(span);
    simulation.clock.advance(minutes(2));
    simulation.clock.jumpWall(-span);
    simulation.clock.advance(minutes(10));
    traces.push(simulation.trace.text());
  }

  expect(traces[0]).toBe(traces[1]);
});

test("a process that is stopped for an hour tries once when it goes on, and waits as before (S4)", async () => {
  await using simulation = await createSimulation({ policy: POLICY });
  const peer = simulation.peer("peer:80");
  peer.refuse();
  simulation.context.open("ws");
  simulation.clock.advance(seconds(30));
  expect(peer.attempts).toEqual([0, 1002]);

  await simulation.clock.pause(hours(1));
  simulation.clock.advance(seconds(59));
  expect(peer.attempts).toEqual([0, 1002, hours(1) + seconds(30)]);

  simulation.clock.advance(seconds(2));
  expect(peer.attempts).toHaveLength(4);
});

test("a connection that died while the process was stopped is found at once (S4)", async () => {
  await using simulation = await createSimulation({ policy: POLICY });
  const peer = simulation.peer("peer:80");
  const stream = simulation.context.open("ws");
  simulation.clock.advance(minutes(5));
  peer.silence();

  await simulation.clock.pause(hours(1));

  expect(stream.state).toBe("disconnected");
  expect(simulation.trace.entries.at(-1)).toMatchObject({
    reason: { code: "validity-timeout" },
    retryIn: 1000,
  });
});
