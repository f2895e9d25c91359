// From nothing to an address, against udhcpc, dhcpcd and dhclient, in a network namespace of this process: as root on Linux,
// `npm run bench -- dhcp`. Servers: dnsmasq and Kea, in a second namespace behind a veth pair.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { createNetwork } from "../build/node/platform/index.js";
import { loadLibc } from "../build/node/platform/libc.js";
import { ReadableSocket } from "../build/node/platform/readable-socket.js";
import { createDhcpClient } from "../dist/dhcp.js";

const ROUNDS = 30;
const PEER_ROUNDS = 20;
const CARRIER_ROUNDS = 10;
const CLONE_NEWNET = 0x40000000;
const AF_PACKET = 17;
/** SOCK_RAW with SOCK_CLOEXEC and SOCK_NONBLOCK */
const RAW = 3 | 0o2000000 | 0o4000;
const ETH_P_ALL = 3;
const [LINK, FAR, SPACE] = ["eth0", "sw0", `ssb-${process.pid}`];
const PATHS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.log("Skipped: network namespaces need Linux and root");
  process.exit(0);
}
const koffi = createRequire(import.meta.url)("koffi");
if (koffi.load(null).func("unshare", "int", ["int"])(CLONE_NEWNET) !== 0) {
  throw new Error(`Cannot unshare: errno ${koffi.errno()}`);
}
const folder = mkdtempSync(`${tmpdir()}/dhcp-bench-`);
const network = createNetwork();
/** "discover" and "bound" of a peer, told by the cable and by the kernel. */
let heard = () => {};
let frames = 0;
let server;
ip(`netns add ${SPACE}`);
try {
  ip("link set lo up");
  ip(`link add ${LINK} type veth peer name ${FAR} netns ${SPACE}`);
  ip(`link set ${LINK} up`);
  ip(`-n ${SPACE} link set ${FAR} up`);
  ip(`-n ${SPACE} address add 10.77.0.1/24 dev ${FAR}`);
  await bench();
} finally {
  await stopServer();
  ip(`netns del ${SPACE}`);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function bench() {
  const machine = `Linux ${release()}, ${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.version}`;
  console.log(`${machine}, load ${loadavg()[0].toFixed(1)}; medians (least, p95)`);
  const tap = listen();
  const unwatch = network.watch((event) => {
    if (event.type === "route" && event.route.prefixLength === 0) heard("bound");
    if (event.type === "link" && event.link.name === LINK)
      heard(event.link.hasCarrier ? "carrier" : "no-carrier");
  });
  for (const name of ["dnsmasq", "kea-dhcp4"]) {
    if (find(name) === undefined) {
      console.log(`skipped: the program "${name}" is not installed`);
      continue;
    }
    await startServer(name);
    console.log(`\n${name}`);
    await inProcess();
    await fromExec("secure-streams (a program of ours)", ours);
    await fromExec("secure-streams dhcp (the command)", command);
    for (const peer of [udhcpc, dhcpcd, dhclient]) await fromExec(peer.name, peer);
    await stopServer();
  }
  if (find("dnsmasq") !== undefined) {
    await startServer("dnsmasq");
    console.log("");
    await countFrames();
    await carrier();
    await idle();
  }
  unwatch();
  tap.close();
}

/** In a running process: from `start()` to the event after address and route were put. */
async function inProcess() {
  const cpu = [];
  const spans = await times(ROUNDS, async () => {
    const client = createDhcpClient({ interface: LINK, conflictDetection: false });
    const used = process.cpuUsage();
    const began = performance.now();
    await client.bound();
    const span = performance.now() - began;
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / 1000);
    if (!ip(`route show dev ${LINK}`).includes("default via 10.77.0.1 proto dhcp"))
      throw new Error("No route");
    await client.stop();
    await settled();
    return span;
  });
  report("start() to address and route", spans);
  report("  CPU of this process in it", cpu.slice(-ROUNDS));
}

/** From exec to address and route; of that until its first DISCOVER or REQUEST, and from there. */
async function fromExec(title, peer) {
  const isOurs = peer === ours || peer === command;
  const program = isOurs ? process.execPath : find(peer.name);
  if (program === undefined) {
    console.log(`${title}: skipped, the program is not installed`);
    return;
  }
  const spans = { all: [], start: [], work: [], node: [], more: [] };
  for (let round = -1; round < PEER_ROUNDS; round++) {
    const node = isOurs ? nodeStart() : 0;
    const bound = told("bound");
    let asked;
    const began = performance.now();
    const until = told("asked").then((at) => {
      asked = at;
    });
    const child = spawn(...peer(program), { stdio: ["ignore", "ignore", "ignore"] });
    const ended = child.exitCode === null ? once(child, "exit") : undefined;
    const end = await Promise.race([bound, wait(10_000)]);
    if (end === undefined) console.log(`${title}: no address within 10 s`);
    // unshare takes no other signal.
    child.kill(peer === dhcpcd ? "SIGKILL" : "SIGTERM");
    await Promise.race([ended, wait(2000)]);
    child.kill("SIGKILL");
    ip(`address flush dev ${LINK}`);
    ip(`link set ${LINK} up`);
    await settled();
    if (end === undefined) return;
    await until;
    if (round < 0) continue;
    spans.all.push(end - began);
    spans.start.push(asked - began);
    spans.work.push(end - asked);
    spans.node.push(node);
    spans.more.push(end - began - node);
  }
  report(`${title}: exec to address and route`, spans.all);
  report("  of it to its first question", spans.start);
  report("  of it from the question to the route", spans.work);
  if (!isOurs) return;
  report("  Node's own start in the same rounds, from exec to its end", spans.node);
  report("  more than that", spans.more);
}

