import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { Namespace, namespacesMissing } from "../namespace.ts";

type Answer = {
  readonly task: string;
  readonly code?: string;
  readonly message?: string;
  readonly result?: unknown;
};

const NOBODY = "65534";
const CAPABILITIES = ["net_raw", "net_admin", "net_bind_service"];
const CHANGES = ["bringUp", "setMtu", "putAddress", "putRoute", "dropRoute", "dropAddress"];

describe.skipIf(namespacesMissing())("a process that is not root", () => {
  let namespace: Namespace;
  let folder: string;
  let bare: string;

  beforeAll(() => {
    requireBuilt();
    folder = installed(["koffi", "@koromix"]);
    bare = installed([]);
  });
  afterAll(() => {
    for (const each of [folder, bare]) rmSync(each, { recursive: true });
  });
  beforeEach(() => {
    namespace = new Namespace();
    namespace.cable("eth0", "sw0");
  });
  afterEach(() => namespace.leave());

  test("does everything with three capabilities, and leaves the kernel as it was", () => {
    const before = namespace.state();
    const tasks = [
      "snapshot",
      "bringUp",
      "putAddress",
      "putRoute",
      "watch",
      "packets",
      "datagrams",
      "dropRoute",
      "dropAddress",
    ];

    const answers = run(tasks, CAPABILITIES);

    expect(answers).toEqual(
      tasks.map((task) => ({ task, result: task === "snapshot" || task === "packets" ? true : null })),
    );
    expect(namespace.state()).toBe(before);
  });

  test("cannot change addresses, routes and links without CAP_NET_ADMIN, and is told so", () => {
    namespace.ip("address add 192.0.2.5/24 dev eth0");
    namespace.ip("route add default via 192.0.2.1 metric 5 proto dhcp");
    const before = namespace.state();

    const answers = run(CHANGES, ["net_raw", "net_bind_service"]);

    for (const { task, code, message } of answers) {
      expect(code, task).toBe("not-permitted");
      expect(message, task).toMatch(/^Cannot .+: the process lacks CAP_NET_ADMIN \(EPERM\)$/);
    }
    expect(answers).toHaveLength(CHANGES.length);
    expect(namespace.state()).toBe(before);
  });

  test("cannot open packets without CAP_NET_RAW, and is told so", () => {
    const link = namespace.index("eth0");

    expect(run(["packets"], ["net_admin", "net_bind_service"])).toMatchObject([
      {
        code: "not-permitted",
        message: `Cannot open a packet socket on link ${link}: the process lacks CAP_NET_RAW (EPERM)`,
      },
    ]);
  });

  test("cannot open the client's port without CAP_NET_BIND_SERVICE, and is told so", () => {
    namespace.ip("address add 192.0.2.5/24 dev eth0");
    const link = namespace.index("eth0");

    expect(run(["datagrams"], ["net_admin", "net_raw"])).toMatchObject([
      {
        code: "not-permitted",
        message: `Cannot open UDP port 68 of "192.0.2.5" on link ${link}: the process lacks CAP_NET_BIND_SERVICE (EACCES)`,
      },
    ]);
  });

  test("sees links, addresses and routes, and their changes, without any capability", () => {
    expect(run(["snapshot", "watch", "suspend"], [])).toEqual([
      { task: "snapshot", result: true },
      { task: "watch", result: null },
      { task: "suspend", result: null },
    ]);
  });

  test("cannot write where it may not, and is told so", () => {
    expect(run(["forbidden"], CAPABILITIES)).toMatchObject([
      { code: "not-permitted", message: 'Cannot replace "/lease": the system refused (EACCES)' },
    ]);
  });

  test("has its pool of one thread free while everything is open, and ends by itself when all is closed", () => {
    namespace.ip("address add 192.0.2.5/24 dev eth0");

    expect(run(["pool"], CAPABILITIES, { UV_THREADPOOL_SIZE: "1" })).toEqual([
      { task: "pool", result: true },
    ]);
  });

  test("is told which package is missing where koffi is not installed", () => {
    const tasks = ["snapshot", ...CHANGES, "watch", "packets", "datagrams", "suspend"];

    const answers = run(tasks, CAPABILITIES, {}, bare);

    for (const { task, code, message } of answers) {
      expect(code, task).toBe("unsupported");
      expect(message, task).toContain('the package "koffi" is missing, add it with "npm install koffi"');
    }
    expect(answers.map(({ task }) => task)).toEqual(tasks);
    expect(run(["files"], [], {}, bare)).toEqual([{ task: "files", result: null }]);
  });

  /** Starts the child as nobody and waits for its own end. */
  function run(
    tasks: readonly string[],
    capabilities: readonly string[],
    env: Readonly<Record<string, string>> = {},
    where = folder,
  ): readonly Answer[] {
    const set = ["-all", ...capabilities.map((each) => `+${each}`)].join(",");
    const text = execFileSync(
      "setpriv",
      [
        ...["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"],
        ...["--inh-caps", set, "--ambient-caps", set, "--bounding-set", set],
        ...[process.execPath, `${where}/child.mjs`, `${where}/dist`, `${namespace.index("eth0")}`, ...tasks],
      ],
      { encoding: "utf8", timeout: 15_000, cwd: where, env: { ...process.env, ...env, HOME: where } },
    );
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }
});

/** A copy of the build that anybody may read, with these packages beside it. */
function installed(packages: readonly string[]): string {
  const folder = mkdtempSync(`${tmpdir()}/platform-`);
  chmodSync(folder, 0o755);
  cpSync(`${ROOT}build`, `${folder}/dist`, { recursive: true });
  cpSync(`${ROOT}package.json`, `${folder}/package.json`);
  cpSync(`${ROOT}test/platform/child.mjs`, `${folder}/child.mjs`);
  for (const name of packages) {
    cpSync(`${ROOT}node_modules/${name}`, `${folder}/node_modules/${name}`, { recursive: true });
  }
  return folder;
}
