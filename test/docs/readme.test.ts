import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { formatProblem, parsePolicy } from "../../src/policy/index.ts";
import { ROOT, requireBuilt } from "../built.ts";
import { secure, startBroker, startH2, TRUST } from "../loopback-peers.ts";
import { run } from "../program.ts";

/** A fenced block of a page. */
interface Block {
  /** `README.md:9` */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

const LANGUAGES = ["ts", "js", "json", "jsonc", "text", "bash"];
const pages = ["README.md", ...markdownUnder("docs"), "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];
const blocks = pages.flatMap(blocksOf);

beforeAll(requireBuilt, 120_000);

describe("the code of README and docs", () => {
  test("names its language in every block", () => {
    for (const { place, language } of blocks) expect(LANGUAGES, place).toContain(language);
  });

  test("compiles against the package", () => {
    const folder = temporaryFolder();
    const files = blocks.filter(isProgram).map(({ place, language, code }) => {
      const file = `${place.replaceAll(/[^a-z0-9]+/gi, "-")}.${language === "ts" ? "mts" : "mjs"}`;
      writeFileSync(join(folder, file), `${code}\nexport {};\n`);
      return file;
    });
    expect(files.length).toBeGreaterThan(0);

    const faults = compile(folder, files);

    expect(faults).toBe("");
  }, 60_000);

  test("has policies without a fault or a warning", () => {
    const policies = blocks.filter(({ language }) => language === "json" || language === "jsonc");
    expect(policies.length).toBeGreaterThan(0);

    for (const { place, code } of policies) {
      const { problems } = parsePolicy(code, { source: place, strict: true });
      expect(problems.filter(({ severity }) => severity === "error").map(formatProblem)).toEqual([]);
    }
  });
});

describe("the examples", () => {
  test("have no type errors", () => {
    const names = readdirSync(`${ROOT}examples`).filter((name) => name.endsWith(".mjs"));
    const folder = temporaryFolder();
    for (const name of names) {
      writeFileSync(join(folder, name), readFileSync(`${ROOT}examples/${name}`));
    }

    expect(compile(folder, names)).toBe("");
  }, 60_000);
});

describe("the first program of README", () => {
  test("does what it says on real peers", async () => {
    const program = blocks.find(({ place, language }) => place.startsWith("README.md") && language === "ts");
    const broker = await startBroker();
    const published: string[] = [];
    broker.broker.on("publish", ({ topic, payload }, client) => {
      if (client !== null) published.push(`${topic}: ${payload}`);
    });
    const api = await startH2((stream, path) => stream.end(JSON.stringify({ asked: path })));
    const overlay = { ...TRUST, streams: { telemetry: secure(broker.port), config: secure(api.port) } };
    const folder = temporaryFolder();
    const marker = "await createContext({ policy });";
    expect(program?.code).toContain(marker);
    const code =
      program?.code.replace(marker, `${marker}\ncontext.overlay(${JSON.stringify(overlay)});`) ?? "";
    writeFileSync(join(folder, "first.mts"), code);
    expect(compile(folder, ["first.mts"])).toBe("");

    const { code: exit, stdout, stderr } = await run(join(folder, "out/first.mjs"));

    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(stdout).toContain("200 { asked: '/v1/config' }");
    expect(stdout).toMatch(/^connected/m);
    expect(published).toEqual(['plant/roof-3/telemetry: {"celsius":21.5}']);
  }, 60_000);
});

/** What the compiler says about these files of `folder`, as a user of the built package would hear it. */
function compile(folder: string, files: readonly string[]): string {
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    allowJs: true,
    checkJs: true,
    skipLibCheck: true,
    outDir: "out",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  return spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8", cwd: folder }).stdout;
}

function isProgram({ language }: Block): boolean {
  return language === "ts" || language === "js";
}

function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  const lines = readFileSync(`${ROOT}${page}`, "utf8").split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const language = /^```(.*)$/.exec(lines[index] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", index + 1);
    const code = lines.slice(index + 1, end).join("\n");
    found.push({ place: `${page}:${index + 2}`, language, code });
    index = end === -1 ? lines.length : end;
  }
  return found;
}

function markdownUnder(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `${folder}/${path}`)
    .toSorted();
}

/** Inside the repository, where the package's own name and its dependencies are found. */
function temporaryFolder(): string {
  mkdirSync(`${ROOT}coverage`, { recursive: true });
  const folder = mkdtempSync(`${ROOT}coverage/docs-`);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
