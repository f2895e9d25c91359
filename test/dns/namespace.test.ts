import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ROOT, requireBuilt } from "../built.ts";
import { peerMissing } from "../peers.ts";
import { type NameServer, startUnbound } from "./name-servers.ts";

// Three hosts. The client, on a cable with an MTU of 576, and the one that has IPv6 alone: each with a resolv.conf of its
// own. The server, with name servers on port 53.

const CLIENT = `ssdns-c-${process.pid}`;
const SIX = `ssdns-6-${process.pid}`;
const SERVER = `ssdns-s-${process.pid}`;
const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `192.0.2.${index + 1}`);

interface Answered {
  readonly addresses: readonly { readonly address: string }[];
  readonly server: string;
  readonly transport: string;
}

describe.skipIf(namespacesMissing() ?? peerMissing("unbound"))("on a host of its own", () => {
  const servers: NameServer[] = [];

  beforeAll(async () => {
    requireBuilt();
    for (const name of [CLIENT, SIX, SERVER]) {
      ip(`netns add ${name}`);
      ip(`-n ${name} link set lo up`);
    }
    cable(CLIENT, "c0", "s0");
    cable(SIX, "c1", "s1");
    for (const [name, link, address] of [
      [CLIENT, "c0", "10.77.0.1/24"],
      [SERVER, "s0", "10.77.0.2/24"],
      [SIX, "c1", "2001:db8:77::1/64 nodad"],
      [SERVER, "s1", "2001:db8:77::2/64 nodad"],
      [SERVER, "s1", "fe80::77:2/64 nodad"],
    ] as const) {
      if (address.startsWith("10.")) ip(`-n ${name} link set ${link} mtu 576`);
      ip(`-n ${name} address add ${address} dev ${link}`);
    }
    const lines = [
      'local-zone: "lan.example." static',
      ...addresses(60).map((address) => `local-data: 'middle.lan.example. 60 A ${address}'`),
      ...addresses(90).map((address) => `local-data: 'large.lan.example. 60 A ${address}'`),
      "local-data: 'www.lan.example. 60 A 192.0.2.1'",
    ];
    for (const address of ["10.77.0.2", "fe80::77:2%s1"])
      servers.push(await startUnbound(lines, [], { namespace: SERVER, address, port: 53 }));
  });

  afterAll(async () => {
    for (const server of servers) await server.stop();
    for (const name of [CLIENT, SIX, SERVER]) {
      execFileSync("ip", ["netns", "del", name]);
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    }
  });

  test("asks the servers of its own resolv.conf, completed by its search list", async () => {
    configure(CLIENT, "nameserver 10.77.0.2\nsearch lan.example\n");

    const { server, addresses: found } = await resolve(CLIENT, "www");

    expect(server).toBe("10.77.0.2");
    expect(found.map(({ address }) => address)).toEqual(["192.0.2.1"]);
  });

  test("DNS-24 gets what is larger than its MTU in fragments, and what is larger than 1232 bytes over TCP", async () => {
    configure(CLIENT, "nameserver 10.77.0.2\n");

    const [middle, large] = [
      await resolve(CLIENT, "middle.lan.example", "--type", "A"),
      await resolve(CLIENT, "large.lan.example", "--type", "A"),
    ];

    expect([middle.transport, middle.addresses.length]).toEqual(["udp", 60]);
    expect([large.transport, large.addresses.length]).toEqual(["tcp", 90]);
  });

  test.skipIf(!existsSync("/usr/sbin/nft") && process.env.CI !== "true")(
    "DNS-24 gets what is larger than its MTU over TCP where fragments are dropped on the way",
    async () => {
      configure(CLIENT, "nameserver 10.77.0.2\n");
      const nft = (words: string): void => {
        execFileSync("ip", ["netns", "exec", CLIENT, "nft", words]);
      };
      nft("add table ip frags");
      onTestFinished(() => nft("delete table ip frags"));
      nft("add chain ip frags in { type filter hook prerouting priority -450; }");
      nft("add rule ip frags in ip frag-off & 0x3fff != 0 drop");

      const middle = await resolve(CLIENT, "middle.lan.example", "--type", "A");

      expect([middle.transport, middle.addresses.length]).toEqual(["tcp", 60]);
    },
  );

  test("DNS-32 a first server that nobody answers for costs under half a second", async () => {
    configure(CLIENT, "nameserver 10.77.0.9\nnameserver 10.77.0.2\n");
    const lines = await program(
      CLIENT,
      `const resolver = createResolver();
       for (let index = 0; index < 3; index++) {
         const start = performance.now();
         await resolver.resolve("www.lan.example", { types: ["A"], fresh: true });
         console.log(performance.now() - start);
       }
       resolver.close();`,
    );
    const waits: number[] = [];
    for await (const line of lines) waits.push(Number(line));

    expect(waits.length).toBe(3);
    expect(Math.max(...waits)).toBeLessThan(500);
  });

  test("DNS-33 sees its resolv.conf rewritten through the mount, within 5 s", async () => {
    configure(CLIENT, "nameserver 10.77.0.9\n");
    const lines = await program(
      CLIENT,
      `const resolver = createResolver();
       console.log(resolver.servers.join());
       const timer = setInterval(() => {
         if (resolver.servers[0] === "10.77.0.9") return;
         clearInterval(timer);
         console.log(resolver.servers.join());
         resolver.close();
       }, 20);`,
    );
    const seen: string[] = [];
    let changedAt = 0;
    for await (const line of lines) {
      seen.push(line);
      if (changedAt > 0) continue;
      changedAt = performance.now();
      configure(CLIENT, "nameserver 10.77.0.2\n");
    }

    expect(seen).toEqual(["10.77.0.9", "10.77.0.2"]);
    expect(performance.now() - changedAt).toBeLessThan(5000);
  });

  test("asks a server on a scoped IPv6 address, and gives IPv4 addresses over IPv6 where only that leaves the host", async () => {
    configure(SIX, "nameserver fe80::77:2%c1\n");
    const lines = await program(
      SIX,
      `import { lookup as systemLookup } from "node:dns";
       const resolver = createResolver();
       console.log(resolver.servers.join());
       console.log((await resolver.addresses("www.lan.example")).join());
       console.log((await resolver.addresses("www.lan.example", { family: 6 })).join());
       console.log((await resolver.addresses("www.lan.example", { mapped: false })).join());
       createLookup(resolver)("www.lan.example", {}, (error, address, family) => {
         console.log([address, family].join());
         resolver.close();
       });`,
    );
    const said: string[] = [];
    for await (const line of lines) said.push(line);

    expect(said).toEqual([
      "fe80::77:2%c1",
      "::ffff:192.0.2.1",
      "::ffff:192.0.2.1",
      "192.0.2.1",
      "192.0.2.1,4",
    ]);
  });

  test("DNS-53 without an IPv6 route no IPv6 address comes first", async () => {
    configure(CLIENT, "nameserver 10.77.0.2\n");
    const lines = await program(
      CLIENT,
      `import { mkdtempSync, writeFileSync } from "node:fs";
       const hosts = mkdtempSync("/tmp/hosts-") + "/hosts";
       writeFileSync(hosts, "2001:db8::1 both\\n10.77.0.2 both\\n");
       const resolver = createResolver({ hosts });
       console.log((await resolver.addresses("both")).join());
       resolver.close();`,
    );
    const said: string[] = [];
    for await (const line of lines) said.push(line);

    expect(said).toEqual(["10.77.0.2,2001:db8::1"]);
  });
});

