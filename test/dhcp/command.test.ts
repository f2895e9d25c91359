import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { cli, events, startCli } from "../cli/policies.ts";
import { namespacesMissing } from "../namespace.ts";
import { peerMissing } from "../peers.ts";
import { Lab } from "./lab.ts";
import type { Pool } from "./servers.ts";

const POOL: Pool = { first: 50, last: 60, lease: 600 };
const NOBODY = "65534";
const CAPABILITIES = ["net_raw", "net_admin", "net_bind_service"];

beforeAll(requireBuilt, 120_000);

describe("dhcp", () => {
  test("shows its options and an example with --help", async () => {
    const { code, stdout, stderr } = await cli(["dhcp", "--help"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const word of ["--once", "--no-configure", "--release", "--lease-file", "--timeout", "--json"]) {
      expect(stdout).toContain(`  ${word}`);
    }
    expect(stdout).toMatch(/Example:\n {2}secure-streams dhcp eth0 /);
  });

  test("says what is missing without an argument", async () => {
    expect(await cli(["dhcp"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: 'secure-streams: Cannot run "dhcp": IFACE is missing; see secure-streams dhcp --help\n',
    });
  });

  test("refuses a time that is no number", async () => {
    const { code, stderr } = await cli(["dhcp", "lo", "--timeout", "soon"]);

    expect(code).toBe(2);
    expect(stderr).toContain("--timeout");
  });
});

describe.skipIf(namespacesMissing() ?? peerMissing("dnsmasq"))("dhcp in a network of its own", () => {
  let lab: Lab;

  beforeEach(() => {
    lab = new Lab();
  });
  afterEach(() => lab.close());

  test("names the interfaces that there are when it is given another", async () => {
    lab.namespace.cable("eth8", "eth9");

    expect(await cli(["dhcp", "eth0"])).toMatchObject({
      code: 2,
      stdout: "",
      stderr:
        'secure-streams: Cannot configure "eth0": there is no such network interface, only "lo", "eth9", "eth8" [interface-missing]\n',
    });
  });

  test("refuses an interface that is no Ethernet", async () => {
    const { code, stderr } = await cli(["dhcp", "lo", "--once"]);

    expect(code).toBe(2);
    expect(stderr).toMatch(/"lo" is no Ethernet link .*\[unsupported\]\n$/);
  });

  test("keeps the lease until SIGTERM, tells all of it as JSON, and takes everything back", async () => {
    const pool = { ...POOL, ntp: "10.77.0.9", mtu: 1400, search: ["one.example"] };
    const { link, tap } = await lab.cable("dnsmasq", pool);
    const before = lab.namespace.state();
    const program = startCli(["dhcp", link, "--no-probe", "--metric", "7", "--json"]);
    await program.wrote(/"state":"bound"/);
    const [{ local: address } = { local: "" }] = lab.addresses(link);
    expect(lab.routes(link)).toEqual([`default via 10.77.0.1 proto dhcp src ${address} metric 7`]);

    program.kill("SIGTERM");
    const { code, stdout, stderr } = await program.ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const all = events(stdout);
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const steps = ["idle", "init", "selecting", "requesting", "bound", "ended"];
    expect(all.filter(({ event }) => event === "state")).toEqual(
      steps.slice(1).map((state, index) => {
        return { event: "state", at, interface: link, state, previous: steps[index], reason: null };
      }),
    );
    const lease = {
      ...{ event: "lease", at, interface: link, address, prefixLength: 24, server: "10.77.0.1" },
      ...{ routers: ["10.77.0.1"], dns: ["10.77.0.1"], ntp: ["10.77.0.9"], search: ["one.example"] },
      ...{ routes: [{ destination: "0.0.0.0", prefixLength: 0, gateway: "10.77.0.1" }] },
      ...{ leaseSeconds: 600, t1: 300, t2: 525, mtu: 1400, hostname: null, captivePortal: null, doubts: [] },
    };
    expect(all.filter(({ event }) => event === "lease")).toEqual([
      { ...lease, change: "acquired" },
      { ...lease, change: "lost" },
    ]);
    expect(tap.types()).toEqual(["discover", "offer", "request", "ack"]);
    expect(lab.namespace.state()).toBe(before);
  });

  test("tells people in words, states on stderr and the lease on stdout, and ends with 0 on SIGINT", async () => {
    const { link } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();
    const program = startCli(["dhcp", link, "--no-probe"]);
    await program.wrote(/bound/);
    const [{ local: address } = { local: "" }] = lab.addresses(link);

    program.kill("SIGINT");

    expect(await program.ended).toEqual({
      code: 0,
      signal: null,
      stdout: [
        `address   ${address}/24 from 10.77.0.1, 600 s`,
        "route     default via 10.77.0.1",
        "dns       10.77.0.1",
        "",
      ].join("\n"),
      stderr: ["init", "selecting", "requesting", "bound", "ended", ""]
        .map((state) => state && `${link}  ${state}`)
        .join("\n"),
    });
    expect(lab.namespace.state()).toBe(before);
  });

  test("leaves the address on the interface with --once, and resolv.conf and lease file", async () => {
    const { link } = await lab.cable("dnsmasq", POOL);
    const files = { lease: lab.file("lease"), resolv: lab.file("resolv.conf") };
    const args = ["--once", "--no-probe", "--lease-file", files.lease, "--resolv-conf", files.resolv];

    const { code } = await cli(["dhcp", link, ...args]);

    expect(code).toBe(0);
    const [{ local: address } = { local: "" }] = lab.addresses(link);
    expect(lab.routes(link)).toEqual([`default via 10.77.0.1 proto dhcp src ${address} metric 1024`]);
    expect(JSON.parse(readFileSync(files.lease, "utf8"))).toMatchObject({ address, leaseSeconds: 600 });
    expect(readFileSync(files.resolv, "utf8")).toContain("nameserver 10.77.0.1\n");
  });

  test("touches nothing with --no-configure", async () => {
    const { link, tap } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();

    const { code, stdout } = await cli(["dhcp", link, "--once", "--no-configure", "--no-probe"]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^address {3}10\.77\.0\.\d+\/24 from 10\.77\.0\.1, 600 s\n/);
    expect(tap.types()).toEqual(["discover", "offer", "request", "ack"]);
    expect(lab.namespace.state()).toBe(before);
  });

  test("gives the address back on leaving with --release, also after --once and --no-configure", async () => {
    const { link, server, tap } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();

    for (const more of [["--once"], ["--once", "--no-configure"]]) {
      const released = server.wrote(/DHCPRELEASE\(/);
      const { code } = await cli(["dhcp", link, "--no-probe", "--release", ...more]);
      await released;
      expect(code).toBe(0);
    }
    const program = startCli(["dhcp", link, "--no-probe", "--release"]);
    await program.wrote(/bound/);
    const released = server.wrote(/DHCPRELEASE\(/);
    program.kill("SIGINT");
    await released;

    expect((await program.ended).code).toBe(0);
    expect(tap.types().filter((type) => type === "release")).toHaveLength(3);
    expect(lab.namespace.state()).toBe(before);
  });

  test("leaves with 4 when no lease came in time, and with 130 when interrupted before it", async () => {
    const { link, server } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();
    await server.kill();

    const { code, stderr } = await cli(["dhcp", link, "--once", "--timeout", "200"]);
    const program = startCli(["dhcp", link, "--once"]);
    await program.wrote(/selecting/);
    program.kill("SIGINT");

    expect(code).toBe(4);
    expect(stderr).toContain("Cannot get a lease: no server gave one within 200 ms [timeout]");
    expect((await program.ended).code).toBe(130);
    expect(lab.namespace.state()).toBe(before);
  });

  test("takes over in two frames what a killed one left, without a gap", async () => {
    const { link, tap } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();
    const args = ["dhcp", link, "--no-probe", "--lease-file", lab.file("lease"), "--json"];
    const remembered = written(lab.folder, "lease");
    const killed = startCli(args);
    await killed.wrote(/"state":"bound"/);
    await remembered;
    const left = lab.addresses(link).map(({ local }) => local);
    killed.kill("SIGKILL");
    await killed.ended;
    expect(lab.addresses(link).map(({ local }) => local)).toEqual(left);
    expect(lab.routes(link)).toHaveLength(1);

    const program = startCli(args);
    await program.wrote(/"state":"bound"/);

    expect(tap.types().slice(4)).toEqual(["request", "ack"]);
    expect(lab.addresses(link).map(({ local }) => local)).toEqual(left);
    expect(lab.routes(link)).toEqual([`default via 10.77.0.1 proto dhcp src ${left[0]} metric 1024`]);
    program.kill("SIGTERM");
    expect((await program.ended).code).toBe(0);
    expect(lab.namespace.state()).toBe(before);
  });

  test("removes what a killed one left before it asks for another address", async () => {
    const { link, server } = await lab.cable("dnsmasq", POOL);
    const before = lab.namespace.state();
    const killed = startCli(["dhcp", link, "--no-probe", "--json"]);
    await killed.wrote(/"state":"bound"/);
    killed.kill("SIGKILL");
    await killed.ended;
    const [left] = lab.addresses(link);
    await server.restart({ ...POOL, first: 100, last: 110 }, { forget: true });

    const program = startCli(["dhcp", link, "--no-probe", "--json"]);
    await program.wrote(/"state":"bound"/);

    const [now, ...more] = lab.addresses(link);
    expect(left?.local).toMatch(/^10\.77\.0\.(5\d|60)$/);
    expect(now?.local).toMatch(/^10\.77\.0\.1[01]\d$/);
    expect(more).toEqual([]);
    expect(lab.routes(link)).toEqual([`default via 10.77.0.1 proto dhcp src ${now?.local} metric 1024`]);
    program.kill("SIGTERM");
    await program.ended;
    expect(lab.namespace.state()).toBe(before);
  });

  describe("as user nobody", () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "dhcp-nobody-"));
      chmodSync(folder, 0o755);
      for (const name of ["dist", "package.json", "node_modules/koffi", "node_modules/@koromix"]) {
        cpSync(`${ROOT}${name}`, join(folder, name), { recursive: true });
      }
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    test("does everything with three capabilities", async () => {
      const { link, tap } = await lab.cable("dnsmasq", { ...POOL, mtu: 1400 });
      const before = lab.namespace.state();

      const { code, stdout } = asNobody(link, CAPABILITIES, ["--release"]);

      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("address   10.77.0."),
      });
      expect(tap.types()).toEqual(["discover", "offer", "request", "ack", "release"]);
      expect(lab.namespace.state()).toBe(before);
    });

    for (const missing of CAPABILITIES) {
      test(`is told that ${missing.toUpperCase()} is missing, before anything is sent`, async () => {
        const { link, tap } = await lab.cable("dnsmasq", POOL);
        const before = lab.namespace.state();

        const answer = asNobody(
          link,
          CAPABILITIES.filter((each) => each !== missing),
        );

        expect(answer).toMatchObject({ code: 5, stdout: "" });
        expect(answer.stderr).toMatch(
          new RegExp(
            `: the process lacks CAP_${missing.toUpperCase()} \\(E(PERM|ACCES)\\) \\[not-permitted\\]\n$`,
          ),
        );
        expect(tap.types()).toEqual([]);
        expect(lab.namespace.state()).toBe(before);
      });
    }

    test("needs only CAP_NET_RAW with --no-configure", async () => {
      const { link } = await lab.cable("dnsmasq", POOL);

      expect(asNobody(link, ["net_raw"], ["--no-configure", "--release"])).toMatchObject({ code: 0 });
    });

    /** One lease, once. */
    function asNobody(link: string, capabilities: readonly string[], more: readonly string[] = []) {
      const set = ["-all", ...capabilities.map((each) => `+${each}`)].join(",");
      const output = join(lab.folder, "stderr");
      const args = [
        ...["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs"],
        ...["--inh-caps", set, "--ambient-caps", set, "--bounding-set", set],
        ...[process.execPath, `${folder}/dist/cli/main.js`, "dhcp", link, "--once", "--no-probe", ...more],
      ];
      const script = `"$0" "$@" 2>"${output}"; echo "$?"`;
      const text = execFileSync("sh", ["-c", script, "setpriv", ...args], {
        ...{ encoding: "utf8", timeout: 15_000, cwd: folder },
        env: { ...process.env, HOME: folder },
      });
      const lines = text.trimEnd().split("\n");
      const code = Number(lines.pop());
      return {
        code,
        stdout: lines.map((line) => `${line}\n`).join(""),
        stderr: readFileSync(output, "utf8"),
      };
    }
  });
});

/** Resolves when a file of that name comes into the folder. */
function written(folder: string, name: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, (_, changed) => {
      if (changed !== name) return;
      watcher.close();
      resolve();
    });
  });
}
