import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "vitest";
import type { ResolveEvents } from "../../dial/index.ts";
import { SystemResolver } from "./system-resolver.ts";

const BOTH: readonly LookupAddress[] = [
  { address: "192.0.2.1", family: 4 },
  { address: "2001:db8::1", family: 6 },
  { address: "192.0.2.2", family: 4 },
];

describe("SystemResolver", () => {
  test("hands over each family in the system's order, IPv6 first", () => {
    expect(ask(null, BOTH)).toEqual([
      "6 2001:db8::1",
      "6 done undefined",
      "4 192.0.2.1 192.0.2.2",
      "4 done undefined",
    ]);
  });

  test("says which family has no address", () => {
    expect(ask(null, BOTH.slice(1, 2))).toEqual(["6 2001:db8::1", "6 done undefined", "4 done no-data"]);
  });

  test.each([
    ["ENOTFOUND", "not-found"],
    ["ENODATA", "no-data"],
    ["EAI_AGAIN", "server-failure"],
    ["ETIMEOUT", "dns-timeout"],
    ["EMFILE", "too-many-files"],
    ["EAI_FAIL", "dns-failed"],
  ])("%s means %s", (code, wanted) => {
    expect(ask(Object.assign(new Error("no"), { code }), [])).toEqual([
      `6 done ${wanted}`,
      `4 done ${wanted}`,
    ]);
  });

  test("an error without a code is told as it is", () => {
    expect(ask(new Error("odd"), [])).toEqual(["6 done dns-failed", "4 done dns-failed"]);
  });

  test("is silent once cancelled, also in the middle of its answer", () => {
    expect(ask(null, BOTH, 0)).toEqual([]);
    expect(ask(null, BOTH, 1)).toEqual(["6 2001:db8::1"]);
    expect(ask(null, BOTH, 2)).toEqual(["6 2001:db8::1", "6 done undefined"]);
    expect(ask(new Error("odd"), [], 1)).toEqual(["6 done dns-failed"]);
  });
});

/** What is told for an answer; cancelled after `most` events. */
function ask(error: Error | null, found: readonly LookupAddress[], most = 9): readonly string[] {
  const told: string[] = [];
  let answer = (): void => {};
  const note = (text: string): void => {
    told.push(text);
    if (told.length === most) resolution.cancel();
  };
  const events: ResolveEvents = {
    addresses: (family, addresses) => note(`${family} ${addresses.join(" ")}`),
    done: (family, reason) => note(`${family} done ${reason?.code}`),
  };
  const resolver = new SystemResolver((_, answered) => {
    answer = () => answered(error, found);
  });
  const resolution = resolver.resolve("peer.test", events);
  if (most === 0) resolution.cancel();
  answer();
  return told;
}
