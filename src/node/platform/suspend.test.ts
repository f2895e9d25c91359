import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { kernelTimeAsleep, LinuxSuspend } from "./suspend.ts";

describe("the watch for sleep", () => {
  let asleep = 5000;
  const slept: number[] = [];
  let stop: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    asleep = 5000;
    slept.length = 0;
    stop = new LinuxSuspend(() => asleep).watch((length) => slept.push(length));
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
  });

  test("says nothing of what was slept before, and nothing while the machine is awake", () => {
    vi.advanceTimersByTime(3_600_000);

    expect(slept).toEqual([]);
  });

  test("tells each sleep once, with its length, within a second", () => {
    asleep += 2_400_000;
    vi.advanceTimersByTime(1000);
    expect(slept).toEqual([2_400_000]);

    vi.advanceTimersByTime(10_000);
    asleep += 1000;
    vi.advanceTimersByTime(1000);

    expect(slept).toEqual([2_400_000, 1000]);
  });

  test("takes short naps together, and does not take the noise of two clocks for sleep", () => {
    for (const nap of [0.2, -0.2, 300, 300, 300]) {
      asleep += nap;
      vi.advanceTimersByTime(1000);
    }
    expect(slept).toEqual([]);

    asleep += 300;
    vi.advanceTimersByTime(1000);

    expect(slept).toEqual([1200]);
  });

  test("ends when it is stopped", () => {
    stop();
    asleep += 60_000;
    vi.advanceTimersByTime(60_000);

    expect(slept).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.skipIf(process.platform !== "linux")("the time that the machine was asleep", () => {
  test("is what the kernel's boot clock is ahead of the monotonic one, whatever the wall clock says", () => {
    const read = kernelTimeAsleep();
    vi.spyOn(Date, "now").mockReturnValue(0);

    const before = read();
    const after = read();

    expect(before).toBeGreaterThanOrEqual(-1);
    expect(Math.abs(after - before)).toBeLessThan(100);
    vi.restoreAllMocks();
  });
});