function nodeStart() {
  const began = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return performance.now() - began;
}

function ours(program) {
  const path = `${folder}/ours.mjs`;
  const code = `import { createDhcpClient } from "${new URL("../dist/dhcp.js", import.meta.url)}";
    await createDhcpClient({ interface: "${LINK}", conflictDetection: false }).bound();`;
  writeFileSync(path, code);
  return [program, [path]];
}

function command(program) {
  return [program, ["dist/cli/main.js", "dhcp", LINK, "--no-probe"]];
}

/** Their scripts do no more than put address and route, and write no file of this machine. */
function udhcpc(program) {
  const lines = [
    '[ "$1" = bound ] || exit 0',
    'ip address add "$ip/$mask" broadcast + dev "$interface"',
    'ip route add default via "$router" dev "$interface"',
  ];
  return [program, ["-i", LINK, "-f", "-n", "-s", script("udhcpc", lines)]];
}

function dhcpcd(program) {
  const setup = "mount -t tmpfs none /var/lib/dhcpcd; mount -t tmpfs none /run;";
  const args = `${program} -4 -A -B --nodelay --script /bin/true ${LINK}`;
  // Its helpers outlive it, and would go on asking for leases: they end with a process namespace of their own.
  const alone = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return ["unshare", [...alone, "sh", "-c", `${setup} ${args}`]];
}

function dhclient(program) {
  const lines = [
    'case "$reason" in BOUND|REBOOT) ;; *) exit 0 ;; esac',
    'ip address add "$new_ip_address/24" broadcast + dev "$interface"',
    'ip route add default via "$new_routers" dev "$interface"',
  ];
  for (const name of ["leases", "pid"]) rmSync(`${folder}/dhclient.${name}`, { force: true });
  const files = ["-lf", `${folder}/dhclient.leases`, "-pf", `${folder}/dhclient.pid`, "-cf", "/dev/null"];
  return [program, ["-4", "-d", "-1", "-sf", script("dhclient", lines), ...files, LINK]];
}

async function countFrames() {
  const leaseFile = `${folder}/lease`;
  const count = async (options) => {
    frames = 0;
    const client = createDhcpClient({ interface: LINK, conflictDetection: false, ...options });
    await client.bound();
    await settled();
    const seen = frames;
    await client.stop();
    return seen;
  };
  const cold = await count({ leaseFile });
  const warm = await count({ leaseFile });
  const rapid = await count({ rapidCommit: true });
  console.log(`frames: ${cold} cold, ${warm} with a lease file, ${rapid} with rapid commit`);
}

/** From the event of the kernel that the carrier is back to address and route. */
async function carrier() {
  const client = createDhcpClient({ interface: LINK, conflictDetection: false });
  await client.bound();
  report("carrier back to address and route", await cableOutAndIn());
  await client.stop();
  const program = find("dhcpcd");
  if (program === undefined) return;
  await settled();
  const bound = told("bound");
  const child = spawn(...dhcpcd(program), { stdio: "ignore" });
  await bound;
  report("  dhcpcd", await cableOutAndIn());
  child.kill("SIGKILL");
  await Promise.race([once(child, "exit"), wait(2000)]);
  ip(`address flush dev ${LINK}`);
  await settled();
}

async function cableOutAndIn() {
  const spans = [];
  for (let round = 0; round < CARRIER_ROUNDS; round++) {
    const out = told("no-carrier");
    ip(`-n ${SPACE} link set ${FAR} down`);
    await out;
    // The kernel tells changes of the carrier once a second.
    await wait(1200);
    const back = told("carrier");
    const bound = told("bound");
    ip(`-n ${SPACE} link set ${FAR} up`);
    const at = await back;
    const end = await Promise.race([bound, wait(15_000)]);
    if (end !== undefined) spans.push(end - at);
  }
  return spans;
}

