import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LIMITS } from "./json.ts";
import { JsoncReader, readJsonc } from "./jsonc.ts";
import { type Options, type Parsed, parsePolicy } from "./parse.ts";
import { PolicyReader } from "./policy-reader.ts";
import { formatProblem, Problems } from "./problem.ts";
import { Source } from "./source.ts";

const RUNS = Number(process.env.SECURE_STREAMS_FUZZ_RUNS ?? 2000);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const GOOD = `\ufeff// the café's policy
{
  "retry": [{"quick": {"backoff": [1000, 2.5e3, 0], "jitterpc": 30}}], /* two
  ** lines */
  "s": [{"telemetry": {"endpoint": "h.example", "port": 443, "tls": false, "retry": "quick",
    "metadata": [{"device": ""}, {"n\\u0061me\\\\\\"": "X-Größe-€-😀\\ud83d\\ude00\\n"}], }}, ],
} // end`;
const FAULTY = `{"retry": {"a": {"backoff": [-1, 1e999]}} "s": {"b": {"endpont": "h", "retry": "c"}, "b": {}},
  "__proto__": null, "via-socks5": 1}`;
const WITHOUT_END = '{"s": {"a": {"endpoint": "h", "http_url": "x\\u00';
const POLICIES = { GOOD, FAULTY, WITHOUT_END };

describe("a policy that comes in pieces", () => {
  test.each(Object.entries(POLICIES))("is the same wherever it is cut: %s", (_, text) => {
    const bytes = encode(text);
    const whole = told(parsePolicy(decode(bytes)));

    for (let cut = 0; cut <= bytes.length; cut++) expect(told(inPieces(bytes, [cut]))).toEqual(whole);
    expect(told(inPieces(bytes, everyCut(bytes)))).toEqual(whole);
  });

  test.each(Object.entries(POLICIES))("is the same when it breaks off anywhere: %s", (_, text) => {
    const bytes = encode(text);

    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.slice(0, length);
      const whole = told(parsePolicy(decode(part)));
      expect(told(inPieces(part, [length >> 1]))).toEqual(whole);
      expect(told(inPieces(part, everyCut(part)))).toEqual(whole);
    }
  });

  test(`keeps the place of every value, and every fault, in texts that nobody would write (${RUNS} of them)`, {
    timeout: 600_000,
  }, () => {
    const limits = { size: 4000, depth: 5, values: 40 };
    let faultless = 0;
    const atom = fc.oneof(
      fc.constantFrom("{", "}", "[", "]", ",", ":", '"a"', '"\\u0061', '"', "\\", "/", "*", "//", "/*", "*/"),
      fc.constantFrom('{"a":1,"b":[', '{"c":"€\\n", ', "[[[", "]]]", "}", '"k":', '"k":', "\n", " ", "\r\n"),
      fc.constantFrom("true", "null", "fals", "-0.5e+3", "1e999", "1".repeat(70), "x".repeat(70), "\ufeff"),
      fc.constantFrom(
        "\u00a0",
        "\u2028",
        "\u0001",
        "\ud83d\ude00",
        "é",
        '"__proto__":',
        `1.${"0".repeat(130)}`,
      ),
      fc.json({ maxDepth: 3 }),
    );

    fc.assert(
      fc.property(
        fc.array(atom, { maxLength: 12 }),
        fc.array(fc.nat(400), { maxLength: 6 }),
        (parts, cuts) => {
          const text = parts.join("");
          const problems = new Problems();
          const tree = readJsonc(text, new Source("p"), limits, problems);
          const whole = { tree: treeText(tree), problems: problems.list(false) };
          if (whole.problems.length === 0) faultless += 1;

          expect(treeInPieces(text, cuts, limits)).toEqual(whole);
          expect(treeInPieces(text, [...text].length > 600 ? [] : unitCuts(text), limits)).toEqual(whole);
        },
      ),
      { numRuns: RUNS },
    );

    expect(faultless).toBeGreaterThan(RUNS / 100);
  });

  test("is the same at random cuts, inside of characters, escapes, numbers and comments", {
    timeout: 600_000,
  }, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(GOOD, FAULTY, WITHOUT_END).map(encode),
        fc.array(fc.nat(700), { maxLength: 20 }),
        (bytes, cuts) => {
          expect(told(inPieces(bytes, cuts))).toEqual(told(parsePolicy(decode(bytes))));
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });

  test("takes the same options as a policy that is whole", () => {
    const options: Options = { source: "http://h/p.json", strict: true, limits: { depth: 3 } };
    for (const text of ['{"s": {"a": {"endpont": "h"}}}', '{"s": {"a": {"b": {"c": 1}}}}', "{}"]) {
      expect(told(inPieces(encode(text), [5], options))).toEqual(told(parsePolicy(text, options)));
    }
  });
});

