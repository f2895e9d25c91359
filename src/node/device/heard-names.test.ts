import { expect, test } from "vitest";
import type { HostResolver, ResolveEvents } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { hearNames } from "./heard-names.ts";

const FAILED: Reason = { layer: "dns", code: "no-data", message: "no address" };

test("tells where a name leads before whoever asked for it, and hands a cancellation on", () => {
  const told: unknown[] = [];
  let inner: ResolveEvents | undefined;
  const resolver: HostResolver = {
    resolve(_, events) {
      inner = events;
      return { cancel: () => told.push("cancelled") };
    },
  };
  const names = hearNames(resolver, (host, addresses) => told.push(["heard", host, addresses]));
  const resolution = names.resolve("a.test", {
    addresses: (family, addresses) => told.push(["addresses", family, addresses]),
    done: (family, reason) => told.push(["done", family, reason]),
  });

  inner?.addresses(4, ["10.0.0.1"]);
  inner?.done(6, FAILED);
  resolution.cancel();

  expect(told).toEqual([
    ["heard", "a.test", ["10.0.0.1"]],
    ["addresses", 4, ["10.0.0.1"]],
    ["done", 6, FAILED],
    "cancelled",
  ]);
});
