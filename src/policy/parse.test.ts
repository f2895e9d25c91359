import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parsePolicy } from "./parse.ts";
import { formatProblem } from "./problem.ts";

const corpus = new URL("../../test/corpus/policies/", import.meta.url);

function load(name: string) {
  const parsed = parsePolicy(readFileSync(new URL(name, corpus), "utf8"), { source: name });
  if (parsed.policy === undefined) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return parsed;
}

describe("policies written for libwebsockets", () => {
  test.each(readdirSync(corpus))("%s loads unchanged, with notes alone", (name) => {
    const { problems } = load(name);

    expect(problems.filter((problem) => problem.severity !== "note").map(formatProblem)).toEqual([]);
  });
});
