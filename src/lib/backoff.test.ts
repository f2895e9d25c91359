import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Backoff, CONCEAL_ALWAYS, retryDelay, waitAfter } from "./backoff.ts";

const TABLE: Backoff = { table: [1000, 3000, 9000], conceal: 5, jitterPercent: 0 };

describe("retryDelay", () => {
  test("walks the table and repeats its last entry until conceal is used up", () => {
    const waits = [1, 2, 3, 4, 5, 6].map((failures) => retryDelay(TABLE, failures, 0));

    expect(waits).toEqual([1000, 3000, 9000, 9000, 9000, undefined]);
  });

  test("never gives up with conceal 65535", () => {
    expect(retryDelay({ ...TABLE, conceal: CONCEAL_ALWAYS }, 1_000_000, 0)).toBe(9000);
  });

  test("gives up at once with conceal 0", () => {
    expect(retryDelay({ ...TABLE, conceal: 0 }, 1, 0)).toBeUndefined();
  });

  test("adds nothing where there is no jitter", () => {
    expect(retryDelay(TABLE, 1, 0.9)).toBe(1000);
  });

  test("adds whole milliseconds between 0 and jitterPercent", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 255 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (wait, jitterPercent, fraction) => {
          const delay = waitAfter({ table: [wait], conceal: 1, jitterPercent }, 1, fraction);

          expect(Number.isInteger(delay)).toBe(true);
          expect(delay).toBeGreaterThanOrEqual(wait);
          expect(delay).toBeLessThanOrEqual(wait + (wait * jitterPercent) / 100);
        },
      ),
    );
  });

  test("waits 3 s where a table is empty", () => {
    expect(waitAfter({ ...TABLE, table: [] }, 1, 0)).toBe(3000);
  });
});
