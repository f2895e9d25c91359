import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Backoff, CONCEAL_ALWAYS } from "../lib/backoff.ts";
import type { Reason } from "../lib/errors.ts";
import { Spread } from "../lib/spread.ts";
import { Retries } from "./retries.ts";

const BACKOFF: Backoff = {
  table: [1000, 2000, 3000, 5000, 10_000],
  conceal: CONCEAL_ALWAYS,
  jitterPercent: 20,
};

const LOST: Reason = { layer: "tcp", code: "connection-reset", message: "lost" };

describe("what says nothing about the peer", () => {
  test("is not counted: another network is tried at once, another time after the first wait", () => {
    const retries = new Retries(begunAt(0));
    const backoff = { ...BACKOFF, conceal: 0 };
    const changed: Reason = { layer: "tcp", code: "network-changed", message: "gone" };
    const unknown: Reason = { layer: "tls", code: "time-unknown", message: "when" };
    for (const reason of [changed, unknown, unknown]) retries.fail(reason);

    expect([retries.failures, retries.last]).toEqual([0, unknown]);
    expect([retries.delay(backoff, changed), retries.delay(backoff, unknown)]).toEqual([0, 1000]);
  });
});

describe("the waits of one outage", () => {
  test("take one part of the jitter until the crowd is a whole wait wide", () => {
    expect(waits(BACKOFF, 0.5, 7)).toEqual([1100, 2200, 3300, 5500, 11_000, 11_000, 11_000]);
  });

  test("then follow one another without a gap: the fastest begins where the slowest has ended", () => {
    const fastest = times(BACKOFF, 0, 11);
    const slowest = times(BACKOFF, 1 - 2 ** -53, 11);

    expect(fastest.slice(6)).toEqual([41_000, 51_000, 61_200, 73_200, 85_200]);
    expect(slowest.slice(6)).toEqual([49_193, 61_192, 73_191, 85_191, 97_191]);
  });

  test("draw a new part once the peer has proved to work", () => {
    const spread = begunAt(0);
    const retries = new Retries(spread);
    retries.fail(LOST);
    const first = retries.delay(BACKOFF, LOST);
    retries.forgive();
    retries.fail(LOST);

    expect([first, retries.delay(BACKOFF, LOST)]).toEqual([1000, 1100]);
  });

  test("have no jitter where the policy wants none", () => {
    expect(waits({ ...BACKOFF, jitterPercent: 0 }, 0.9, 6)).toEqual([1000, 2000, 3000, 5000, 10_000, 10_000]);
  });

  test("never leave the range that the policy gives, whatever the table", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 0, max: 255 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (table, jitterPercent, part) => {
          waits({ table, conceal: CONCEAL_ALWAYS, jitterPercent }, part, 20).forEach((wait, index) => {
            const least = table[Math.min(index, table.length - 1)] ?? 0;

            expect(wait).toBeGreaterThanOrEqual(least);
            expect(wait).toBeLessThanOrEqual(least + (least * jitterPercent) / 100);
          });
        },
      ),
    );
  });

  test("end when conceal is used up", () => {
    expect(waits({ ...BACKOFF, conceal: 1 }, 0, 2)).toEqual([1000, undefined]);
  });
});

test("a wait that is no retry takes its part of the jitter too", () => {
  const retries = new Retries(begunAt(0.5));
  retries.fail(LOST);

  expect(retries.wait(BACKOFF)).toBe(1100);
});

function waits(backoff: Backoff, part: number, count: number): readonly (number | undefined)[] {
  const retries = new Retries(begunAt(part));
  return Array.from({ length: count }, () => {
    retries.fail(LOST);
    return retries.delay(backoff, LOST);
  });
}

function times(backoff: Backoff, part: number, count: number): readonly number[] {
  let sum = 0;
  return waits(backoff, part, count).map((wait) => {
    sum += wait ?? Number.NaN;
    return sum;
  });
}

/** A source whose first draw is `part`. */
function begunAt(part: number): Spread {
  return new Spread({ fraction: () => part, uint16: () => 0, bytes: (length) => new Uint8Array(length) });
}
