import { describe, expect, test } from "vitest";
import { Spread } from "./spread.ts";

describe("Spread", () => {
  test("halves the widest gap with each draw", () => {
    const spread = begunAt(0);

    expect(Array.from({ length: 8 }, () => spread.next())).toEqual([
      0,
      1 / 2,
      1 / 4,
      3 / 4,
      1 / 8,
      5 / 8,
      3 / 8,
      7 / 8,
    ]);
  });

  test.each([0, 0.25, 0.999])(
    "begun at %d leaves no tenth with more than 12 of any 100 in a row",
    (start) => {
      const spread = begunAt(start);
      for (let run = 0; run < 20; run++) {
        const tenths = new Array<number>(10).fill(0);
        for (let draw = 0; draw < 100; draw++) {
          const fraction = spread.next();
          expect(fraction).toBeGreaterThanOrEqual(0);
          expect(fraction).toBeLessThan(1);
          const tenth = Math.floor(fraction * 10);
          tenths[tenth] = (tenths[tenth] ?? 0) + 1;
        }

        expect(Math.max(...tenths)).toBeLessThanOrEqual(12);
        expect(Math.min(...tenths)).toBeGreaterThanOrEqual(8);
      }
    },
  );
});

function begunAt(start: number): Spread {
  return new Spread({ fraction: () => start, uint16: () => 0, bytes: (length) => new Uint8Array(length) });
}
