import { expect, test } from "vitest";
import { LazyResolver } from "./lazy-resolver.ts";

test("whose code cannot be loaded fails its lookups, and closes", async () => {
  const resolver = new LazyResolver(() => Promise.reject(new Error("EMFILE")));
  const request = { name: "x.test", types: ["A"], deadline: 1 } as const;
  const told: string[] = [];
  const answered = (): void => expect.unreachable();
  const cancelled = resolver.ask(request, { answered, failed: () => expect.unreachable() });
  cancelled();
  resolver.ask(request, { answered, failed: (code, name) => told.push(code, name) });
  resolver.useServers(["192.0.2.1"])();

  await expect(resolver.resolve("x.test")).rejects.toThrow("EMFILE");
  await resolver.close();
  expect(told).toEqual(["no-servers", "x.test"]);
});
