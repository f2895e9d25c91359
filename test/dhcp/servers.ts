import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirePeer } from "../peers.ts";

/** What a server gives out on its network, 10.77.0.0/24 unless said otherwise, with itself at number 1 as the router. */
export interface Pool {
  /** Last byte of the first and of the last address. */
  readonly first: number;
  readonly last: number;
  /** Seconds. dnsmasq takes no less than 120. */
  readonly lease: number;
  /** Seconds; default: the server's. */
  readonly renew?: number;
  readonly rebind?: number;
  readonly rapidCommit?: boolean;
  /** Default: the server. */
  readonly router?: string;
  readonly ntp?: string;
  readonly captivePortal?: string;
  readonly mtu?: number;
  readonly search?: readonly string[];
  /** Destinations as `10.9.0.0/16` and their gateways (option 121). */
  readonly routes?: readonly (readonly [string, string])[];
  readonly dns?: readonly string[];
  /** dnsmasq: names that it answers for, with their address. Without it, it is no name server. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** dnsmasq with `hosts`: every other name leads to this address. */
  readonly everyName?: string;
}

export interface Restart {
  readonly forget?: boolean;
  /** Another network than before: its number 1 is on the link already. */
  readonly network?: string;
  /** Done while no server runs. */
  readonly meanwhile?: () => void;
}

export interface DhcpServer {
  readonly name: "dnsmasq" | "kea-dhcp4" | "dhcpd";
  /** What it wrote to its log so far. */
  readonly said: () => string;
  /** Resolves when it has written what `pattern` finds from now on. */
  wrote(pattern: RegExp): Promise<void>;
  /** Ends it and starts it anew with another pool; its leases are kept unless `forget`. */
  restart(pool: Pool, options?: Restart): Promise<void>;
  kill(): Promise<void>;
}

/** Where a server runs. */
export interface Place {
  /** Of a named network. */
  readonly namespace: string;
  readonly link: string;
  /** The first three bytes of its network; default `10.77.0`. */
  readonly network?: string;
}

