import { expect, test } from "vitest";
import { TransientMap } from "./transient-map.ts";

test("a TransientMap gives back what was put there, once it is taken out nothing", () => {
  const map = new TransientMap<string, { readonly name: string }>();
  map.set("a", { name: "one" });
  map.set("a", { name: "two" });
  map.set("b", { name: "three" });

  expect([map.size, map.get("a"), map.get("c")]).toEqual([2, { name: "two" }, undefined]);
  expect(map.values()).toEqual([{ name: "two" }, { name: "three" }]);
  expect([map.delete("a"), map.delete("a"), map.size]).toEqual([{ name: "two" }, undefined, 1]);
});
