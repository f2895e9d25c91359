import { describe, expect, test } from "vitest";
import { MAX_RETRY_AFTER, retryAfter } from "./retry-after.ts";

const NOVEMBER_6_1994 = 784_111_777_000;

describe("retryAfter", () => {
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7000],
    ["99999999999999999999", MAX_RETRY_AFTER],
    ["Sun, 06 Nov 1994 08:50:37 GMT", 60_000],
    ["Sunday, 06-Nov-94 08:50:37 GMT", 60_000],
    ["Sun Nov  6 08:50:37 1994", 60_000],
    ["Sun, 06 Nov 1994 08:00:00 GMT", 0],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Mon, 29 Feb 2016 00:00:00 GMT", MAX_RETRY_AFTER],
    ["Sunday, 06-Nov-70 08:50:37 GMT", 0],
  ])("%s is %d ms", (value, wanted) => {
    expect(retryAfter(value, NOVEMBER_6_1994)).toBe(wanted);
  });

  test.each([
    [""],
    ["-1"],
    ["1.5"],
    ["soon"],
    ["Sun, 06 Nop 1994 08:50:37 GMT"],
    ["Sun, 06 anF 1994 08:50:37 GMT"],
    ["Sun, 00 Nov 1994 08:50:37 GMT"],
    ["Sun, 32 Nov 1994 08:50:37 GMT"],
    ["Sun, 06 Nov 1994 24:50:37 GMT"],
    ["Sun, 06 Nov 1994 08:60:37 GMT"],
    ["Sun, 06 Nov 1994 08:50:61 GMT"],
    ["Sun, 06 Nov 1994 08:50:37 PST"],
  ])("%j says nothing", (value) => {
    expect(retryAfter(value, NOVEMBER_6_1994)).toBeUndefined();
  });

  test("a year of two digits far ahead is of the last century", () => {
    expect(retryAfter("Sunday, 06-Nov-94 08:50:37 GMT", 1_767_225_600_000)).toBe(0);
    expect(retryAfter("Thursday, 01-Jan-26 00:00:10 GMT", 1_767_225_600_000)).toBe(10_000);
  });

  test("counts the days as the calendar does", () => {
    for (let day = 0; day < 40_000; day += 13) {
      const date = new Date(day * 86_400_000);

      expect(retryAfter(date.toUTCString(), date.getTime() - 1000)).toBe(1000);
    }
  });
});
