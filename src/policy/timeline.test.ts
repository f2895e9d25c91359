import { expect, test } from "vitest";
import { retryDelay } from "../lib/backoff.ts";
import { BUILT_IN_RETRY } from "./defaults.ts";
import { retryTimeline } from "./timeline.ts";

test("the built-in retry makes six attempts within 21 to 25.2 seconds of waiting, and 100 more of silence", () => {
  expect(retryTimeline(BUILT_IN_RETRY, 20_000)).toEqual([
    { number: 1, wait: [0, 0], elapsed: [0, 0], elapsedInSilence: [0, 0], isLast: false },
    {
      number: 2,
      wait: [1000, 1200],
      elapsed: [1000, 1200],
      elapsedInSilence: [21_000, 21_200],
      isLast: false,
    },
    {
      number: 3,
      wait: [2000, 2400],
      elapsed: [3000, 3600],
      elapsedInSilence: [43_000, 43_600],
      isLast: false,
    },
    {
      number: 4,
      wait: [3000, 3600],
      elapsed: [6000, 7200],
      elapsedInSilence: [66_000, 67_200],
      isLast: false,
    },
    {
      number: 5,
      wait: [5000, 6000],
      elapsed: [11_000, 13_200],
      elapsedInSilence: [91_000, 93_200],
      isLast: false,
    },
    {
      number: 6,
      wait: [10_000, 12_000],
      elapsed: [21_000, 25_200],
      elapsedInSilence: [121_000, 125_200],
      isLast: true,
    },
  ]);
});

test("a retry that never gives up is shown as far as asked", () => {
  const attempts = retryTimeline({ table: [10], conceal: 65_535, jitterPercent: 0 }, 0, 4);

  expect(attempts.map((attempt) => attempt.wait)).toEqual([
    [0, 0],
    [10, 10],
    [10, 10],
    [10, 10],
  ]);
  expect(attempts.some((attempt) => attempt.isLast)).toBe(false);
});

test("the timeline holds the waits that the stream makes", () => {
  const least = 0;
  const most = 1 - 2 ** -53;

  for (const attempt of retryTimeline(BUILT_IN_RETRY, 0).slice(1)) {
    const [low, high] = attempt.wait;
    expect(retryDelay(BUILT_IN_RETRY, attempt.number - 1, least)).toBe(low);
    expect(retryDelay(BUILT_IN_RETRY, attempt.number - 1, most)).toBeGreaterThanOrEqual(high - 1);
    expect(retryDelay(BUILT_IN_RETRY, attempt.number - 1, most)).toBeLessThanOrEqual(high);
  }
  expect(retryDelay(BUILT_IN_RETRY, 6, least)).toBeUndefined();
});
