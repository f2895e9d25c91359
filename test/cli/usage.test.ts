import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { cli, events, fileOf, MAIN } from "./policies.ts";

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

  test("is what a bare call shows on stderr, with exit code 2", async () => {
    for (const args of [[], ["--json"]]) {
      const { code, stdout, stderr } = await cli(args);

      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain("Usage: secure-streams COMMAND");
    }
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
    expect(events((await cli(["schema", "--json"])).stdout)).toEqual([
      { event: "schema", at: expect.any(String), schema: exported },
    ]);
  });
});

describe("a reader that leaves early is no error", () => {
  test("on stdout", async () => {
    expect(await shell(`"$0" "$1" schema | head -n 1; echo "\${PIPESTATUS[0]}"`)).toEqual({
      stdout: "{\n0\n",
      stderr: "",
    });
  });

  test("on stdout, and hides no fault of a policy", async () => {
    const bad = fileOf(`{ "streams": { "it": { "port": "a" }, "its": { "port": "a" } } }`);

    const { stdout } = await shell(`"$0" "$1" check ${bad} 2>&1 | true; echo "\${PIPESTATUS[0]}"`);

    expect(stdout).toBe("2\n");
  });

  test("on stderr", async () => {
    const good = fileOf(`{ "streams": { "it": { "endpoint": "a" } } }`);

    const { stdout } = await shell(
      `"$0" "$1" check ${good} 2> >(true); echo $?; "$0" "$1" check ${good} 2>/dev/full; echo $?`,
    );

    expect(stdout).toBe("0\n0\n");
  });

  test("but a full disk is one, told in a sentence", async () => {
    expect(await shell(`"$0" "$1" schema >/dev/full; echo $?`)).toEqual({
      stdout: "70\n",
      stderr: "secure-streams: Cannot write to stdout: ENOSPC: no space left on device, write [internal]\n",
    });
  });
});

/** What a script of bash prints, "$0" being node and "$1" the command line. */
async function shell(script: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const bash = spawn("bash", ["-c", script, process.execPath, MAIN]);
  let stdout = "";
  let stderr = "";
  bash.stdout.on("data", (text) => (stdout += text));
  bash.stderr.on("data", (text) => (stderr += text));
  await once(bash, "close");
  return { stdout, stderr };
}

describe("a terminal", () => {
  test("gets no colour where there is none", async () => {
    const policy = fileOf(`{ "streams": { "it": { "endpont": "a" } } }`);

    const { stdout, stderr } = await cli(["check", policy]);

    expect(stdout + stderr).not.toContain("\x1b");
  });
});
