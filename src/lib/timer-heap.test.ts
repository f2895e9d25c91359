import fc from "fast-check";
import { expect, test } from "vitest";
import { type Timer, TimerHeap } from "./timer-heap.ts";

test("gives timers by moment, and first in, first out among those of one moment", () => {
  const heap = new TimerHeap();
  for (const [order, at] of [5, 1, 5, 3, 1].entries()) heap.push(timer(at, order));

  expect(drain(heap)).toEqual([
    [1, 1],
    [1, 4],
    [3, 3],
    [5, 0],
    [5, 2],
  ]);
});

test("forgets what is called off, once", () => {
  const heap = new TimerHeap();
  const first = timer(1, 0);
  heap.push(first);
  heap.push(timer(2, 1));

  heap.cancel(first);
  heap.cancel(first);

  expect(heap.size).toBe(1);
  expect(drain(heap)).toEqual([[2, 1]]);
  expect(heap.size).toBe(0);
  expect(heap.pop()).toBeUndefined();
});

test("is a sorted list, whatever is added, taken and called off (property)", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), at: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ do: fc.constant("pop" as const), at: fc.constant(0) }),
    fc.record({ do: fc.constant("cancel" as const), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const heap = new TimerHeap();
      const model: Timer[] = [];
      for (const [order, { do: what, at }] of steps.entries()) {
        if (what === "push") {
          const made = timer(at, order);
          heap.push(made);
          model.push(made);
        } else if (what === "pop") {
          model.sort((a, b) => a.at - b.at || a.order - b.order);
          expect(heap.pop()).toBe(model.shift());
        } else if (model.length > 0) {
          const [gone] = model.splice(at % model.length, 1) as [Timer];
          heap.cancel(gone);
        }
        expect(heap.size).toBe(model.length);
      }
    }),
    { numRuns: 200, seed: 5 },
  );
});

test("keeps no more than twice what is armed, beyond a few", () => {
  const heap = new TimerHeap();
  const made = Array.from({ length: 10_000 }, (_, order) => timer(order, order));
  for (const each of made) heap.push(each);
  for (const each of made.slice(0, 9990)) heap.cancel(each);

  expect(heap.size).toBe(10);
  expect(drain(heap)).toHaveLength(10);
});

function timer(at: number, order: number): Timer {
  return { at, order, run: () => {} };
}

function drain(heap: TimerHeap): [number, number][] {
  const taken: [number, number][] = [];
  for (let next = heap.pop(); next !== undefined; next = heap.pop()) taken.push([next.at, next.order]);
  return taken;
}
