import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SeededRandom, SimClock } from "./index.ts";

describe("SimClock", () => {
  test("fires timers by moment, and those of one moment in the order they were made", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 300 }),
        (plans) => {
          const clock = new SimClock();
          const fired: (readonly [number, number])[] = [];
          const cancels = plans.map(([at], order) => clock.wake(at, () => fired.push([at, order])));
          plans.forEach(([, isCancelled], order) => {
            if (isCancelled) cancels[order]?.();
          });
          const wanted = plans
            .map(([at, isCancelled], order) => ({ at, order, isCancelled }))
            .filter(({ isCancelled }) => !isCancelled)
            .sort((a, b) => a.at - b.at || a.order - b.order)
            .map(({ at, order }) => [at, order] as const);
          expect(clock.pending).toBe(wanted.length);
          expect(clock.next).toBe(wanted[0]?.[0]);

          clock.advance(20);

          expect(fired).toEqual(wanted);
          expect(clock.pending).toBe(0);
        },
      ),
    );
  });

  test("shows each timer its own moment, and stops at the end", () => {
    const clock = new SimClock();
    const seen: number[] = [];
    clock.wake(5, () => {
      seen.push(clock.now());
      clock.wake(7, () => seen.push(clock.now()));
      clock.wake(1, () => seen.push(clock.now()));
    });
    clock.advanceTo(10);

    expect([...seen, clock.now()]).toEqual([5, 5, 7, 10]);
  });

  test("lets a timer be called off once, twice and after it fired", () => {
    const clock = new SimClock();
    let count = 0;
    const first = clock.wake(1, () => (count += 1));
    const second = clock.wake(2, () => (count += 1));
    second();
    second();
    clock.advance(5);
    first();

    expect([count, clock.pending]).toEqual([1, 0]);
  });

  test("lets promises settle between timers when it runs, and not when it advances", async () => {
    const order = async (move: (clock: SimClock) => void | Promise<void>): Promise<string> => {
      const clock = new SimClock();
      const seen: string[] = [];
      clock.wake(1, () => void Promise.resolve().then(() => seen.push("promise")));
      clock.wake(1, () => seen.push("timer"));
      await move(clock);
      return seen.join(" ");
    };

    expect(await order((clock) => clock.run(1))).toBe("promise timer");
    expect(await order((clock) => clock.advance(1))).toBe("timer promise");
  });

  test("waits for a promise, and says so when nothing can settle it", async () => {
    const clock = new SimClock();
    const promise = new Promise((resolve) => clock.wake(50, () => resolve("done")));

    expect(await clock.until(promise)).toBe("done");
    expect(clock.now()).toBe(50);
    await expect(clock.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(clock.until(new Promise(() => {}))).rejects.toThrow("nothing is planned");
  });

  test("turns a live-lock into an error", () => {
    const clock = new SimClock();
    const again = (): void => void clock.wake(clock.now(), again);
    again();

    expect(() => clock.advance(1)).toThrow("1000000 timers fired at 0 ms");
  });

  test("keeps wall time beside its own", async () => {
    const clock = new SimClock(1000);
    clock.advance(5);
    clock.jumpWall(-500);
    expect([clock.now(), clock.wall()]).toEqual([5, 505]);

    let firedAt = 0;
    clock.wake(10, () => (firedAt = clock.now()));
    await clock.pause(100);
    expect(firedAt).toBe(105);
  });
});

describe("SeededRandom", () => {
  test("repeats itself from the same seed, and differs from its neighbours", () => {
    const draw = (seed: number): number[] =>
      Array.from({ length: 5 }, () => 0).map(
        (
          (r) => () =>
            r.uint32()
        )(new SeededRandom(seed)),
      );

    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(1)).toEqual([4_064_752_930, 1_169_703_512, 1_317_941_441, 2_551_256_358, 1_943_867_441]);
  });

  test("stays in its ranges and spreads evenly", () => {
    const random = new SeededRandom(42);
    const counts = new Array<number>(16).fill(0);
    for (let count = 0; count < 160_000; count++) {
      const slot = Math.floor(random.fraction() * 16);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    // Chi-squared with 15 degrees of freedom: above 37.7 once in a thousand.
    const chiSquared = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);

    expect(chiSquared).toBeLessThan(37.7);
    for (let count = 0; count < 1000; count++) expect(random.uint16()).toBeLessThan(65_536);
    expect(random.bytes(1000).every((byte) => Number.isInteger(byte))).toBe(true);
  });

  test("draws exponential spans with the mean asked for", () => {
    const random = new SeededRandom(3);
    let sum = 0;
    for (let count = 0; count < 100_000; count++) sum += random.exponential(600);

    expect(sum / 100_000).toBeGreaterThan(590);
    expect(sum / 100_000).toBeLessThan(610);
  });
});
