import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test.each([
  ["endpont", ["port", "endpoint"], "endpoint"],
  ["ENDPOINT", ["port", "endpoint"], "endpoint"],
  ["rtery", ["retry"], "retry"],
  ["tsl", ["tls", "s"], "tls"],
  ["h4", ["h1", "mqtt"], "h1"],
  ["x", ["y"], undefined],
  ["zebra", ["port", "endpoint", "proxy"], undefined],
  ["a".repeat(65), ["a".repeat(65)], undefined],
])("the name nearest to %s of %j is %s", (name, names, found) => {
  expect(nearest(name, names)).toBe(found);
});
