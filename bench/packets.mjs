// Packet sockets and netlink of the platform, in a network namespace of this process: `npm run build && node bench/packets.mjs`,
// as root on Linux. One process, one thread; the cable is a veth pair.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { createNetwork, createSuspend } from "../build/node/platform/index.js";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const CLONE_NEWNET = 0x40000000;

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.log("Skipped: network namespaces need Linux and root");
  process.exit(0);
}
const koffi = createRequire(import.meta.url)("koffi");
const libc = koffi.load(null);
const calls = {
  unshare: libc.func("unshare", "int", ["int"]),
  socket: libc.func("socket", "int", ["int", "int", "int"]),
  bind: libc.func("bind", "int", ["int", "void *", "uint32_t"]),
  sendto: libc.func("sendto", "long", ["int", "void *", "size_t", "int", "void *", "uint32_t"]),
  close: libc.func("close", "int", ["int"]),
};
if (calls.unshare(CLONE_NEWNET) !== 0) throw new Error(`Cannot unshare: errno ${koffi.errno()}`);
ip("link set lo up");
ip("link add eth0 type veth peer name sw0");
for (const name of ["eth0", "sw0"]) ip(`link set ${name} up`);
const [link, peer] = ["eth0", "sw0"].map((name) => JSON.parse(ip(`-j link show dev ${name}`))[0].ifindex);
const network = createNetwork();
const silent = { packet() {}, linkDown() {} };
const threads = () => readdirSync("/proc/self/task").length;
const packetSockets = () =>
  readFileSync("/proc/thread-self/net/packet", "utf8").trim().split("\n").length - 1;

console.log(
  `Linux ${release()}, ${cpus()[0].model.trim()}, Node ${process.version}; medians (p95, most) of n`,
);
network.snapshot();

report(
  "open a packet socket",
  await times(50, () => network.openPackets({ link, kind: "dhcp" }, silent).close()),
);
report(
  "  of it close(), on the main thread",
  await times(50, undefined, () => {
    const socket = network.openPackets({ link, kind: "dhcp" }, silent);
    return () => socket.close();
  }),
);
report(
  "close of a packet socket on the main thread, for comparison",
  await times(30, undefined, () => {
    const descriptor = rawSocket(0x0800);
    return () => calls.close(descriptor);
  }),
);
report(
  "bind of a socket that was made with a protocol, for comparison",
  await times(30, undefined, () => {
    const descriptor = calls.socket(AF_PACKET, SOCK_RAW, 0x0008);
    setImmediate(() => calls.close(descriptor));
    return () => calls.bind(descriptor, linkAddress(link, 0x0800), 20);
  }),
);
while (packetSockets() > 0) await wait(5);

await frames();

const address = {
  link,
  address: "192.0.2.5",
  prefixLength: 24,
  validSeconds: 3600,
  preferredSeconds: 1800,
  protocol: 68,
};
const route = {
  link,
  destination: "0.0.0.0",
  prefixLength: 0,
  gateway: "192.0.2.1",
  metric: 5,
  protocol: 16,
};
report("put an address", await times(200, () => network.putAddress(address)));
report("put a route", await times(200, () => network.putRoute(route)));
report(
  "drop a route",
  await times(200, undefined, () => {
    network.putRoute(route);
    return () => network.dropRoute(route);
  }),
);
report("snapshot, few routes", await times(100, () => network.snapshot()));
const many = Array.from(
  { length: 2000 },
  (_, index) => `route add 10.${index >> 8}.${index & 255}.0/24 via 192.0.2.1`,
);
execFileSync("ip", ["-batch", "-"], { input: many.join("\n") });
report("snapshot, 2000 routes", await times(20, () => network.snapshot()));
execFileSync("ip", ["-batch", "-"], { input: many.join("\n").replaceAll(" add ", " del ") });

await carrier();
await idle();

