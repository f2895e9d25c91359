import { describe, expect, test } from "vitest";
import { seededInteger } from "./mutate.ts";
import { runMutations } from "./run-mutations.ts";

describe("the decoder", () => {
  test("DNS-15 takes 100 000 mutated messages without a throw, none slow, the heap flat", () => {
    const seed = 20_261_124;

    const { accepted, throws, slowest, unstable } = runMutations(100_000, seededInteger(seed));

    expect({ throws, unstable }, `seed ${seed}`).toEqual({ throws: [], unstable: [] });
    expect(slowest).toBeLessThan(5);
    expect(accepted).toBeGreaterThan(5000);
  });
});
