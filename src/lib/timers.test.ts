import fc from "fast-check";
import { expect, test } from "vitest";
import { Timers } from "./timers.ts";

const raise = (error: unknown): never => {
  throw error;
};

test("fires in order of moment, first in, first out on ties, whatever the class", () => {
  const { timers, at, heard, note } = world();
  timers.add(10, note("a"), { class: "miss" });
  timers.add(10, note("b"));
  timers.add(5, note("c"));
  timers.add(10, note("d"), { class: "miss" });
  timers.add(11, note("later"));

  at(10);
  timers.fire(raise);

  expect(heard).toEqual(["c", "a", "b", "d"]);
  expect(timers.size).toBe(1);
});

test("says when it must be called: a timer that may be missed is late by the slack, one that wakes is not", () => {
  const { timers, note } = world(100);
  expect(timers.deadline).toBe(Number.POSITIVE_INFINITY);
  timers.add(50, note("miss"), { class: "miss" });

  expect([timers.deadline, timers.wakeDeadline]).toEqual([150, Number.POSITIVE_INFINITY]);

  const cancel = timers.add(120, note("wake"));
  expect([timers.deadline, timers.wakeDeadline]).toEqual([120, 120]);

  cancel();
  expect([timers.deadline, timers.wakeDeadline]).toEqual([150, Number.POSITIVE_INFINITY]);
});

test("a late one shares the turn of one that wakes", () => {
  const { timers, at, heard, note } = world(100);
  timers.add(50, note("miss"), { class: "miss" });
  timers.add(60, note("wake"));

  at(timers.deadline);
  timers.fire(raise);

  expect(heard).toEqual(["miss", "wake"]);
});

test("a periodic one does not drift, and leaves out the spans it missed", () => {
  const { timers, at, heard, note } = world();
  timers.add(100, note("tick"), { every: 100 });

  at(103);
  timers.fire(raise);
  expect(timers.deadline).toBe(200);

  at(567);
  timers.fire(raise);
  expect(heard).toEqual(["tick", "tick"]);
  expect(timers.deadline).toBe(600);
});

test("a periodic one can be called off from inside itself", () => {
  const { timers, at, heard } = world();
  const cancel = timers.add(
    1,
    () => {
      heard.push("once");
      cancel();
    },
    { every: 1 },
  );

  for (const moment of [1, 2, 3]) {
    at(moment);
    timers.fire(raise);
  }

  expect(heard).toEqual(["once"]);
  expect(timers.size).toBe(0);
});

test("time asleep counts: what was due meanwhile fires at once, and the clock goes on from there", () => {
  const { timers, at, heard, note } = world();
  timers.add(1000, note("lease"));
  timers.add(5000, note("poll"), { class: "miss" });
  at(10);

  timers.slept(3000);

  expect(timers.now()).toBe(3010);
  expect(timers.deadline).toBe(-2000);
  timers.fire(raise);
  expect(heard).toEqual(["lease"]);
  expect(timers.deadline).toBe(2000);
});

test("what is added while it fires waits for the next call, even if it is due", () => {
  const { timers, at, heard } = world();
  const again = (): void => {
    heard.push("again");
    timers.add(0, again);
  };
  timers.add(0, again);

  at(1);
  timers.fire(raise);
  expect(heard).toEqual(["again"]);
  timers.fire(raise);
  expect(heard).toEqual(["again", "again"]);
});

test("what one throws is raised, and the others still fire", () => {
  const { timers, at, heard, note } = world();
  timers.add(1, () => {
    throw new Error("broken");
  });
  timers.add(1, note("after"));
  at(1);

  const raised: unknown[] = [];
  timers.fire((error) => raised.push(error));

  expect(raised).toEqual([new Error("broken")]);
  expect(heard).toEqual(["after"]);
});

test("one that arms itself for the past does not keep the others waiting", () => {
  const { timers, at, heard, note } = world();
  const again = (): void => {
    timers.add(0, again);
  };
  timers.add(0, again);
  timers.add(2, note("patient"));
  at(3);

  timers.fire(raise);

  expect(heard).toEqual(["patient"]);
});

test("calling off what has fired does nothing", () => {
  const { timers, at, note } = world();
  const cancel = timers.add(1, note("a"));
  at(1);
  timers.fire(raise);

  cancel();

  expect(timers.size).toBe(0);
});

test("fires everything exactly once and in order, whatever the classes, sleeps and cancellations (property)", () => {
  const plan = fc.record({
    at: fc.integer({ min: 0, max: 50 }),
    miss: fc.boolean(),
    cancel: fc.boolean(),
    sleep: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(plan, { maxLength: 60 }), (plans) => {
      const { timers, at } = world();
      const fired: number[] = [];
      const wanted: number[] = [];
      for (const [index, { at: moment, miss, cancel }] of plans.entries()) {
        const off = timers.add(moment, () => fired.push(index), { class: miss ? "miss" : "wake" });
        if (cancel) off();
        else wanted.push(index);
      }
      let now = 0;
      for (const { sleep } of plans) {
        timers.slept(sleep);
        at(now++);
        timers.fire(raise);
      }
      at(100);
      timers.fire(raise);
      const order = (index: number): number => Number(plans[index]?.at);
      expect(fired).toEqual(wanted.toSorted((a, b) => order(a) - order(b) || a - b));
      expect(timers.size).toBe(0);
    }),
    { numRuns: 300, seed: 7 },
  );
});

function world(slack?: number) {
  let now = 0;
  const heard: string[] = [];
  return {
    timers: new Timers(slack === undefined ? { now: () => now } : { now: () => now, slack }),
    at: (moment: number): void => {
      now = moment;
    },
    heard,
    note: (name: string) => (): void => {
      heard.push(name);
    },
  };
}
