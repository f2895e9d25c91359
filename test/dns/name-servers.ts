import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirePeer } from "../peers.ts";

/** A real name server in a process of its own. */
export interface NameServer {
  /** `127.0.0.1:port` */
  readonly server: string;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** Starts again on the same port with the same configuration. */
  restart(): Promise<void>;
  /** Silent as if its cable were out, until `resume`. */
  freeze(): void;
  resume(): void;
  stop(): Promise<void>;
}

export interface NameServerOptions {
  /** Default: a free port of 127.0.0.1. */
  readonly address?: string;
  readonly port?: number;
  /** Default: the test's own network; else the name of a network namespace. */
  readonly namespace?: string;
}

/** Starts unbound with these lines of its `server:` clause, and other clauses after them. */
export function startUnbound(
  lines: readonly string[],
  clauses: readonly string[] = [],
  options: NameServerOptions = {},
): Promise<NameServer> {
  return start(options, (folder, address, port) => {
    const file = join(folder, "unbound.conf");
    const server = [
      `interface: ${address}@${port}`,
      `directory: "${folder}"`,
      ...[
        'username: ""',
        'chroot: ""',
        'pidfile: ""',
        "use-syslog: no",
        "do-daemonize: no",
        "num-threads: 1",
      ],
      ...['module-config: "iterator"', "do-not-query-localhost: no", "access-control: 0.0.0.0/0 allow"],
      ...["access-control: ::0/0 allow", ...lines],
    ];
    const text = ["server:", ...server.map((line) => `  ${line}`), "remote-control:", "  control-enable: no"];
    writeFileSync(file, [...text, ...clauses, ""].join("\n"));
    return [requirePeer("unbound"), "-d", "-c", file];
  });
}

/** Starts dnsmasq with these options, as on its command line without the dashes. */
export function startDnsmasq(options: readonly string[], where: NameServerOptions = {}): Promise<NameServer> {
  return start(where, (_, address, port) => [
    requirePeer("dnsmasq"),
    ...[
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--pid-file=",
      "--no-resolv",
      "--no-hosts",
      "--user=root",
    ],
    ...[`--port=${port}`, `--listen-address=${address}`, "--bind-interfaces"],
    ...options.map((option) => `--${option}`),
  ]);
}

async function start(
  { address = "127.0.0.1", namespace, ...rest }: NameServerOptions,
  prepare: (folder: string, address: string, port: number) => readonly string[],
): Promise<NameServer> {
  const folder = mkdtempSync(join(tmpdir(), "name-server-"));
  const port = rest.port ?? (await freePort());
  const words = prepare(folder, address, port);
  const [program = "", ...args] =
    namespace === undefined ? words : ["ip", "netns", "exec", namespace, ...words];
  let child: ChildProcess;
  const begin = async (): Promise<void> => {
    let said = "";
    child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.on("data", (text) => {
      said += String(text);
    });
    const ended = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`${words[0]} ended with ${code}: ${said}`)));
    });
    ended.catch(() => {});
    if (namespace === undefined) await Promise.race([listening(port), ended]);
    else await Promise.race([serving(namespace, address), ended]);
  };
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  };
  // A test that fails before it stops the server leaves none behind.
  process.once("exit", () => child.kill("SIGKILL"));
  await begin();
  return {
    server: `${address}:${port}`,
    kill: end,
    restart: begin,
    freeze: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Resolves once the port takes connections. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Resolves once something in the namespace listens on port 53. */
async function serving(namespace: string, address: string): Promise<void> {
  for (;;) {
    const child = spawn("ip", ["netns", "exec", namespace, "ss", "-Hlnu", "sport = 53"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.on("data", (part) => {
      text += String(part);
    });
    await new Promise((resolve) => child.once("close", resolve));
    if (text.includes(address.replace(/%.*/, ""))) return;
  }
}
