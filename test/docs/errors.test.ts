import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../../src/lib/errors.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${root}docs/errors.md`, "utf8");
const codes = Object.keys(ERROR_CODES);

describe("docs/errors.md", () => {
  test("says what to do about every code, and about no other", () => {
    const documented = rows(page).map(({ code }) => code);

    expect(documented.toSorted()).toEqual(codes.toSorted());
  });

  test("lists each code in the order of the source, under the heading of its layer", () => {
    expect(rows(page).map(({ code }) => code)).toEqual(codes);
    for (const { code, layer } of rows(page)) {
      const prefix = /^(policy|proxy|tls|http|ws|mqtt)-/.exec(code)?.[1];
      expect(prefix ?? layer, code).toBe(layer);
    }
  });

  test("says what happened, when, and what to do, for each", () => {
    for (const { code, cells } of rows(page)) {
      expect(cells, code).toHaveLength(3);
      for (const cell of cells) expect(cell, code).not.toBe("");
    }
  });
});

describe("the list of error codes", () => {
  test("has no code that nothing reports", () => {
    const source = sources().join("\n");
    const unused = codes.filter((code) => !source.includes(`"${code}"`));

    expect(unused).toEqual([]);
  });
});

/** The rows of the page's tables of codes, with the heading each stands under. */
function rows(text: string): { code: string; layer: string; cells: string[] }[] {
  let layer = "";
  return text.split("\n").flatMap((line) => {
    layer = /^## (.+)$/.exec(line)?.[1] ?? layer;
    const [, code, rest] = /^\| `([a-z0-9-]+)` *\| (.+) \|$/.exec(line) ?? [];
    if (code === undefined || rest === undefined || layer === "") return [];
    return [{ code, layer, cells: rest.split(" | ").map((cell) => cell.trim()) }];
  });
}

/** Every source file that may report an error: neither tests, nor the list itself, nor the command line that reads it. */
function sources(): string[] {
  return readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .filter((path) => path !== "lib/errors.ts" && !path.startsWith("cli/"))
    .map((path) => readFileSync(`${root}src/${path}`, "utf8"));
}