describe("a fault in a policy that comes in pieces", () => {
  test.each([
    ['{"a": 1}', "x", "1:9: error: Expected the end of the policy"],
    ['{"a"', ";", '1:5: error: Expected ":" after "a"'],
    ['{"a": 1 ', ";", '1:9: error: Expected a key in double quotes or "}"'],
    ["[1", "}", '1:3: error: Expected a value or "]"'],
    ['{"a":', "}", "1:6: error: Expected a value"],
    ['["a', "\n", "1:2: error: The text has no closing double quote"],
    ['["a', "\t", "1:4: error: Write the control character 9 as \\u0009"],
    ['["\\', "x", '1:3: error: Not an escape of JSON: write "\\\\" for one backslash'],
    ['["\\u1', "g", '1:3: error: Not an escape of JSON: write "\\\\" for one backslash'],
    ["[Tru", "e,", '1:2: error: Expected a value, found "True": text stands in double quotes'],
    [
      `[${"y".repeat(60)}`,
      "y",
      `1:2: error: Expected a value, found "${"y".repeat(57)}...": text stands in double quotes`,
    ],
    ["[1", " 2", '1:4: error: Expected "," before the next value'],
    ['{"__proto__": 1', "}", '1:2: error: The key "__proto__" is not allowed: choose another name'],
    ["[".repeat(64), "[", "1:65: error: Objects and lists are nested deeper than 64"],
  ])("is told with the byte that shows it: %s, then %s", (before, piece, problem) => {
    const reader = new PolicyReader(decode, { source: "p.json" });
    expect(reader.push(encode(before))).toBeUndefined();

    const refusal = reader.push(encode(piece));

    expect(refusal?.problems.map(formatProblem)).toEqual([`p.json:${problem}`]);
    expect(refusal?.document).toBeUndefined();
    expect(reader.finish().document).toBeUndefined();
  });

  test("waits for the end of a number, however long, and of what only begins like one", () => {
    const reader = new PolicyReader(decode);
    expect(reader.push(encode(`{"a": 0.${"0".repeat(1000)}`))).toBeUndefined();
    for (let digit = 0; digit < 3000; digit++) expect(reader.push(encode("1"))).toBeUndefined();

    let taken = 0;
    while (reader.push(encode("x")) === undefined) taken += 1;

    expect(taken).toBeLessThan(8016);
  });

  test("says how far it came", () => {
    const reader = new PolicyReader(decode, { source: "p.json" });
    expect(reader.where).toBe("p.json:1:1");

    reader.push(encode('{"é":\n  1'));

    expect(reader.where).toBe("p.json:2:4");
  });
});

function told({ policy, problems }: Parsed): unknown {
  return {
    policy: JSON.stringify(policy, (_, value) => (value instanceof Map ? [...value] : value)),
    problems,
  };
}

/** Goes on past a refusal. */
function inPieces(bytes: Uint8Array, cuts: readonly number[], options: Options = {}): Parsed {
  const reader = new PolicyReader(decode, options);
  const edges = edgesOf(cuts, bytes.length);
  for (const [index, edge] of edges.slice(1).entries()) reader.push(bytes.slice(edges[index], edge));
  return reader.finish();
}

function treeInPieces(text: string, cuts: readonly number[], limits: typeof LIMITS): unknown {
  const problems = new Problems();
  const reader = new JsoncReader(new Source("p"), limits, problems);
  const edges = edgesOf(cuts, text.length);
  for (const [index, edge] of edges.slice(1).entries()) reader.push(text.slice(edges[index], edge));
  const tree = reader.finish();
  return { tree: treeText(tree), problems: problems.list(false) };
}

function edgesOf(cuts: readonly number[], length: number): readonly number[] {
  return [0, ...cuts.map((cut) => Math.min(cut, length)).sort((a, b) => a - b), length];
}

function everyCut(bytes: Uint8Array): readonly number[] {
  return Array.from(bytes, (_, index) => index);
}

function unitCuts(text: string): readonly number[] {
  return Array.from({ length: text.length }, (_, index) => index);
}

/** With offsets and pointers. */
function treeText(tree: unknown): string {
  return `${JSON.stringify(tree, (key, value) => {
    if (key === "source") return undefined;
    return value instanceof Map ? [...value] : value;
  })}`;
}
