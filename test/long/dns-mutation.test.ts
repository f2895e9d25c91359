import { describe, expect, test } from "vitest";
import { seededInteger } from "../dns/mutate.ts";
import { runMutations } from "../dns/run-mutations.ts";

const COUNT = Number(process.env.DNS_MUTATIONS ?? 10_000_000);

describe("the decoder", () => {
  test("DNS-15 takes ten million mutated messages without a throw, none slow, the heap flat", {
    timeout: 3_600_000,
  }, () => {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
    const integer = seededInteger(seed);
    runMutations(100_000, integer);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;

    const { throws, slowest, unstable } = runMutations(COUNT, integer);

    expect({ throws, unstable }, `seed ${seed}`).toEqual({ throws: [], unstable: [] });
    expect(slowest).toBeLessThan(5);
    globalThis.gc?.();
    if (globalThis.gc !== undefined) expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  });
});
