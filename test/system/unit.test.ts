import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { type Namespace, namespacesMissing } from "../namespace.ts";
import { peersMissing } from "../peers.ts";
import { devicePolicy } from "./device.ts";
import { Outskirts } from "./outskirts.ts";
import type { Town } from "./town.ts";

const run = promisify(execFile);
const UNIT = "secure-streams.service";
const missing = namespacesMissing() ?? peersMissing("systemd", "dnsmasq", "chronyd", "nginx", "mosquitto");

describe.skipIf(missing)("the unit of the examples, under a systemd of its own", () => {
  let outskirts: Outskirts;
  let network: Namespace;
  let namespace: string;
  let town: Town;
  let systemd: Systemd;

  beforeAll(async () => {
    requireBuilt();
    outskirts = await Outskirts.open({ link: "eth0" });
    ({ network, namespace, town } = outskirts);
    systemd = await Systemd.start(town.write("device.json", JSON.stringify(devicePolicy(town))));
  }, 120_000);
  afterAll(async () => {
    await systemd.end();
    await outskirts.close();
  });

  test("says what it waits for, is started when it is OPERATIONAL, without root, and stops in time and cleanly", async () => {
    network.ip(`-n ${namespace} link set town0 down`);
    await systemd.control("start", "--no-block", UNIT);
    await systemd.reached("StatusText", /IFACE_COLDPLUG is held by link/);
    const waiting = await systemd.properties();
    network.ip(`-n ${namespace} link set town0 up`);
    await systemd.control("start", UNIT);
    const running = await systemd.properties();
    const process = await systemd.inside("cat", `/proc/${running.MainPID}/status`);
    const state = await systemd.inside("ls", "-l", "/var/lib/secure-streams/");
    const during = network.state();

    await systemd.control("stop", UNIT);
    const stopped = await systemd.properties();

    expect(waiting).toMatchObject({ ActiveState: "activating", SubState: "start" });
    expect(running).toMatchObject({ ActiveState: "active", StatusText: "OPERATIONAL", NRestarts: "0" });
    expect(Number(/^Uid:\t(\d+)/m.exec(process)?.[1])).toBeGreaterThan(0);
    // CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW and nothing else.
    for (const set of ["CapEff", "CapBnd"])
      expect(process).toMatch(new RegExp(`^${set}:\t0000000000003400$`, "m"));
    expect(process).toMatch(/^NoNewPrivs:\t1$/m);
    expect(process).toMatch(/^Seccomp:\t2$/m);
    expect(state).toContain("eth0.lease");
    expect(during).toContain("inet 10.77.0.");
    expect(stopped).toMatchObject({ ActiveState: "inactive", Result: "success", ExecMainStatus: "0" });
    expect(network.state()).not.toContain("inet 10.77.0.");
  }, 60_000);

  test("is started anew when its event loop does not turn any more", async () => {
    await systemd.override("WatchdogSec=1", "RestartSec=0", "TimeoutAbortSec=1");
    await systemd.control("start", UNIT);
    const { MainPID: before } = await systemd.properties();

    await systemd.inside("kill", "-STOP", before ?? "");
    await systemd.reached("NRestarts", /^1$/);
    await systemd.reached("StatusText", /^OPERATIONAL$/);
    const after = await systemd.properties();
    await systemd.control("stop", UNIT);

    expect(after.ActiveState).toBe("active");
    expect(after.MainPID).not.toBe(before);
  }, 60_000);

  test("is not started again and again where its policy has faults", async () => {
    await systemd.inside("sh", "-c", "echo '{ streams' >/etc/secure-streams/device.json");
    await expect(systemd.control("start", UNIT)).rejects.toThrow("systemctl start");
    await systemd.reached("ActiveState", /failed/);

    expect(await systemd.properties()).toMatchObject({ ExecMainStatus: "2", NRestarts: "0" });
  }, 60_000);
});

/** A systemd that is process 1 of its own namespaces, in the test's network. */
class Systemd {
  readonly #child: ChildProcess;
  readonly #group: string;
  readonly #pid: string;

  private constructor(child: ChildProcess, group: string, pid: string) {
    this.#child = child;
    this.#group = group;
    this.#pid = pid;
  }

  static async start(policy: string): Promise<Systemd> {
    const group = `${cgroup2()}/sst-${process.pid}`;
    mkdirSync(group);
    const script = fileURLToPath(new URL("./systemd.sh", import.meta.url));
    const child = spawn("bash", [script, ROOT, policy, group], { stdio: "ignore" });
    process.once("exit", () => child.kill("SIGKILL"));
    const first = await patiently("systemd to start", async () => {
      const { stdout } = await run("ps", ["--ppid", `${child.pid}`, "-o", "pid=,comm="]);
      return /^ *(\d+) systemd$/m.exec(stdout)?.[1];
    });
    const systemd = new Systemd(child, group, first);
    await patiently("systemd to listen", () => systemd.inside("systemctl", "list-jobs"));
    return systemd;
  }

  async control(...words: readonly string[]): Promise<void> {
    await this.inside("systemctl", ...words);
  }

  async inside(command: string, ...words: readonly string[]): Promise<string> {
    const enter = ["--target", this.#pid, "--mount", "--pid", "--net", "--"];
    const { stdout } = await run("nsenter", [...enter, command, ...words], { timeout: 30_000 });
    return stdout;
  }

  /** Lines for the section Service, over those of the unit. */
  async override(...lines: readonly string[]): Promise<void> {
    const folder = `/run/systemd/system/${UNIT}.d`;
    const text = ["[Service]", ...lines, ""].join("\\n");
    await this.inside("sh", "-c", `mkdir -p ${folder} && printf '${text}' >${folder}/test.conf`);
    await this.control("daemon-reload");
  }

  async properties(): Promise<Readonly<Record<string, string>>> {
    const names = "ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ExecMainStatus";
    const lines = (await this.inside("systemctl", "show", UNIT, "-p", names)).trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  async reached(property: string, value: RegExp): Promise<void> {
    await patiently(`${property} to be ${value}`, async () => {
      const { [property]: now = "" } = await this.properties();
      return value.test(now) ? now : undefined;
    });
  }

  /** With process 1 of a namespace everything in it ends. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    process.kill(Number(this.#pid), "SIGKILL");
    await gone;
    const groups = execFileSync("find", [this.#group, "-depth", "-type", "d"], { encoding: "utf8" });
    for (const group of groups.trim().split("\n")) rmdirSync(group);
  }
}

/** Asks again and again until there is an answer, for 30 s at the most; each question starts a program and waits for it. */
async function patiently(what: string, ask: () => Promise<string | undefined>): Promise<string> {
  const until = Date.now() + 30_000;
  let why: unknown;
  while (Date.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      why = error;
    }
  }
  throw new Error(`Waited in vain for ${what}`, { cause: why });
}

/** Where the second kind of cgroups is mounted. */
function cgroup2(): string {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((each) => each.includes(" - cgroup2 "));
  return line?.split(" ")[4] ?? "/sys/fs/cgroup";
}
