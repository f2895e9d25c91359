import { execFileSync } from "node:child_process";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { closedPort, startHttp } from "../loopback-peers.ts";
import { cli, events, fileOf, startCli, temporaryFolder } from "./policies.ts";

beforeAll(requireBuilt, 120_000);

const FAULTY = `{
  // two faults and a warning
  "retry": { "brisk": { "backoff": [100], "conceal": "5" } },
  "streams": {
    "config": { "endpoint": "api.example.test", "protocol": "h1", "retry": "brik", "http_ulr": "x" },
  },
}
`;

const WARNING = `{ "streams": { "config": { "endpoint": "a.example.test", "http_ulr": "x" } } }`;

describe("check", () => {
  test("says that a good policy is good", async () => {
    const path = `${ROOT}examples/policy.jsonc`;

    const { code, stdout, stderr } = await cli(["check", path, "--strict"]);

    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "",
      stderr: `${path} is good: 4 streamtypes; 0 errors, 0 warnings, 0 notes\n`,
    });
  });

  test("tells every fault with its place, and what to write instead", async () => {
    const path = fileOf(FAULTY);

    const { code, stdout, stderr } = await cli(["check", path]);

    expect(code).toBe(2);
    expect(stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/policy\.json:3:54: error: .*"conceal"/),
      expect.stringMatching(/policy\.json:5:\d+: error: .*"brik".*did you mean "brisk"/),
      expect.stringMatching(/policy\.json:5:\d+: warning: .*"http_ulr".*did you mean "http_url"/),
    ]);
    expect(stderr).toBe(`${path} cannot be used: 2 errors, 1 warning, 0 notes\n`);
  });

  test("takes warnings for errors when it is strict, and only then", async () => {
    const path = fileOf(WARNING);

    expect(await cli(["check", path])).toMatchObject({ code: 0 });
    expect(await cli(["check", path, "--strict"])).toMatchObject({ code: 2 });
  });

  test("gives an event for each problem and one for the whole with --json", async () => {
    const { code, stdout, stderr } = await cli(["check", fileOf(FAULTY), "--json"]);

    expect(code).toBe(2);
    expect(stderr).toBe("");
    const [first, second, third, last] = events(stdout);
    expect(first).toMatchObject({
      event: "problem",
      severity: "error",
      code: "policy-type",
      line: 3,
      column: 54,
    });
    expect(second).toMatchObject({ event: "problem", code: "policy-unknown-name", suggestion: "brisk" });
    expect(third).toMatchObject({ event: "problem", code: "policy-unknown-key", severity: "warning" });
    expect(last).toMatchObject({ event: "checked", ok: false, errors: 2, warnings: 1, notes: 0 });
  });

  test("shows hostile text of a policy instead of obeying it", async () => {
    const path = fileOf(
      `{ "streams": { "a\\u001b[2J": { "endpoint": "a.example.test", "\\u001b[31mx": 1 } } }`,
    );

    const { stdout } = await cli(["check", path]);

    expect(stdout).not.toContain("\x1b");
  });

  test("reads a policy from a URL, comments and all", async () => {
    const peer = await startHttp((_, response) => response.end(FAULTY));

    const { code, stdout } = await cli(["check", `http://127.0.0.1:${peer.port}/policy.json`]);

    expect(code).toBe(2);
    expect(stdout).toContain(`http://127.0.0.1:${peer.port}/policy.json:3:54: error: `);
  });

  test("says what a server answered that has no policy", async () => {
    const peer = await startHttp((_, response) => response.writeHead(404).end());
    const url = `http://127.0.0.1:${peer.port}/policy.json`;

    const { code, stderr } = await cli(["check", url]);

    expect(code).toBe(2);
    expect(stderr).toBe(`secure-streams: Cannot read the policy "${url}": the server answered 404\n`);
  });

  test("follows a redirect to the policy", async () => {
    const peer = await startHttp((request, response) => {
      if (request.url === "/policy.json") response.writeHead(302, { location: "/real.json" }).end();
      else response.end(WARNING);
    });

    const { code, stdout } = await cli(["check", `http://127.0.0.1:${peer.port}/policy.json`]);

    expect(code).toBe(0);
    expect(stdout).toContain('did you mean "http_url"?');
  });

  test("takes no more of an endless answer than a policy may have", async () => {
    const peer = await startHttp((_, response) => {
      const spaces = " ".repeat(65_536);
      const pour = (): void => {
        while (response.write(spaces));
      };
      response.on("drain", pour);
      pour();
    });
    const url = `http://127.0.0.1:${peer.port}/policy.json`;

    const { code, stderr } = await cli(["check", url]);

    expect(code).toBe(2);
    expect(stderr).toBe(`secure-streams: Cannot read the policy "${url}": it has more than 8388608 bytes\n`);
  });

  test("exits with 3 where the policy's server cannot be reached", async () => {
    const { code, stderr } = await cli(["check", `http://127.0.0.1:${await closedPort()}/policy.json`]);

    expect(code).toBe(3);
    expect(stderr).toMatch(/^secure-streams: Cannot read the policy ".*": All 4 attempts .* nobody listens/);
  });

  test.each([
    ["/dev/zero", "it is a device and no file"],
    ["ftp://a.example.test/p", "a policy comes from a path, or from a URL of file:, http: or https:"],
    ["file:///nonexistent/p", "there is no such file"],
    ["/dev/null/p", "a part of its path is no directory"],
  ])("says why %s is no policy", async (location, why) => {
    const { code, stderr } = await cli(["check", location]);

    expect(code).toBe(2);
    expect(stderr).toBe(`secure-streams: Cannot read the policy "${location}": ${why}\n`);
  });

  test("says where a file is not UTF-8, and which other encoding it has", async () => {
    const latin = fileOf(Buffer.from('{\n  "streams": { "caf\xe9": {} }\n}', "latin1"));
    const utf16 = fileOf(Buffer.from("\ufeff{}", "utf16le"));

    expect((await cli(["check", latin])).stderr).toContain(`: ${latin}:2:20 is not UTF-8`);
    expect((await cli(["check", utf16])).stderr).toContain(": it is UTF-16; save it as UTF-8");
  });

  test("reads from a pipe, and stops on SIGINT while nobody writes to it", async () => {
    const pipe = join(temporaryFolder(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const reader = cli(["check", pipe]);
    await writeFile(pipe, WARNING);
    expect(await reader).toMatchObject({ code: 0 });

    const program = startCli(["check", pipe]);
    const writer = await open(pipe, "w");
    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stdout: "", stderr: "" });
    await writer.close();
  });

  test("stops on SIGINT while a server keeps it waiting", async () => {
    let asked = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const peer = await startHttp(() => asked());
    const program = startCli(["check", `http://127.0.0.1:${peer.port}/policy.json`]);
    await arrived;

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stdout: "", stderr: "" });
  });
});