/** One of the servers, in a named network, on a link that has number 1 of the network. Killed by `kill`. */
export async function startServer(name: DhcpServer["name"], pool: Pool, where: Place): Promise<DhcpServer> {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  chmodSync(folder, 0o777);
  let log = "";
  let heard = (): void => {};
  let child: ChildProcess | undefined;
  let { network = "10.77.0" } = where;

  const start = async (now: Pool): Promise<void> => {
    const { args, ready } = KINDS[name](now, folder, { ...where, network });
    const from = log.length;
    const started = spawn("ip", ["netns", "exec", where.namespace, requirePeer(name), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        KEA_PIDFILE_DIR: folder,
        KEA_LOCKFILE_DIR: folder,
        KEA_LOGGER_DESTINATION: "stderr",
      },
    });
    child = started;
    const listen = (text: Buffer): void => {
      log += text.toString("latin1");
      heard();
    };
    started.stdout.on("data", listen);
    started.stderr.on("data", listen);
    const ended = new Promise<never>((_, reject) => {
      started.once("exit", () => reject(new Error(`${name} ended: ${log.slice(from)}`)));
    });
    ended.catch(() => {});
    await Promise.race([written(ready, from), ended]);
  };
  const written = (pattern: RegExp, from = log.length): Promise<void> =>
    new Promise((resolve) => {
      heard = () => {
        if (pattern.test(log.slice(from))) resolve();
      };
      heard();
    });
  const end = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill("SIGKILL");
    await gone;
  };

  forget(folder);
  await start(pool);
  return {
    name,
    said: () => log,
    wrote: (pattern) => written(pattern),
    async restart(now, options = {}) {
      await end();
      if (options.forget === true) forget(folder);
      options.meanwhile?.();
      network = options.network ?? network;
      await start(now);
    },
    async kill() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function forget(folder: string): void {
  for (const name of ["leases", "leases.2", "leases~", "leases.completed"]) {
    rmSync(join(folder, name), { force: true });
  }
  writeFileSync(join(folder, "leases"), "", { mode: 0o666 });
}

interface Kind {
  readonly args: readonly string[];
  /** What it writes once it answers. */
  readonly ready: RegExp;
}

const KINDS: Readonly<
  Record<DhcpServer["name"], (pool: Pool, folder: string, place: Required<Place>) => Kind>
> = {
  dnsmasq(pool, folder, { link, network }) {
    const args = [
      ...["--no-daemon", "--conf-file=/dev/null", "--bind-dynamic", `--interface=${link}`],
      ...(pool.hosts === undefined ? ["--port=0"] : ["--no-resolv", "--no-hosts", "--log-queries"]),
      ...Object.entries(pool.hosts ?? {}).map(([name, address]) => `--host-record=${name},${address},30`),
      ...(pool.everyName === undefined ? [] : [`--address=/#/${pool.everyName}`]),
      ...[
        "--user=root",
        "--no-ping",
        "--dhcp-authoritative",
        "--log-dhcp",
        `--dhcp-leasefile=${folder}/leases`,
      ],
      `--pid-file=${folder}/pid`,
      `--dhcp-range=${network}.${pool.first},${network}.${pool.last},255.255.255.0,${pool.lease}`,
      ...optionsOf(pool, network).map(([code, value]) => `--dhcp-option-force=${code},${value}`),
      ...(pool.rapidCommit === true ? ["--dhcp-rapid-commit"] : []),
    ];
    return { args, ready: /DHCP, (IP range|sockets)/ };
  },
  "kea-dhcp4"(pool, folder, { link, network }) {
    const { lease, renew, rebind } = pool;
    const data = keaOptions(pool, network);
    const conf = {
      Dhcp4: {
        "interfaces-config": { interfaces: [link], "dhcp-socket-type": "raw" },
        "lease-database": { type: "memfile", persist: true, name: `${folder}/leases`, "lfc-interval": 0 },
        authoritative: true,
        "valid-lifetime": lease,
        ...(renew === undefined ? {} : { "renew-timer": renew }),
        ...(rebind === undefined ? {} : { "rebind-timer": rebind }),
        subnet4: [
          {
            id: 1,
            subnet: `${network}.0/24`,
            pools: [{ pool: `${network}.${pool.first}-${network}.${pool.last}` }],
            "option-data": data,
          },
        ],
        loggers: [
          { name: "kea-dhcp4", severity: "INFO", output_options: [{ output: "stderr", flush: true }] },
        ],
      },
    };
    const file = join(folder, "kea.json");
    writeFileSync(file, JSON.stringify(conf));
    return { args: ["-c", file], ready: /DHCP4_STARTED/ };
  },
  dhcpd(pool, folder, { link, network }) {
    const { lease, renew, rebind } = pool;
    const lines = [
      "authoritative;",
      "ping-check off;",
      "option captive code 114 = text;",
      "option classless code 121 = array of unsigned integer 8;",
      `default-lease-time ${lease};`,
      `max-lease-time ${lease};`,
      `min-lease-time ${lease};`,
      ...(renew === undefined ? [] : [`option dhcp-renewal-time ${renew};`]),
      ...(rebind === undefined ? [] : [`option dhcp-rebinding-time ${rebind};`]),
      `subnet ${network}.0 netmask 255.255.255.0 {`,
      `  range ${network}.${pool.first} ${network}.${pool.last};`,
      `  option routers ${pool.router ?? `${network}.1`};`,
      `  option domain-name-servers ${(pool.dns ?? [`${network}.1`]).join(", ")};`,
      ...(pool.ntp === undefined ? [] : [`  option ntp-servers ${pool.ntp};`]),
      ...(pool.mtu === undefined ? [] : [`  option interface-mtu ${pool.mtu};`]),
      ...(pool.captivePortal === undefined ? [] : [`  option captive "${pool.captivePortal}";`]),
      ...(pool.search === undefined
        ? []
        : [`  option domain-search ${pool.search.map((name) => `"${name}"`).join(", ")};`]),
      ...(pool.routes === undefined ? [] : [`  option classless ${classless(pool.routes).join(", ")};`]),
      "}",
      "",
    ];
    const file = join(folder, "dhcpd.conf");
    writeFileSync(file, lines.join("\n"));
    const args = ["-4", "-f", "-d", "-cf", file, "-lf", join(folder, "leases"), "-pf", join(folder, "pid")];
    return { args: [...args, link], ready: /Server starting service/ };
  },
};

/** As dnsmasq writes options. */
function optionsOf(pool: Pool, network: string): readonly (readonly [number, string])[] {
  const options: (readonly [number, string])[] = [
    [3, pool.router ?? `${network}.1`],
    [6, (pool.dns ?? [`${network}.1`]).join(",")],
  ];
  if (pool.ntp !== undefined) options.push([42, pool.ntp]);
  if (pool.mtu !== undefined) options.push([26, String(pool.mtu)]);
  if (pool.captivePortal !== undefined) options.push([114, pool.captivePortal]);
  if (pool.search !== undefined) options.push([119, pool.search.join(",")]);
  if (pool.routes !== undefined) options.push([121, pool.routes.flat().join(",")]);
  if (pool.renew !== undefined) options.push([58, String(pool.renew)]);
  if (pool.rebind !== undefined) options.push([59, String(pool.rebind)]);
  return options;
}

function keaOptions(pool: Pool, network: string): readonly object[] {
  const options: object[] = [
    { name: "routers", data: pool.router ?? `${network}.1` },
    { name: "domain-name-servers", data: (pool.dns ?? [`${network}.1`]).join(", ") },
  ];
  if (pool.ntp !== undefined) options.push({ name: "ntp-servers", data: pool.ntp });
  if (pool.mtu !== undefined) options.push({ name: "interface-mtu", data: String(pool.mtu) });
  if (pool.captivePortal !== undefined)
    options.push({ code: 114, "csv-format": false, data: Buffer.from(pool.captivePortal).toString("hex") });
  if (pool.search !== undefined) options.push({ name: "domain-search", data: pool.search.join(", ") });
  if (pool.routes !== undefined)
    options.push({
      code: 121,
      "csv-format": false,
      data: Buffer.from(classless(pool.routes)).toString("hex"),
    });
  return options;
}

/** RFC 3442: length, the destination's significant bytes, the router. */
function classless(routes: readonly (readonly [string, string])[]): readonly number[] {
  return routes.flatMap(([destination, router]) => {
    const [network = "", length = "0"] = destination.split("/");
    const bytes = network
      .split(".")
      .map(Number)
      .slice(0, Math.ceil(Number(length) / 8));
    return [Number(length), ...bytes, ...router.split(".").map(Number)];
  });
}
