import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { run } from "../program.ts";
import { cli, events, startCli } from "./policies.ts";

beforeAll(requireBuilt, 120_000);

const PROTOCOLS = ["h1", "h2", "ws", "mqtt", "raw"];

describe("demo", () => {
  test("sees every protocol exchange payload and survive two outages, in under 20 s", async () => {
    const started = performance.now();

    const { code, stdout, stderr } = await cli(["demo"]);

    expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
    expect(performance.now() - started).toBeLessThan(20_000);
    const verdicts = stdout.trimEnd().split("\n");
    expect(verdicts.map((line) => line.split(" ")[0])).toEqual(PROTOCOLS);
    for (const line of verdicts) {
      expect(line).toMatch(/ ok: \d{2,} payloads exchanged.*; 2 of 2 outages survived$/);
    }
    expect(stderr).toContain("Outage 2 of 2: the peers are killed (SIGKILL)");
  }, 30_000);

  test("gives every state, and a summary for each protocol, with --json", async () => {
    const { code, stdout, stderr } = await cli(["demo", "--json"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const all = events(stdout);
    expect(all.filter(({ event }) => event === "summary")).toEqual(
      PROTOCOLS.map((streamtype) => ({
        event: "summary",
        at: expect.any(String),
        streamtype,
        ok: true,
        exchanged: expect.any(Number),
        recoveries: 2,
        repeated: expect.any(Number),
      })),
    );
    expect(all.filter(({ event }) => event === "killed")).toHaveLength(2);
    for (const streamtype of PROTOCOLS) {
      const seen = all.filter((each) => each.event === "state" && each.streamtype === streamtype);
      expect(seen.map(({ state }) => state)).toContain("unreachable");
      // A connection that the dying peer has just accepted ends as "closed"; the tries after it are refused.
      expect(seen).toContainEqual(
        expect.objectContaining({
          state: "unreachable",
          reason: expect.objectContaining({ layer: "tcp", code: "connection-refused" }),
          retryInMs: expect.any(Number),
        }),
      );
    }
  }, 30_000);

  test.each([
    ["answers what nobody sent", "socket.on('data', () => socket.write('nonsense\\n'))", 70, /got "nonsense/],
    ["answers nothing", "socket.resume()", 4, /raw is (connected|disconnected|connecting|unreachable)/],
  ])(
    "fails in under 20 s where a peer %s",
    async (_, peer, exitCode, why) => {
      const folder = brokenCopy("socket.pipe(socket)", peer);
      const started = performance.now();

      const { code, stdout, stderr } = await run(`${folder}/cli/main.js`, ["demo"]);

      expect(performance.now() - started).toBeLessThan(21_000);
      expect(code).toBe(exitCode);
      expect(stderr).toMatch(why);
      expect(stdout).toMatch(/^raw +failed: 0 payloads exchanged/m);
    },
    30_000,
  );

  test("stops on SIGINT, and its peers with it", async () => {
    const program = startCli(["demo", "--json"]);
    await program.wrote(/"killed"/);

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stderr: "" });
  });
});

/** A copy of the built program whose peers do something else. It stays inside the repository, by its dependencies. */
function brokenCopy(was: string, is: string): string {
  mkdirSync(`${ROOT}coverage`, { recursive: true });
  const folder = mkdtempSync(`${ROOT}coverage/demo-`);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(`${ROOT}build`, folder, { recursive: true });
  const peers = `${folder}/cli/demo/peers-main.js`;
  const code = readFileSync(peers, "utf8");
  expect(code).toContain(was);
  writeFileSync(peers, code.replace(was, is));
  return folder;
}
