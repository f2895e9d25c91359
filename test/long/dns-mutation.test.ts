import { describe, expect, test } from "vitest";
import { collectGarbage } from "../dns/garbage.ts";
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
    collectGarbage();
    const before = process.memoryUsage().heapUsed;

    const { throws, slowest, unstable, disputed } = runMutations(COUNT, integer);

    expect({ throws, unstable, disputed }, `seed ${seed}`).toEqual({
      throws: [],
      unstable: [],
      disputed: [],
    });
    expect(slowest).toBeLessThan(5);
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
  });
});
