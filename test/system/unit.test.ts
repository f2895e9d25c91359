import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { Namespace, namespacesMissing } from "../namespace.ts";
import { peerMissing } from "../peers.ts";
import { devicePolicy } from "./device.ts";
import { SECOND, TOWN, Town } from "./town.ts";

const UNIT = "secure-streams.service";
const missing =
  namespacesMissing() ??
  (["systemd", "dnsmasq", "chronyd", "nginx", "mosquitto"] as const)
    .map(peerMissing)
    .find((why) => why !== undefined);

describe.skipIf(missing)("the unit of the examples, under a systemd of its own", () => {
  let network: Namespace;
  let namespace: string;
  let town: Town;
  let systemd: Systemd;

  beforeAll(async () => {
    requireBuilt();
    network = new Namespace();
    namespace = network.neighbour("eth0", "town0", `${TOWN}/24`);
    network.ip(`-n ${namespace} address add ${SECOND}/24 dev town0`);
    network.ip("link set eth0 down");
    town = new Town({ namespace, link: "town0" });
    await town.open();
    systemd = new Systemd(town.write("device.json", JSON.stringify(devicePolicy(town))));
  }, 120_000);
  afterAll(async () => {
    await systemd.end();
    await town.close();
    network.leave();
  });

  test("says what it waits for, is started when it is OPERATIONAL, without root, and stops in time and cleanly", async () => {
    network.ip(`-n ${namespace} link set town0 down`);
    systemd.control("start", "--no-block", UNIT);
    await systemd.reached("StatusText", /IFACE_COLDPLUG is held by link/);
    const waiting = systemd.properties();
    network.ip(`-n ${namespace} link set town0 up`);
    systemd.control("start", UNIT);
    const running = systemd.properties();
    const process = systemd.inside("cat", `/proc/${running.MainPID}/status`);
    const state = systemd.inside("ls", "-l", "/var/lib/secure-streams/");
    const during = network.state();

    systemd.control("stop", UNIT);
    const stopped = systemd.properties();

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
    systemd.override("WatchdogSec=1", "RestartSec=0", "TimeoutAbortSec=1");
    systemd.control("start", UNIT);
    const { MainPID: before } = systemd.properties();

    systemd.inside("kill", "-STOP", before ?? "");
    await systemd.reached("NRestarts", /^1$/);
    await systemd.reached("StatusText", /^OPERATIONAL$/);
    const after = systemd.properties();
    systemd.control("stop", UNIT);

    expect(after.ActiveState).toBe("active");
    expect(after.MainPID).not.toBe(before);
  }, 60_000);

  test("is not started again and again where its policy has faults", async () => {
    systemd.inside("sh", "-c", "echo '{ streams' >/etc/secure-streams/device.json");
    spawnSync("nsenter", [...systemd.enter, "systemctl", "start", UNIT]);
    await systemd.reached("ActiveState", /failed/);

    expect(systemd.properties()).toMatchObject({ ExecMainStatus: "2", NRestarts: "0" });
  }, 60_000);
});

/** A systemd that is process 1 of its own namespaces, in the test's network. */
class Systemd {
  readonly #child: ChildProcess;
  readonly #group: string;
  readonly #pid: string;

  constructor(policy: string) {
    this.#group = `${cgroup2()}/sst-${process.pid}`;
    mkdirSync(this.#group);
    const script = fileURLToPath(new URL("./systemd.sh", import.meta.url));
    this.#child = spawn("bash", [script, ROOT, policy, this.#group], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    process.once("exit", () => this.#child.kill("SIGKILL"));
    const { pid } = this.#child;
    this.#pid = patiently("systemd to start", () => {
      const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
      return /^systemd$/m.test(commandOf(first)) ? first : undefined;
    });
    patiently("systemd to listen", () => this.#try("systemctl", "list-jobs"));
  }

  /** Words for nsenter. */
  get enter(): readonly string[] {
    return ["--target", this.#pid, "--mount", "--pid", "--net", "--"];
  }

  control(...words: readonly string[]): void {
    this.inside("systemctl", ...words);
  }

  inside(command: string, ...words: readonly string[]): string {
    return execFileSync("nsenter", [...this.enter, command, ...words], { encoding: "utf8", timeout: 30_000 });
  }

  /** Lines for the section Service, over those of the unit. */
  override(...lines: readonly string[]): void {
    const folder = `/run/systemd/system/${UNIT}.d`;
    const text = ["[Service]", ...lines, ""].join("\\n");
    this.inside("sh", "-c", `mkdir -p ${folder} && printf '${text}' >${folder}/test.conf`);
    this.control("daemon-reload");
  }

  properties(): Readonly<Record<string, string>> {
    const names = "ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ExecMainStatus";
    const lines = this.inside("systemctl", "show", UNIT, "-p", names).trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  }

  async reached(property: string, value: RegExp): Promise<void> {
    patiently(`${property} to be ${value}`, () =>
      value.test(this.properties()[property] ?? "") ? "" : undefined,
    );
  }

  /** With process 1 of a namespace everything in it ends. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    process.kill(Number(this.#pid), "SIGKILL");
    await gone;
    const groups = execFileSync("find", [this.#group, "-depth", "-type", "d"], { encoding: "utf8" });
    for (const group of groups.trim().split("\n")) rmdirSync(group);
  }

  #try(...words: readonly string[]): string | undefined {
    const { status, stdout } = spawnSync("nsenter", [...this.enter, ...words], { encoding: "utf8" });
    return status === 0 ? stdout : undefined;
  }
}

/** Asks until there is an answer, for 30 s at the most. Each question starts a program, so that others have their turn. */
function patiently(what: string, ask: () => string | undefined): string {
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    const answer = ask();
    if (answer !== undefined) return answer;
    execFileSync("sleep", ["0.05"]);
  }
  throw new Error(`Waited in vain for ${what}`);
}

function commandOf(pid: string): string {
  return pid === "" ? "" : readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

/** Where the second kind of cgroups is mounted. */
function cgroup2(): string {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((each) => each.includes(" - cgroup2 "));
  return line?.split(" ")[4] ?? "/sys/fs/cgroup";
}
