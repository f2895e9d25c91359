import { describe, expect, test } from "vitest";
import { matches } from "./topic-match.ts";

describe("a message reaches a subscription", () => {
  test.each([
    ["a/b", "a/b"],
    ["sport/#", "sport"],
    ["sport/#", "sport/a/b"],
    ["#", "a/b"],
    ["+/+", "/finance"],
    ["/+", "/finance"],
    ["sport/+", "sport/"],
    ["+", "finance"],
    ["a/+/c", "a/b/c"],
    ["$SYS/#", "$SYS/x"],
    ["$SYS/+", "$SYS/x"],
    ["$share/group/a/+", "a/b"],
  ])("%s for %s", (filter, topic) => expect(matches(filter, topic)).toBe(true));

  test.each([
    ["a/b", "a/c"],
    ["a/b", "a"],
    ["a", "a/b"],
    ["sport/+", "sport"],
    ["sport/+", "sport/a/b"],
    ["+", "/finance"],
    ["#", "$SYS/x"],
    ["+/x", "$SYS/x"],
    ["a/b/#", "a"],
    ["a/", "a"],
  ])("but not %s for %s", (filter, topic) => expect(matches(filter, topic)).toBe(false));
});
