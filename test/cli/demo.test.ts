import { beforeAll, describe, expect, test } from "vitest";
import { requireBuilt } from "../built.ts";
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
      expect(seen.find(({ state }) => state === "unreachable")).toMatchObject({
        reason: { layer: "tcp", code: "connection-refused" },
        retryInMs: expect.any(Number),
      });
    }
  }, 30_000);

  test("stops on SIGINT, and its peers with it", async () => {
    const program = startCli(["demo", "--json"]);
    await program.wrote(/"killed"/);

    program.kill("SIGINT");

    expect(await program.ended).toMatchObject({ code: 130, stderr: "" });
  });
});
