import { describe, expect, test } from "vitest";
import { LIMITS } from "./json.ts";
import { JsoncReader, readJsonc } from "./jsonc.ts";
import { formatProblem, Problems } from "./problem.ts";
import { Source } from "./source.ts";

function read(text: string, limits = LIMITS) {
  const problems = new Problems();
  const value = readJsonc(text, new Source("p.json"), limits, problems);
  return { value, problems: problems.list(false).map(formatProblem) };
}

/** As `read`, one UTF-16 unit at a time. */
function readByUnits(text: string, limits = LIMITS) {
  const problems = new Problems();
  const reader = new JsoncReader(new Source("p.json"), limits, problems);
  for (let at = 0; at < text.length; at++) reader.push(text.charAt(at));
  return { value: reader.finish(), problems: problems.list(false).map(formatProblem) };
}

describe("reading JSON with comments", () => {
  test("keeps texts, escapes, numbers, flags and null as JSON has them", () => {
    const texts = ["", "plain", 'a"b\\c/d\b\f\n\r\t', "\u00e9\u20ac\ud83d\ude00", "\ud800"];
    for (const value of [...texts, 0, 1, -1.5, 1e21, 12.25e-3, true, false, null]) {
      const { value: json } = read(JSON.stringify(value));
      expect(json).toMatchObject(value === null ? { type: "null" } : { value });
    }
    expect(read('"\\u00E9\\/"').value).toMatchObject({ value: "é/" });
  });

  test("skips comments, white space, a byte order mark and trailing commas", () => {
    const { value, problems } = read('\ufeff// first\r\n{\t"a": [1, /* two\n */ 2,],} // last');

    expect(problems).toEqual([]);
    expect(value?.type).toBe("object");
  });

  test("knows the place and the pointer of every value", () => {
    const { value } = read('{\n  "a/b": [1,\n    {"c~": 2}]}');
    const list = value?.type === "object" ? value.members.get("a/b")?.value : undefined;
    const inner = list?.type === "list" ? list.items[1] : undefined;

    expect(inner?.path).toBe("/a~1b/1");
    expect(inner?.source.position(inner.offset)).toEqual({ line: 3, column: 5 });
    expect(inner?.type === "object" && inner.members.get("c~")?.place.path).toBe("/a~1b/1/c~0");
  });

  test("reports a missing comma and reads on", () => {
    expect(read('{"a":1 "b":[1 2]}').problems).toEqual([
      'p.json:1:8: error: Expected "," before the next key',
      'p.json:1:15: error: Expected "," before the next value',
    ]);
  });

  test.each([
    ["", "1:1: error: The policy is empty"],
    [" /* x */ // y", "1:14: error: The policy is empty"],
    ["/* x", "1:1: error: The comment has no end"],
    ["{/* x", "1:2: error: The comment has no end"],
    ["[/* x", "1:2: error: The comment has no end"],
    ["1 /* x", "1:3: error: The comment has no end"],
    ['{"a"/* x', "1:5: error: The comment has no end"],
    ['{"a":/* x', "1:6: error: The comment has no end"],
    ["/x", "1:1: error: Expected a value"],
    ["{} {}", "1:4: error: Expected the end of the policy"],
    ["{a: 1}", '1:2: error: Expected a key in double quotes or "}"'],
    ["{,}", '1:2: error: Expected a key in double quotes or "}"'],
    ['{"a":1,,}', '1:8: error: Expected a key in double quotes or "}"'],
    ['{"a" 1}', '1:6: error: Expected ":" after "a"'],
    ['{"a":}', "1:6: error: Expected a value"],
    ["{", '1:2: error: Expected a key in double quotes or "}"'],
    ["[", "1:2: error: Expected a value"],
    ["[,]", "1:2: error: Expected a value"],
    ["[1}", '1:3: error: Expected a value or "]"'],
    ["[1:2]", '1:3: error: Expected a value or "]"'],
    ["['a']", "1:2: error: Expected a value, found \"'a'\": text stands in double quotes"],
    ["[True]", '1:2: error: Expected a value, found "True": text stands in double quotes'],
    ["[01]", '1:2: error: Expected a value, found "01": text stands in double quotes'],
    ["[+1]", '1:2: error: Expected a value, found "+1": text stands in double quotes'],
    ["[NaN]", '1:2: error: Expected a value, found "NaN": text stands in double quotes'],
    ["[-Infinity]", '1:2: error: Expected a value, found "-Infinity": text stands in double quotes'],
    ["[0x10]", '1:2: error: Expected a value, found "0x10": text stands in double quotes'],
    ['["a', "1:2: error: The text has no closing double quote"],
    ['["a\n"]', "1:2: error: The text has no closing double quote"],
    ['{"a', "1:2: error: The text has no closing double quote"],
    ['["\u0001"]', "1:3: error: Write the control character 1 as \\u0001"],
    ['["\\x"]', '1:3: error: Not an escape of JSON: write "\\\\" for one backslash'],
    ['["\\u12g4"]', '1:3: error: Not an escape of JSON: write "\\\\" for one backslash'],
    ['["\\', '1:3: error: Not an escape of JSON: write "\\\\" for one backslash'],
    ["[1e999]", '1:2: error: The number "1e999" is too large for any program'],
    ["[-1e999]", '1:2: error: The number "-1e999" is too large for any program'],
    ['{"__proto__":1}', '1:2: error: The key "__proto__" is not allowed: choose another name'],
    ['{"\\u005f_proto__":1}', '1:2: error: The key "__proto__" is not allowed: choose another name'],
    ['{"constructor":1}', '1:2: error: The key "constructor" is not allowed: choose another name'],
    ['{"prototype":1}', '1:2: error: The key "prototype" is not allowed: choose another name'],
    ['{"a":1,\n"\\u0061":2}', '2:1: error: "a" stands twice: the first is at p.json:1:2'],
  ])("says where and what is wrong: %s", (text, problem) => {
    expect(read(text).problems).toEqual([`p.json:${problem}`]);
    expect(readByUnits(text)).toEqual(read(text));
  });

  test("refuses a text that is too large before reading it", () => {
    const { value, problems } = read(" ".repeat(LIMITS.size + 1));

    expect(value).toBeUndefined();
    expect(problems).toEqual(["p.json:1:1: error: The policy has 8388609 characters, at most 8388608"]);
  });

  test("refuses a text that comes to be too large, where it does", () => {
    const problems = new Problems();
    const reader = new JsoncReader(new Source("p.json"), { ...LIMITS, size: 12 }, problems);

    reader.push('{"a":\n[1,');
    expect(reader.isFailed).toBe(false);
    reader.push("2,3]}");
    reader.push("never read");

    expect(reader.isFailed).toBe(true);
    expect(reader.finish()).toBeUndefined();
    expect(problems.list(false).map(formatProblem)).toEqual([
      "p.json:2:7: error: The policy has more than 12 characters",
    ]);
  });

  test("tells of a fault before the limit rather than of the limit, in one piece or in many", () => {
    const text = `{"a": oops, ${" ".repeat(100)}`;
    const fault = 'p.json:1:7: error: Expected a value, found "oops": text stands in double quotes';
    for (const length of [1, 7, text.length]) {
      const problems = new Problems();
      const reader = new JsoncReader(new Source("p.json"), { ...LIMITS, size: 20 }, problems);
      for (let at = 0; at < text.length; at += length) reader.push(text.slice(at, at + length));

      expect(problems.list(false).map(formatProblem)).toEqual([fault]);
    }
  });

  test("refuses a nesting of ten thousand without running out of stack", () => {
    for (const open of ["[", '{"a":']) {
      const { value, problems } = read(open.repeat(10_000));

      expect(value).toBeUndefined();
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^p\.json:1:\d+: error: Objects and lists are nested deeper than 64$/);
    }
    expect(read(`${"[".repeat(64)}${"]".repeat(64)}`).problems).toEqual([]);
  });

  test("refuses more values than allowed", () => {
    expect(read("[1,2,3]", { ...LIMITS, values: 3 }).problems).toEqual([
      "p.json:1:6: error: The policy has more than 3 values",
    ]);
  });
});
