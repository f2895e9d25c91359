import { expect, test } from "vitest";
import type { Clock } from "../../../context/index.ts";
import { Redial } from "./redial.ts";

test("pauses longer from one connection to the next, up to 1 s, and after eight gives back to the policy", () => {
  const { clock, pauses, turn } = fakeClock();
  let runs = 0;
  const redial = new Redial(clock, () => {
    runs += 1;
  });

  const answers = Array.from({ length: 9 }, () => {
    const answer = redial.again();
    turn();
    return answer;
  });

  expect(answers).toEqual([...Array(8).fill(true), false]);
  expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000, 1000, 1000]);
  expect(runs).toBe(8);
  expect(redial.isPending).toBe(false);
});

test("begins anew once a trial is over, and can be called off", () => {
  const { clock, pauses, turn } = fakeClock();
  let runs = 0;
  const redial = new Redial(clock, () => {
    runs += 1;
  });
  redial.again();
  turn();
  redial.again();
  turn();

  redial.reset();
  redial.again();
  expect(redial.isPending).toBe(true);
  redial.stop();
  redial.stop();
  turn();

  expect(pauses).toEqual([100, 200, 100]);
  expect(redial.isPending).toBe(false);
  expect(runs).toBe(2);
});

/** Stands at 0; `turn` runs what waits. */
function fakeClock(): {
  readonly clock: Clock;
  readonly pauses: readonly number[];
  readonly turn: () => void;
} {
  const pauses: number[] = [];
  const waiting = new Set<() => void>();
  const clock: Clock = {
    now: () => 0,
    wall: () => 0,
    wake(at, run) {
      pauses.push(at);
      waiting.add(run);
      return () => waiting.delete(run);
    },
  };
  const turn = (): void => {
    for (const run of waiting) run();
    waiting.clear();
  };
  return { clock, pauses, turn };
}
