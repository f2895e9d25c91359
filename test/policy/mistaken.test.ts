import { describe, expect, test } from "vitest";
import { createContext, UsageError } from "../../src/index.ts";

const create = createContext as (options: unknown) => Promise<unknown>;

describe("createContext() with what it cannot use", () => {
  test.each<[string, unknown, string]>([
    ["options of null", null, "Cannot create the context: expected an object of options"],
    ["options of a text", "policy.json", "Cannot create the context: expected an object of options"],
    [
      "a resolver of a number",
      { resolver: 5 },
      'Cannot create the context: "resolver" has no ask() and no resolve()',
    ],
    [
      "a resolver that cannot",
      { resolver: {} },
      'Cannot create the context: "resolver" has no ask() and no resolve()',
    ],
    ["a time of a number", { time: 5 }, 'Cannot create the context: "time" has no now()'],
    ["a logger of a text", { logger: "x" }, "Cannot create the context: the logger is a string"],
    ["a logger of null", { logger: null }, "Cannot create the context: the logger is null"],
    ["a logger that warns nobody", { logger: { debug() {}, info() {} } }, "the logger has no warn()"],
  ])("says so: %s", async (_, options, message) => {
    const created = create(options);

    await expect(created).rejects.toThrow(message);
    await expect(created).rejects.toThrow(UsageError);
  });
});

describe("a policy that is no JSON object", () => {
  test.each<[string, string, string]>([
    ["a list of 10 MB", `[${" ".repeat(10_000_000)}`, "policy-too-large"],
    ["a list", '["a"]', "policy-type"],
    ["lines of something", "streams:\n  a:\n", "policy-syntax"],
    ["a word without end", "x".repeat(100_000), "policy-syntax"],
    ["a word that may be a path", "x".repeat(8000), "policy-unreadable"],
    ["a URL", `https://127.0.0.1:1/${"x".repeat(8000)}\u0001`, "policy-unreadable"],
  ])("is told in a short message: %s", async (_, policy, code) => {
    const error: Error = await create({ policy }).then(
      () => expect.unreachable(),
      (reason) => reason,
    );

    expect(error).toMatchObject({ code });
    expect(error.message.length).toBeLessThan(1200);
  });
});