/** In a process that does nothing else. */
async function idle() {
  const code = `
    import { readdirSync } from "node:fs";
    import { setTimeout as wait } from "node:timers/promises";
    const { createDhcpClient } = await import("${new URL("../dist/dhcp.js", import.meta.url)}");
    const client = createDhcpClient({ interface: "${LINK}" });
    await client.bound();
    // V8 tidies up for some seconds after a start.
    await wait(15_000);
    const cpu = process.cpuUsage();
    await wait(20_000);
    const { user, system } = process.cpuUsage(cpu);
    console.log("idle, bound, guarded by ARP: " + ((user + system) / 2e5).toFixed(3) + " % CPU over 20 s");
    console.log("threads: " + readdirSync("/proc/self/task").length);
    const empty = process.cpuUsage();
    await client.stop();
    const timer = setInterval(() => {}, 1000);
    await wait(10_000);
    clearInterval(timer);
    const alone = process.cpuUsage(empty);
    console.log("for comparison, a process with a timer a second: " + ((alone.user + alone.system) / 1e5).toFixed(3) + " %");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
  await once(child, "exit");
}

/** When the cable or the kernel tells this next. */
function told(what) {
  const previous = heard;
  return new Promise((resolve) => {
    let isTold = false;
    heard = (name) => {
      previous(name);
      if (name !== what || isTold) return;
      isTold = true;
      resolve(performance.now());
    };
  });
}

/** Counts what passes the link of DHCP. */
function listen() {
  const libc = loadLibc();
  const descriptor = libc.socket(AF_PACKET, RAW, 0);
  const at = new DataView(new ArrayBuffer(20));
  at.setUint16(0, AF_PACKET, true);
  at.setUint16(2, ETH_P_ALL);
  at.setInt32(4, network.snapshot().links.find(({ name }) => name === LINK).index, true);
  if (libc.bind(descriptor, new Uint8Array(at.buffer), 20) !== 0) throw new Error("Cannot listen");
  const message = (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getUint16(12) !== 0x0800 || bytes[23] !== 17) return;
    const port = view.getUint16(16 + (bytes[14] & 15) * 4);
    if (port !== 67 && port !== 68) return;
    frames += 1;
    if (port === 67) heard("asked");
  };
  return new ReadableSocket(libc, descriptor, { message, failed() {} });
}

async function startServer(name) {
  const data = [
    { name: "routers", data: "10.77.0.1" },
    { name: "domain-name-servers", data: "10.77.0.1" },
  ];
  const subnet = { id: 1, subnet: "10.77.0.0/24", pools: [{ pool: "10.77.0.50-10.77.0.250" }] };
  const Dhcp4 = {
    "interfaces-config": { interfaces: [FAR] },
    "lease-database": { type: "memfile", persist: false },
    "valid-lifetime": 3600,
    authoritative: true,
    subnet4: [{ ...subnet, "option-data": data }],
    loggers: [{ name: "kea-dhcp4", severity: "INFO", output_options: [{ output: "stderr", flush: true }] }],
  };
  writeFileSync(`${folder}/kea.json`, JSON.stringify({ Dhcp4 }));
  const args = {
    "kea-dhcp4": ["-c", `${folder}/kea.json`],
    dnsmasq: [
      ...["--no-daemon", "--conf-file=/dev/null", "--port=0", "--bind-dynamic", `--interface=${FAR}`],
      ...["--user=root", "--no-ping", "--dhcp-authoritative", "--dhcp-rapid-commit"],
      ...[`--dhcp-leasefile=${folder}/leases`, `--pid-file=${folder}/pid`],
      "--dhcp-range=10.77.0.50,10.77.0.250,255.255.255.0,3600",
    ],
  };
  server = spawn("ip", ["netns", "exec", SPACE, find(name), ...args[name]], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      ...{ KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder, KEA_LOGGER_DESTINATION: "stderr" },
    },
  });
  await new Promise((resolve, reject) => {
    const read = (text) => {
      if (/DHCP, sockets|DHCP4_STARTED/.test(text)) resolve();
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.once("exit", () => reject(new Error(`${name} ended`)));
  });
}

async function stopServer() {
  const ending = server;
  server = undefined;
  if (ending === undefined || ending.exitCode !== null) return;
  ending.removeAllListeners("exit");
  const gone = once(ending, "exit");
  ending.kill("SIGKILL");
  await gone;
}

/** Until the kernel's events of the last round are read. */
async function settled() {
  await wait(50);
  heard = () => {};
}

async function times(count, run) {
  const spans = [];
  for (let round = -2; round < count; round++) {
    const span = await run();
    if (round >= 0) spans.push(span);
  }
  return spans;
}

function script(name, lines) {
  const path = `${folder}/${name}.sh`;
  writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return path;
}

function find(name) {
  return PATHS.map((path) => `${path}/${name}`).find((path) => existsSync(path));
}

function ip(words) {
  return execFileSync("ip", words.split(" "), { encoding: "utf8" });
}

function report(what, spans) {
  const sorted = spans.toSorted((one, other) => one - other);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(2);
  console.log(`${what}: ${at(0.5)} ms (${at(0)}, ${at(0.95)}) n=${spans.length}`);
}
