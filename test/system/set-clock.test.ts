import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { type Namespace, namespacesMissing } from "../namespace.ts";
import { peersMissing, requirePeer } from "../peers.ts";
import { Program } from "../program.ts";
import { devicePolicy } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import { TOWN, type Town } from "./town.ts";

const missing =
  namespacesMissing() ?? peersMissing("strace", "dnsmasq", "chronyd", "chronyc", "nginx", "mosquitto");
const CALLS = "clock_settime,clock_adjtime,adjtimex,settimeofday";
/** Whatever runs under this cannot set this machine's clock, root or not. */
const WITHOUT_PERMISSION = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time"];
const ASK = fileURLToPath(new URL("./ask-time.mjs", import.meta.url));
const TEXT = { encoding: "utf8" } as const;
const FUTURE = "Nov 26, 2040 12:00:00";

/** A call as strace writes it, with the time at which it was made. */
interface Call {
  readonly at: number;
  readonly name: string;
  readonly text: string;
}

describe.skipIf(missing)("the clock of a machine, which cannot be set here and is told that it was", () => {
  beforeAll(requireBuilt, 120_000);

  test("is stepped to the nanosecond of the offset, and slewed by its microsecond, forwards and backwards", async () => {
    const before = Date.now();
    const { calls, stdout } = await traced(
      fileURLToPath(new URL("./set-clock.mjs", import.meta.url)),
      ...[`${ROOT}build`, "step", "1234.5", "step", "-86400000.25", "slew", "-1234.567", "slew", "0.25"],
    );
    const after = Date.now();

    expect(stdout.trim().split("\n")).toEqual(["true", "true", "true", "true"]);
    expect(calls.map(({ name }) => name)).toEqual([
      "clock_settime",
      "clock_settime",
      "clock_adjtime",
      "clock_adjtime",
    ]);
    for (const [call, offset] of [
      [calls[0], 1234.5],
      [calls[1], -86_400_000.25],
    ] as const) {
      const wall = (call === undefined ? 0n : realtime(call)) - BigInt(offset * 1_000_000);
      expect(wall % 1_000_000n).toBe(0n);
      expect(Number(wall / 1_000_000n)).toBeGreaterThanOrEqual(before);
      expect(Number(wall / 1_000_000n)).toBeLessThanOrEqual(after);
    }
    expect(calls.slice(2).map(({ text }) => /modes=(\S+), offset=(-?\d+),/.exec(text)?.slice(1))).toEqual([
      ["ADJ_OFFSET_SINGLESHOT", "-1234567"],
      ["ADJ_OFFSET_SINGLESHOT", "250"],
    ]);
  });

  test("is left alone without CAP_SYS_TIME", async () => {
    const program = new Program(
      fileURLToPath(new URL("./set-clock.mjs", import.meta.url)),
      [`${ROOT}build`, "step", "0", "slew", "1"],
      { under: WITHOUT_PERMISSION },
    );

    const { code, stdout } = await program.ended;

    expect([code, stdout]).toEqual([0, "false\nfalse\n"]);
  });
});