function namespacesMissing(): string | undefined {
  if (process.env.CI === "true") return undefined;
  const can = process.getuid?.() === 0 && existsSync("/proc/self/ns/net");
  if (can && ["/usr/sbin/ip", "/sbin/ip"].some((path) => existsSync(path))) return undefined;
  const why = 'skipped: network namespaces need Linux, root and the program "ip"';
  process.stderr.write(`${why}\n`);
  return why;
}

function ip(words: string): void {
  execFileSync("ip", words.split(" "), { stdio: ["ignore", "pipe", "pipe"] });
}

function cable(client: string, one: string, other: string): void {
  ip(`link add ${one} netns ${client} type veth peer name ${other} netns ${SERVER}`);
  ip(`-n ${client} link set ${one} up`);
  ip(`-n ${SERVER} link set ${other} up`);
}

/** What /etc/resolv.conf is in that namespace. */
function configure(namespace: string, text: string): void {
  mkdirSync(`/etc/netns/${namespace}`, { recursive: true });
  writeFileSync(`/etc/netns/${namespace}/resolv.conf`, text);
}

function node(namespace: string, args: readonly string[]): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

/** The lines that a program prints which has the resolver at hand. */
function program(namespace: string, text: string): Promise<Interface> {
  const head = 'import { createLookup, createResolver } from "./dist/dns.js";\n';
  const { stdout } = node(namespace, ["--input-type=module", "-e", head + text]);
  if (stdout === null) throw new Error("The program has no output");
  return Promise.resolve(createInterface({ input: stdout }));
}

async function resolve(namespace: string, ...args: string[]): Promise<Answered> {
  const { stdout } = node(namespace, ["dist/cli/main.js", "resolve", "--json", ...args]);
  let text = "";
  for await (const part of stdout ?? []) text += String(part);
  const line = text.split("\n").find((each) => each.includes('"event":"answer"'));
  if (line === undefined) throw new Error(`No answer: ${text}`);
  return JSON.parse(line) as Answered;
}