describe("explain", () => {
  const path = `${ROOT}examples/policy.jsonc`;

  test("shows what is in effect, where each setting comes from, and when retries happen", async () => {
    const { code, stdout } = await cli(["explain", path, "config"]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^config\n/);
    expect(stdout).toMatch(/^ {2}port +443 +default$/m);
    expect(stdout).toMatch(/^ {2}http_url +v1\/devices\/\$\{device\}\/config +.*policy\.jsonc:\d+:\d+$/m);
    expect(stdout).toMatch(/^ {4}attempt {2}1 {2}at once/m);
    expect(stdout).toMatch(/^ {4}attempt {2}3 .*then all-retries-failed$/m);
    expect(stdout).toMatch(/^ {40}refuses at once {9}never answers$/m);
    expect(stdout).toMatch(/^ {4}attempt {2}2 .* at 0\.2 s to 0\.3 s +at 20\.2 s to 20\.3 s$/m);
    expect(stdout).toMatch(/"timeout_ms" is 10\.0 s, retries included/);
    expect(stdout).toMatch(/not connected fails after 20\.0 s; then the wait begins/);
    expect(stdout).not.toMatch(/attempt {2}4/);
  });

  test("says of what is accepted and not acted upon that it is so", async () => {
    const policy = fileOf(`{ "streams": { "it": { "endpoint": "a", "perf": true } } }`);

    const { stdout } = await cli(["explain", policy]);
    const [event] = events((await cli(["explain", policy, "--json"])).stdout);

    expect(stdout).toMatch(/^ {2}perf +true +.*:1:41 \(not acted upon yet\)$/m);
    expect(stdout).toMatch(/^ {2}via-socks5 +no proxy +default$/m);
    expect(event?.settings).toContainEqual({
      key: "perf",
      value: true,
      origin: "policy",
      at: `${policy}:1:41`,
      isActedUpon: false,
    });
  });

  test("explains every streamtype without a name, each as an event with --json", async () => {
    const { code, stdout } = await cli(["explain", path, "--json"]);

    expect(code).toBe(0);
    expect(events(stdout).map(({ event, streamtype }) => [event, streamtype])).toEqual(
      ["telemetry", "config", "control", "reading"].map((name) => ["streamtype", name]),
    );
  });

  test("suggests the nearest streamtype", async () => {
    const { code, stderr } = await cli(["explain", path, "cnfig"]);

    expect(code).toBe(2);
    expect(stderr).toBe(
      `secure-streams: Cannot explain "cnfig": ${path} has no such streamtype; did you mean "config"?\n`,
    );
  });

  test("refuses a policy with faults, and names them", async () => {
    const { code, stderr } = await cli(["explain", fileOf(FAULTY)]);

    expect(code).toBe(2);
    expect(stderr).toMatch(/policy\.json:3:54/);
    expect(stderr).toMatch(/did you mean "brisk"/);
  });
});
