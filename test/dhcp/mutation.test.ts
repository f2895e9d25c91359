import { expect, test } from "vitest";
import { seededInteger } from "../dns/mutate.ts";
import { runMutations } from "./run-mutations.ts";

test("takes a hundred thousand replies with faults without a throw, and no lease that no host should use", {
  timeout: 60_000,
}, () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  const { throws, insane, unstable, taken, slowest } = runMutations(100_000, seededInteger(seed));

  expect({ throws, insane, unstable }, `seed ${seed}`).toEqual({ throws: [], insane: [], unstable: [] });
  expect(taken).toBeGreaterThan(500);
  expect(slowest).toBeLessThan(5);
});