describe.skipIf(missing)("secure-streams up, where chrony says that it is 2040", () => {
  let outskirts: Outskirts;
  let network: Namespace;
  let town: Town;
  let policy: string;
  let served: () => number;

  beforeAll(async () => {
    requireBuilt();
    outskirts = await Outskirts.open();
    ({ network, town } = outskirts);
    network.ip(`-n ${outskirts.namespace} link set lo up`);
    await town.kill("chronyd");
    // Its socket for commands must be in a folder of nobody else's.
    mkdirSync(join(town.folder, "chrony"), { mode: 0o700 });
    await town.startTime(["local stratum 3", "manual", "bindcmdaddress %/chrony/socket"]);
    settime(join(town.folder, "chrony", "socket"), FUTURE);
    served = () =>
      Number(execFileSync("ip", ["netns", "exec", outskirts.namespace, process.execPath, ASK, TOWN], TEXT));
    policy = town.write("device.json", JSON.stringify(devicePolicy(town)));
  }, 120_000);
  afterAll(async () => {
    await outskirts.close();
  });

  const ARGUMENTS = ["up", "--interface", "dev0", "--no-probe", "--set-clock", "--json"];
  const UNTIL = ["--until", "OPERATIONAL", "--timeout", "20000"];

  test("steps the clock there with --set-clock, to the fraction of a second, once", async () => {
    const { calls, stdout } = await traced(
      `${ROOT}dist/cli/main.js`,
      ...[...ARGUMENTS, ...UNTIL, "--policy", policy],
    );
    const [adjusted, ...more] = linesOf(stdout).filter(({ type }) => type === "adjusted");
    const [call, ...others] = calls;

    expect([more, others]).toEqual([[], []]);
    expect(adjusted).toMatchObject({ how: "step", set: true });
    expect(call?.name).toBe("clock_settime");
    const target = call === undefined ? 0n : realtime(call);
    const wall = Number(target) / 1e6 - Number(adjusted?.offset);
    // What it was set to is the wall clock of that moment, which comes in whole milliseconds, and the offset: 2 us are
    // what a double of this size leaves out.
    expect(Math.abs(wall - Math.round(wall))).toBeLessThan(0.002);
    expect(wall).toBeLessThanOrEqual((call?.at ?? 0) * 1000);
    expect(wall).toBeGreaterThan((call?.at ?? 0) * 1000 - 1000);
    expect(Math.abs(Number(adjusted?.offset) - served())).toBeLessThan(Number(adjusted?.error) + 50);
    expect(new Date(wall + Number(adjusted?.offset)).getUTCFullYear()).toBe(2040);
    expect(linesOf(stdout).map(({ state }) => state)).toContain("OPERATIONAL");
  });

  test("says that it may not without CAP_SYS_TIME, keeps the offset, and is OPERATIONAL all the same", async () => {
    network.ip("link set dev0 down");
    const program = new Program(
      `${ROOT}dist/cli/main.js`,
      [...ARGUMENTS.filter((word) => word !== "--json"), ...UNTIL, "--policy", policy],
      { under: WITHOUT_PERMISSION },
    );

    const { code, stderr } = await program.ended;

    expect(stderr).toMatch(
      /time: the clock is off by \d+\.\d{3} s, and may not be set without CAP_SYS_TIME \(/,
    );
    expect(stderr).toMatch(/^OPERATIONAL$/m);
    expect(code).toBe(0);
  });
});

/** Tells chronyd by hand what time it is. It opens its socket a moment after it has said that it starts. */
function settime(socket: string, time: string): void {
  const command = ["-h", socket, "settime", time];
  const options = { ...TEXT, env: { TZ: "UTC" } };
  for (let tries = 0; tries < 100; tries++) {
    if (spawnSync(requirePeer("chronyc"), command, options).status === 0) return;
  }
  throw new Error("chronyd takes no commands");
}

/** Runs a program of node with every way to set the clock cut off in the kernel twice: no permission, and no call. */
async function traced(file: string, ...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "clock-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const log = join(folder, "calls");
  const trace = ["-f", "-ttt", "-qq", "-e", `trace=${CALLS}`, "-e", `inject=${CALLS}:retval=0`, "-o", log];
  const program = new Program(file, args, { under: [...WITHOUT_PERMISSION, "strace", ...trace] });
  const { code, stdout, stderr } = await program.ended;
  expect({ code, stderr: stderr.match(/Error.*/g) }).toEqual({ code: 0, stderr: null });
  const lines = readFileSync(log, "utf8").trim().split("\n");
  expect(lines.filter((line) => !line.includes("(INJECTED)"))).toEqual([]);
  return { stdout, calls: lines.map(callOf) };
}

function callOf(line: string): Call {
  const [, at, name = "", text = ""] = /^\d+ +([\d.]+) (\w+)\((.*)$/.exec(line) ?? [];
  return { at: Number(at), name, text };
}

/** Nanoseconds since 1970 that a call sets the clock to. */
function realtime({ text }: Call): bigint {
  const [, seconds, nanoseconds] = /^CLOCK_REALTIME, \{tv_sec=(\d+), tv_nsec=(\d+)\}/.exec(text) ?? [];
  return BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(nanoseconds ?? 0);
}

function linesOf(stdout: string): readonly Record<string, unknown>[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