/** Receives as fast as the loop goes: the sender waits whenever 64 frames are under way. */
async function frames() {
  const count = 50_000;
  const frame = Uint8Array.from([...new Array(6).fill(0xff), 2, 0, 0, 0, 0, 9, 8, 0, ...bootReply()]);
  const to = linkAddress(peer, 0x0800);
  const sender = calls.socket(AF_PACKET, SOCK_RAW, 0);
  let received = 0;
  const all = resolvers();
  const burst = () => {
    for (let left = 64; left > 0; left--) calls.sendto(sender, frame, frame.length, 0, to, 20);
  };
  const socket = network.openPackets(
    { link, kind: "dhcp" },
    {
      linkDown() {},
      packet() {
        received++;
        if (received >= count) all.resolve();
        else if (received % 64 === 0) burst();
      },
    },
  );
  const cpu = process.cpuUsage();
  const began = performance.now();
  burst();
  await all.promise;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  socket.close();
  calls.close(sender);
  console.log(
    `frames sent and received: ${Math.round(received / seconds).toLocaleString("en")} a second, ${((user + system) / received).toFixed(1)} us CPU each, sender included`,
  );
}

/** From the moment the other end is brought up (or the call for it returns) to the event. */
async function carrier() {
  const spans = [];
  for (let round = 0; round < 30; round++) {
    ip("link set sw0 down");
    await wait(20);
    const back = resolvers();
    const stop = network.watch((event) => {
      if (event.type === "link" && event.link.index === link && event.link.hasCarrier) back.resolve();
    });
    const began = performance.now();
    network.bringUp(peer);
    await back.promise;
    spans.push(performance.now() - began);
    stop();
  }
  report("carrier back, from the other end's call to the event", spans);
}

async function idle() {
  const before = threads();
  const stops = [
    network.watch(() => {}),
    createSuspend().watch(() => {}),
    ...["dhcp", "arp"].map((kind) => network.openPackets({ link, kind }, silent)),
    network.openDatagrams({ link, address: "192.0.2.5" }, { message() {}, failed() {} }),
  ];
  await wait(2000);
  const opened = threads();
  const cpu = process.cpuUsage();
  await wait(10_000);
  const { user, system } = process.cpuUsage(cpu);
  const percent = ((user + system) / 1e6 / 10) * 100;
  console.log(
    `idle with a watch, two packet sockets, a datagram socket and the watch for sleep: ${percent.toFixed(3)} % CPU over 10 s`,
  );
  console.log(`threads: ${before} before, ${opened} with everything open`);
  for (const each of stops) typeof each === "function" ? each() : each.close();
}

function rawSocket(protocol) {
  const descriptor = calls.socket(AF_PACKET, SOCK_RAW, 0);
  calls.bind(descriptor, linkAddress(link, protocol), 20);
  return descriptor;
}

async function times(count, run, prepare) {
  const spans = [];
  for (let round = 0; round < count; round++) {
    const work = prepare?.() ?? run;
    const began = performance.now();
    work();
    spans.push(performance.now() - began);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return spans;
}

function report(what, spans) {
  const sorted = spans.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(3);
  console.log(`${what}: ${at(0.5)} ms (${at(0.95)}, ${sorted.at(-1).toFixed(3)}) n=${spans.length}`);
}

function bootReply() {
  const bytes = new Uint8Array(328);
  bytes.set([0x45, 0, 1, 0x48, 0, 0, 0, 0, 64, 17]);
  bytes.set([0, 67, 0, 68, 1, 0x34], 20);
  bytes[28] = 2;
  bytes.set([0x63, 0x82, 0x53, 0x63], 28 + 236);
  return bytes;
}

function linkAddress(index, protocol) {
  const view = new DataView(new ArrayBuffer(20));
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, index, true);
  return new Uint8Array(view.buffer);
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve) => {
    made.resolve = resolve;
  });
  return made;
}

function ip(words) {
  return execFileSync("ip", words.split(" "), { encoding: "utf8" });
}
