import { expect, test } from "vitest";
import { runMutations } from "../dhcp/run-mutations.ts";
import { seededInteger } from "../dns/mutate.ts";

const COUNT = Number(process.env.DHCP_MUTATIONS ?? 1_000_000);

test("takes a million DHCP replies with faults without a throw, the heap flat", {
  timeout: 3_600_000,
}, () => {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  const integer = seededInteger(seed);
  runMutations(50_000, integer);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;

  const { throws, insane, unstable, taken } = runMutations(COUNT, integer);

  expect({ throws, insane, unstable }, `seed ${seed}`).toEqual({ throws: [], insane: [], unstable: [] });
  expect(taken).toBeGreaterThan(COUNT / 200);
  globalThis.gc?.();
  if (globalThis.gc !== undefined) expect(process.memoryUsage().heapUsed - before).toBeLessThan(5_000_000);
});
