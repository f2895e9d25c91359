import { expect, test } from "vitest";
import { LazyResolver } from "./lazy-resolver.ts";

test.each([
  [new Error("not installed"), "no-servers"],
  ["not installed", "no-servers"],
  [Object.assign(new Error("open"), { code: "EMFILE" }), "too-many-files"],
  [Object.assign(new Error("open"), { code: "ENFILE" }), "too-many-files"],
])(
  "whose code cannot be loaded (%s) fails its lookups as %s, tries again, and closes",
  async (error, expected) => {
    let loads = 0;
    const resolver = new LazyResolver(() => {
      loads += 1;
      return Promise.reject(error);
    });
    const request = { name: "x.test", types: ["A"], deadline: 1 } as const;
    const told: string[] = [];
    const answered = (): void => expect.unreachable();
    const cancelled = resolver.ask(request, { answered, failed: () => expect.unreachable() });
    cancelled();
    resolver.ask(request, { answered, failed: (code, name) => told.push(code, name) });
    resolver.useServers(["192.0.2.1"])();

    await expect(resolver.resolve("x.test")).rejects.toBe(error);
    await expect(resolver.resolve("x.test")).rejects.toBe(error);
    await resolver.close();
    expect(told).toEqual([expected, "x.test"]);
    expect(loads).toBeGreaterThan(1);
  },
);
