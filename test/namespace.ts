import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import { onTestFinished } from "vitest";

type Koffi = typeof import("koffi");

const CLONE_NEWNET = 0x40000000;

/**
 * Why tests in network namespaces are skipped; undefined where they run. With CI=true nothing is skipped: the tests run and
 * fail by name.
 */
export function namespacesMissing(): string | undefined {
  const isRoot = process.getuid?.() === 0;
  if (process.env.CI === "true" || (isRoot && existsSync("/proc/self/ns/net") && hasIp())) return undefined;
  const why = 'skipped: network namespaces need Linux, root and the program "ip"';
  process.stderr.write(`${why}\n`);
  return why;
}

/** A network of its own for the test's process; programs that it starts are in it. */
export class Namespace {
  readonly #before: number;
  readonly #call: (name: "unshare" | "setns", ...args: number[]) => void;
  readonly #named: string[] = [];

  /** Puts this thread into a new network with nothing but a loopback that is up. */
  constructor() {
    const koffi: Koffi = createRequire(import.meta.url)("koffi");
    const libc = koffi.load(null);
    const calls = {
      unshare: libc.func("unshare", "int", ["int"]),
      setns: libc.func("setns", "int", ["int", "int"]),
    };
    this.#call = (name, ...args) => {
      if (calls[name](...args) !== 0) throw new Error(`Cannot ${name}: errno ${koffi.errno()}`);
    };
    this.#before = openSync("/proc/thread-self/ns/net", "r");
    this.#call("unshare", CLONE_NEWNET);
    this.ip("link set lo up");
  }

  /** Back to where it was; the network goes with everything in it. */
  leave(): void {
    this.#call("setns", this.#before, CLONE_NEWNET);
    closeSync(this.#before);
    for (const name of this.#named.splice(0)) ip(`netns del ${name}`);
  }

  ip(words: string): string {
    return ip(words);
  }

  /** Words of one command in each line. */
  batch(lines: readonly string[]): void {
    execFileSync("ip", ["-batch", "-"], { input: lines.join("\n") });
  }

  /** What `ip -j` knows. */
  json<Row = Record<string, unknown>>(words: string): readonly Row[] {
    return JSON.parse(ip(`-j ${words}`) || "[]");
  }

  index(name: string): number {
    const [link] = this.json<{ ifindex: number }>(`link show dev ${name}`);
    if (link === undefined) throw new Error(`No link "${name}"`);
    return link.ifindex;
  }

  /** A cable with an end of each name in this network, both up, without addresses that come by themselves. */
  cable(one: string, other: string): void {
    ip(`link add ${one} type veth peer name ${other}`);
    for (const name of [one, other]) {
      ip(`link set ${name} addrgenmode none`);
      ip(`link set ${name} up`);
    }
  }

  /** A cable to a second network; the other end is up and has the address. */
  neighbour(one: string, other: string, address: string): string {
    const name = `sst-${process.pid}-${other}`;
    ip(`netns add ${name}`);
    this.#named.push(name);
    ip(`link add ${one} type veth peer name ${other} netns ${name}`);
    ip(`link set ${one} up`);
    ip(`-n ${name} link set ${other} up`);
    ip(`-n ${name} address add ${address} dev ${other}`);
    return name;
  }

  /** Does something in a named network, at once. */
  inside<Result>(name: string, work: () => Result): Result {
    const [own, other] = ["/proc/thread-self/ns/net", `/run/netns/${name}`].map((path) =>
      openSync(path, "r"),
    );
    if (own === undefined || other === undefined) throw new Error("Cannot open a network namespace");
    try {
      this.#call("setns", other, CLONE_NEWNET);
      return work();
    } finally {
      this.#call("setns", own, CLONE_NEWNET);
      closeSync(own);
      closeSync(other);
    }
  }

  /** What somebody set in this network, for a comparison of before and after: not what links report of themselves. */
  state(): string {
    const lines = ["link", "address", "route show table all", "-6 route show table all", "rule"]
      .map(ip)
      .join("")
      .split("\n");
    return lines
      .filter((line) => !line.startsWith("multicast ff00::/8"))
      .map((line) => line.replace("NO-CARRIER,", "").replace(/ state [A-Z]+| linkdown/, ""))
      .join("\n");
  }
}

/** A program in a named network, killed when the test ends. */
export function spawnIn(namespace: string, command: string, args: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, command, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** Things that happen, in order. */
export class Recorder<Event> {
  readonly all: Event[] = [];
  readonly #waiting = new Set<() => void>();

  readonly record = (event: Event): void => {
    this.all.push(event);
    for (const check of this.#waiting) check();
  };

  /** Resolves when there is one that `wanted` holds for, with the first such. */
  first(wanted: (event: Event) => boolean): Promise<Event> {
    return new Promise((resolve) => {
      const check = (): void => {
        const found = this.all.find(wanted);
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }

  clear(): void {
    this.all.length = 0;
  }
}

function ip(words: string): string {
  return execFileSync("ip", words.split(" "), { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function hasIp(): boolean {
  return ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].some((path) => existsSync(path));
}
