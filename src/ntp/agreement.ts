import type { Millis } from "../lib/millis.ts";
import { errorNow, type Sample } from "./sample.ts";

/** What the greatest number of servers can be right about at the same time. */
export interface Agreement<Name> {
  readonly epoch: number;
  readonly error: number;
  /** Those whose intervals hold the epoch. */
  readonly agreeing: readonly Name[];
}

/**
 * The interval in which most samples overlap (Marzullo; RFC 5905, 11.2.1), and in it the best sample's opinion.
 * Undefined where no majority agrees, or there is no sample.
 */
export function agree<Name>(
  samples: readonly (readonly [Name, Sample])[],
  now: Millis,
): Agreement<Name> | undefined {
  const all = samples.map(([name, sample]) => {
    const error = errorNow(sample, now);
    return { name, epoch: sample.epoch, error, low: sample.epoch - error, high: sample.epoch + error };
  });
  let best: { readonly low: number; readonly high: number; readonly inside: typeof all } | undefined;
  // The overlap of most begins where one of them begins.
  for (const { low } of all) {
    const inside = all.filter((each) => each.low <= low && low <= each.high);
    if (best !== undefined && inside.length <= best.inside.length) continue;
    best = { low, high: Math.min(...inside.map(({ high }) => high)), inside };
  }
  if (best === undefined || best.inside.length * 2 <= all.length) return undefined;
  const { low, high, inside } = best;
  const sharpest = inside.reduce((least, each) => (each.error < least.error ? each : least));
  const epoch = Math.min(Math.max(sharpest.epoch, low), high);
  return { epoch, error: Math.max(high - epoch, epoch - low), agreeing: inside.map(({ name }) => name) };
}
