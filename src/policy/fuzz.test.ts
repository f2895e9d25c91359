import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COLLECTIONS, POLICY_KEYS, RETRY_KEYS } from "./keys.ts";
import {
  applyOverlay,
  applyOverlayValue,
  type Parsed,
  type PolicyDocument,
  parsePolicy,
  parsePolicyValue,
} from "./parse.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";

const RUNS = Number(process.env.SECURE_STREAMS_FUZZ_RUNS ?? 10_000);
const keys = [COLLECTIONS, POLICY_KEYS, RETRY_KEYS, STREAMTYPE_KEYS].flatMap((table) => Object.keys(table));
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...keys, "streams", "name", "stack", "a", "b") },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "prototype", "toString", "") },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
);
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    true,
    false,
    null,
    0,
    1,
    -1,
    0.5,
    65_536,
    "a",
    "b",
    "h1",
    "mqtt",
    `${"$"}{a}`,
    "x:",
    "MAA=",
  ),
  fc.integer(),
  fc.string({ maxLength: 8 }),
);
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("tree"), { maxLength: 4 }),
    members(tie("tree")),
  ),
}));
const streamtypes = members(members(tree));
const policy = fc.oneof(
  tree,
  members(tree),
  fc.record(
    { retry: streamtypes, certs: members(tree), trust_stores: tree, s: streamtypes },
    { requiredKeys: [] },
  ),
);

const BASE =
  '{"retry":{"a":{"backoff":[1]}},"s":{"a":{"endpoint":"h","retry":"a","metadata":{"a":"x"}},"b":{"endpoint":"i"}}}';

describe("policies nobody would write", () => {
  test(`never throw, never pollute, and never give a policy with errors (${RUNS} of them)`, {
    timeout: 600_000,
  }, () => {
    const base = baseDocument();
    const before = fingerprint(base);
    let refused = 0;
    let accepted = 0;

    fc.assert(
      fc.property(policy, fc.boolean(), (value, strict) => {
        const text = JSON.stringify(value);
        for (const parsed of [
          parsePolicy(text, { strict }),
          parsePolicyValue(value, { strict }),
          applyOverlay(base, text, { strict }),
          applyOverlayValue(base, value, { strict }),
        ]) {
          expectWhole(parsed);
          if (parsed.policy === undefined) refused++;
          else accepted++;
        }
      }),
      { numRuns: RUNS },
    );

    expect(fingerprint(base)).toBe(before);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(refused).toBeGreaterThan(RUNS);
    expect(accepted).toBeGreaterThan(RUNS / 10);
  });

  test("are refused or read in bounded time when texts are cut, flipped and spliced", {
    timeout: 600_000,
  }, () => {
    const base = baseDocument();
    const before = fingerprint(base);

    fc.assert(
      fc.property(
        fc.nat(BASE.length),
        fc.nat(BASE.length),
        fc.string({ unit: "binary", maxLength: 4 }),
        (from, to, put) => {
          const text = BASE.slice(0, from) + put + BASE.slice(Math.max(from, to));
          expectWhole(parsePolicy(text));
          expectWhole(applyOverlay(base, text));
        },
      ),
      { numRuns: RUNS },
    );

    expect(fingerprint(base)).toBe(before);
  });

  test("are refused when an object refers to itself, nests without end or holds what JSON cannot", () => {
    const loop: Record<string, unknown> = {};
    loop.s = loop;
    let wide: unknown = 1;
    for (let level = 0; level < 60; level++) wide = [wide, wide];

    for (const value of [
      loop,
      wide,
      { s: () => 1 },
      { s: 1n },
      { s: Symbol("s") },
      { s: Number.NaN },
      Promise.resolve({}),
      Buffer.from("{}"),
      new Map(),
      null,
      undefined,
    ]) {
      const parsed = parsePolicyValue(value);
      expect(parsed.policy).toBeUndefined();
      expect(parsed.problems.length).toBeGreaterThan(0);
    }
  });

  test("are refused at 50 MB without being read", () => {
    const parsed = parsePolicy(`{"a":"${"x".repeat(50_000_000)}"}`);

    expect(parsed.problems.map((problem) => problem.code)).toEqual(["policy-too-large"]);
  });
});

function members(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => {
    const object = {};
    for (const [name, each] of entries) {
      Object.defineProperty(object, name, {
        value: each,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return object;
  });
}

function baseDocument(): PolicyDocument {
  const { document } = parsePolicy(BASE);
  if (document === undefined) throw new Error("The base must be a policy");
  return document;
}

function expectWhole(parsed: Parsed): void {
  const hasErrors = parsed.problems.some((problem) => problem.severity === "error");
  if (hasErrors !== (parsed.policy === undefined) || (parsed.document === undefined) !== hasErrors) {
    throw new Error(`A policy together with errors: ${JSON.stringify(parsed.problems)}`);
  }
  if (parsed.problems.length > 201) throw new Error("More problems than allowed");
  for (const { code, path, line } of parsed.problems) {
    if (!code.startsWith("policy-") || (path !== "" && !path.startsWith("/")) || line === 0)
      throw new Error(code);
  }
}

function fingerprint(document: PolicyDocument): string {
  return JSON.stringify(document.policy, (_, value) => (value instanceof Map ? [...value] : value));
}
