import { expect, test } from "vitest";
import { kernelRandom } from "./kernel-random.ts";

test.runIf(process.platform === "linux")(
  "the kernel fills all that is asked for, and never the same twice",
  () => {
    const random = kernelRandom();
    const long = random.bytes(100_000);
    expect(long.slice(-64).some((byte) => byte !== 0)).toBe(true);
    const seen = new Set(Array.from({ length: 1000 }, () => random.bytes(8).toString()));
    expect(seen.size).toBe(1000);
    const fractions = Array.from({ length: 1000 }, () => random.fraction());
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...fractions)).toBeLessThan(1);
    expect(new Set(fractions).size).toBe(1000);
  },
);
