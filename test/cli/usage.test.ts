import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { cli, fileOf, MAIN } from "./policies.ts";

beforeAll(requireBuilt, 120_000);

const COMMANDS = readdirSync(`${ROOT}src/cli/commands`).map((file) => file.replace(".ts", ""));

describe("help", () => {
  test("is on stdout, with every command, an example and the exit codes", async () => {
    const { code, stdout, stderr } = await cli(["--help"]);

    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command} `);
    expect(stdout).toContain("Example:");
    expect(stdout).toContain("Exit codes: 0 done");
  });

  test.each(COMMANDS)("of %s has its usage and an example", async (command) => {
    const { code, stdout, stderr } = await cli([command, "--help"]);

    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Usage: secure-streams ${command}`);
    expect(stdout).toMatch(/^Example:\n {2}.*secure-streams /m);
    expect(await cli(["help", command])).toMatchObject({ code: 0, stdout });
  });

  test("fits a terminal of 120 columns", async () => {
    for (const args of [["--help"], ...COMMANDS.map((command) => [command, "--help"])]) {
      const { stdout } = await cli(args);
      expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    }
  });

  test("is what a bare call shows, with exit code 2", async () => {
    const { code, stdout } = await cli([]);

    expect(code).toBe(2);
    expect(stdout).toContain("Usage: secure-streams COMMAND");
  });

  test("a version is one line", async () => {
    expect(await cli(["--version"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe("a wrong call exits with 2, one sentence on stderr and nothing on stdout", () => {
  test.each([
    [["chek", "p.json"], 'Cannot run "chek": there is no such command; did you mean "check"?'],
    [["xyzzy"], 'Cannot run "xyzzy": there is no such command; see secure-streams --help'],
    [["constructor"], 'Cannot run "constructor": there is no such command; see secure-streams --help'],
    [["check"], 'Cannot run "check": POLICY is missing; see secure-streams check --help'],
    [
      ["check", "a", "b"],
      'Cannot run "check": "b" is one argument too many; see secure-streams check --help',
    ],
    [["check", "a", "--strct"], `Cannot run "check": Unknown option '--strct'; did you mean "--strict"?`],
    [["open"], 'Cannot run "open": STREAMTYPE is missing; see secure-streams open --help'],
    [
      ["open", "it", "--timeout", "soon"],
      'Cannot use --timeout "soon": it takes a whole number of at least 1',
    ],
    [["open", "it", "--count", "0"], 'Cannot use --count "0": it takes a whole number of at least 1'],
    [["open", "it", "--metadata", "device"], 'Cannot use --metadata "device": write NAME=VALUE'],
    [
      ["open", "it", "--policy", "/nonexistent/policy.json"],
      'Cannot read the policy "/nonexistent/policy.json": there is no such file',
    ],
    [["check", "/nonexistent/p"], 'Cannot read the policy "/nonexistent/p": there is no such file'],
    [["explain", "/nonexistent/p"], 'Cannot read the policy "/nonexistent/p": there is no such file'],
    [["check", "/"], 'Cannot read the policy "/": it is a directory'],
  ])("%j", async (args, message) => {
    expect(await cli(args)).toEqual({
      code: 2,
      signal: null,
      stdout: "",
      stderr: `secure-streams: ${message}\n`,
    });
  });

  test("with --json the error is also an event", async () => {
    const { code, stdout } = await cli(["check", "/nonexistent/p", "--json"]);

    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      event: "error",
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      code: "policy-unreadable",
      message: 'Cannot read the policy "/nonexistent/p": there is no such file',
    });
  });
});

describe("schema", () => {
  test("prints the JSON Schema that the package exports", async () => {
    const { code, stdout } = await cli(["schema"]);
    const exported: unknown = JSON.parse(readFileSync(`${ROOT}dist/policy.schema.json`, "utf8"));

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(exported);
  });

  test("a reader that leaves early is no error", async () => {
    const shell = spawn("bash", [
      "-c",
      `"$0" "$1" schema | head -n 1; echo "\${PIPESTATUS[0]}"`,
      process.execPath,
      MAIN,
    ]);
    let stdout = "";
    let stderr = "";
    shell.stdout.on("data", (text) => (stdout += text));
    shell.stderr.on("data", (text) => (stderr += text));

    await once(shell, "close");

    expect(stdout).toBe("{\n0\n");
    expect(stderr).toBe("");
  });
});

describe("a terminal", () => {
  test("gets no colour where there is none", async () => {
    const policy = fileOf(`{ "streams": { "it": { "endpont": "a" } } }`);

    const { stdout, stderr } = await cli(["check", policy]);

    expect(stdout + stderr).not.toContain("\x1b");
  });
});
