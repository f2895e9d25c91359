// The resolver against what Node programs have, all in one run against a responder in another process.
// `npm run bench -- dns` does all; `node --expose-gc bench/dns.mjs decode cold burst single own cached peek dead` some.
// With root, the whole run takes place in a network namespace whose resolv.conf names the responder, so that
// dns.lookup and undici's interceptor, which ask the system, take part too; without, they are left out.
import { fork, spawnSync } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import CacheableLookup from "cacheable-lookup";
import { decode as packetDecode } from "dns-packet";
import { interceptors } from "undici";
import { compare, inFlight, median, thousands } from "./_harness.mjs";

const isInside = process.env.DNS_BENCH_INSIDE === "1";
if (!isInside && process.getuid?.() === 0 && canUnshare()) runInside();

import { decodeMessage, encodeMessage } from "../build/dns/index.js";
import { createLookup, createResolver } from "../dist/dns.js";

const responder = fork(
  fileURLToPath(new URL("./_dns-responder.mjs", import.meta.url)),
  [isInside ? "53" : "0"],
  { execArgv: [] },
);
const [{ port }] = await once(responder, "message");
const server = `127.0.0.1:${port}`;
const wanted = process.argv.slice(2);
const has = (name) => wanted.length === 0 || wanted.includes(name);
const verdicts = [];
let serial = 0;
const fresh = () => `n${serial++}.bench.example`;

console.log(`${cpus()[0].model.trim()}, ${cpus().length} CPUs, Node ${process.version}`);
if (!isInside)
  console.log("dns.lookup and undici's interceptor are left out: a namespace takes root and Linux");
// First, because V8 gives records a place among the old objects at once when it has seen many live on in a cache.
if (has("decode")) await decoding();
if (has("cold")) await cold();
if (has("burst")) await burst();
if (has("single")) await single();
if (has("own")) await ownPorts();
if (has("cached")) await cached();
if (has("peek")) await peek();
if (has("dead")) await dead();
console.log(`\n| bound | measured | |\n|---|---|---|\n${verdicts.join("\n")}`);
responder.kill();
process.exit(0);

async function cold() {
  const rows = await cool("distinct cold names, 64 in flight", { width: 64, count: 40_000, rounds: 7 });
  bound("64 in flight: CPU of A, at most 0.9 x resolve4", rows.ours.cpu / rows.cares.cpu, 0.9);
  bound(
    "64 in flight: CPU of A+AAAA, at most 0.9 x resolve4 + resolve6",
    rows.pair.cpu / rows.caresPair.cpu,
    0.9,
  );
  bound("64 in flight: rate of resolve4, at most that of A", rows.cares.rate / rows.ours.rate, 1);
  bound(
    "64 in flight: rate of resolve4 + resolve6, at most that of A+AAAA",
    rows.caresPair.rate / rows.pair.rate,
    1,
  );
}

async function burst() {
  const rows = await cool("distinct cold names, 1000 in flight", { width: 1000, count: 20_000, rounds: 5 });
  bound("1000 in flight: p99 of A, at most 0.1 x resolve4", rows.ours.p99 / rows.cares.p99, 0.1);
  bound(
    "1000 in flight: p99 of A+AAAA, at most 0.1 x resolve4 + resolve6",
    rows.pair.p99 / rows.caresPair.p99,
    0.1,
  );
  bound("1000 in flight: answers lost", rows.ours.lost + rows.pair.lost, 0);
}

async function single() {
  const rows = await cool("distinct cold names, one at a time", { width: 1, count: 4000, rounds: 9 });
  bound("one at a time: p50 of A, below resolve4", rows.ours.p50 / rows.cares.p50, 1);
  bound("one at a time: p50 of A+AAAA, below resolve4 + resolve6", rows.pair.p50 / rows.caresPair.p50, 1);
}

/** Each name of a new resolver leaves from a port of its own, until its burst of 5000 is used up. */
async function ownPorts() {
  const cares = caresResolver();
  const list = {
    ours: {
      name: "secure-streams A",
      open: () => createResolver({ servers: [server] }),
      ask: (resolver) => resolver.resolve(fresh(), { types: ["A"] }),
    },
    cares: { name: "dns.resolve4 (c-ares)", open: () => undefined, ask: () => cares.resolve4(fresh()) },
  };
  await measure("the first 4000 names of a resolver, 64 in flight", list, {
    width: 64,
    count: 4000,
    rounds: 7,
  });
}

/** The same names asked by everybody, in the steady state: past the burst of ports of its own. */
async function cool(title, options) {
  const ours = createResolver({ servers: [server] });
  const cares = caresResolver();
  const cacheable = new CacheableLookup({ resolver: caresResolver() });
  const list = {
    ours: { name: "secure-streams A", ask: () => ours.resolve(fresh(), { types: ["A"] }) },
    cares: { name: "dns.resolve4 (c-ares)", ask: () => cares.resolve4(fresh()) },
    pair: { name: "secure-streams A+AAAA", ask: () => ours.resolve(fresh()) },
    caresPair: {
      name: "resolve4 + resolve6",
      ask: () => {
        const name = fresh();
        return Promise.all([cares.resolve4(name), cares.resolve6(name)]);
      },
    },
    cacheable: {
      name: "cacheable-lookup (A+AAAA)",
      ask: () => cacheable.lookupAsync(fresh(), { all: true }),
    },
  };
  if (isInside) {
    list.lookup = { name: "dns.lookup, family 4", ask: () => dns.promises.lookup(fresh(), { family: 4 }) };
    list.undici = { name: "undici dns interceptor, family 4", ask: undiciAsk() };
  }
  await inFlight(64, 6000, list.ours.ask);
  const rows = await measure(title, list, options);
  ours.close();
  return rows;
}

/** The interceptor over a dispatcher that does nothing: the lookup is what is left. */
function undiciAsk() {
  const dispatch = interceptors.dns({ dualStack: false, affinity: 4 })(({ told }) => {
    told.resolve();
    return true;
  });
  return () =>
    new Promise((resolve, reject) => {
      const handler = { onRequestStart() {}, onResponseError: (_, error) => reject(error) };
      dispatch({ origin: `http://${fresh()}`, path: "/", method: "GET", told: { resolve } }, handler);
    });
}

/** All in turn, round by round, in changing order; medians. `lost` is the sum over the rounds. */
async function measure(title, list, { width, count, rounds }) {
  const runs = Object.fromEntries(Object.keys(list).map((key) => [key, []]));
  for (let round = -1; round < rounds; round++) {
    const keys = round % 2 === 0 ? Object.keys(list) : Object.keys(list).reverse();
    for (const key of keys) {
      const run = await measureOne(list[key], width, count);
      if (round >= 0) runs[key].push(run);
    }
  }
  const rows = {};
  for (const [key, all] of Object.entries(runs)) {
    const of = (field) => median(all.map((run) => run[field]));
    rows[key] = { name: list[key].name, lost: all.reduce((sum, { lost }) => sum + lost, 0) };
    for (const field of ["cpu", "rate", "p50", "p99", "busy"]) rows[key][field] = of(field);
  }
  console.log(`\n${title} (${thousands(count)} names a round, median of ${rounds} rounds in turn)`);
  console.log("| contestant | CPU us/name | ratio | per second | p50 ms | p99 ms | lost | responder busy |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const { name, cpu, rate, p50, p99, lost, busy } of Object.values(rows)) {
    const cells = [
      name,
      cpu.toFixed(1),
      (cpu / rows.cares.cpu).toFixed(2),
      thousands(rate),
      p50.toFixed(3),
      p99.toFixed(2),
      lost,
      `${Math.round(busy * 100)} %`,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  return rows;
}

async function measureOne({ ask, open }, width, count) {
  const opened = open?.();
  const times = new Float64Array(count);
  let done = 0;
  let lost = 0;
  globalThis.gc?.();
  // A collection throws compiled code away, ours and Node's: a run-in, so that it is not what is measured.
  if (open === undefined) await inFlight(width, count >> 3, () => ask().catch(() => {}));
  const theirs = await responderCpu();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await inFlight(width, count, async () => {
    const from = performance.now();
    try {
      await ask(opened);
    } catch {
      lost += 1;
    }
    times[done++] = performance.now() - from;
  });
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const busy = ((await responderCpu()) - theirs) / 1000 / wall;
  opened?.close();
  times.sort();
  return {
    cpu: (user + system) / count,
    rate: (count * 1000) / wall,
    p50: times[count >> 1],
    p99: times[Math.floor(count * 0.99)],
    lost,
    busy,
  };
}

async function responderCpu() {
  responder.send("cpu");
  const [{ cpu }] = await once(responder, "message");
  return cpu;
}

/** Nanoseconds for a name that is cached, each lookup begun by the last one's callback. */
async function cached() {
  const name = "cached.bench.example";
  const ours = createResolver({ servers: [server] });
  const cacheable = new CacheableLookup({ resolver: caresResolver() });
  const lookup = createLookup(ours);
  const map = new Map([[name, "192.0.2.1"]]);
  await new Promise((resolve) => lookup(name, {}, resolve));
  await new Promise((resolve) => cacheable.lookup(name, {}, resolve));
  const four = { family: 4 };
  const rows = await slices("cached, callback", 500, {
    floor: { name: "Map.get + nextTick", run: (done) => process.nextTick(done, null, map.get(name), 4) },
    ours: { name: "secure-streams lookup(cb)", run: (done) => lookup(name, four, done) },
    cacheable: { name: "cacheable-lookup lookup(cb)", run: (done) => cacheable.lookup(name, four, done) },
    both: { name: "secure-streams lookup(cb), both families", run: (done) => lookup(name, {}, done) },
    cacheableBoth: {
      name: "cacheable-lookup lookup(cb), both families",
      run: (done) => cacheable.lookup(name, {}, done),
    },
  });
  bound("cached, callback: at most 0.5 x cacheable-lookup", rows.ours / rows.cacheable, 0.5);
  bound("cached, both families: at most 0.5 x cacheable-lookup", rows.both / rows.cacheableBoth, 0.5);
  bound("cached, callback: at most 500 ns", rows.ours, 500);
  ours.close();
}

async function peek() {
  const name = "cached.bench.example";
  const ours = createResolver({ servers: [server] });
  await ours.resolve(name, { types: ["A"] });
  const map = new Map([[name, ["192.0.2.1"]]]);
  const rows = await slices("peek(), synchronous", 1000, {
    floor: { name: "Map.get", loop: (count) => repeat(count, () => map.get(name)) },
    ours: { name: "secure-streams peek()", loop: (count) => repeat(count, () => ours.peek(name, 4)) },
  });
  bound("peek(): at most 150 ns", rows.ours, 150);
  ours.close();
}

/** Nanoseconds an operation: the median of 200 slices of each contestant, in turn. */
async function slices(title, count, list) {
  const times = Object.fromEntries(Object.keys(list).map((key) => [key, []]));
  for (let slice = -20; slice < 200; slice++) {
    for (const [key, { run, loop }] of Object.entries(list)) {
      const start = process.hrtime.bigint();
      if (loop === undefined) await chain(run, count);
      else loop(count);
      if (slice >= 0) times[key].push(Number(process.hrtime.bigint() - start) / count);
    }
  }
  console.log(
    `\n${title} (200 slices of ${count} in turn)\n| contestant | least ns | median ns |\n|---|---|---|`,
  );
  const rows = {};
  for (const [key, all] of Object.entries(times)) {
    rows[key] = median(all);
    console.log(`| ${list[key].name} | ${Math.min(...all).toFixed(0)} | ${rows[key].toFixed(0)} |`);
  }
  return rows;
}

function chain(run, count) {
  return new Promise((resolve) => {
    let left = count;
    const next = () => {
      if (left-- > 0) run(next);
      else resolve();
    };
    next();
  });
}

/** 64 answers of other names and addresses in turn, so that nothing can be remembered from the last one. */
async function decoding() {
  const buffers = Array.from({ length: 64 }, (_, index) => {
    const name = `www${index}.example.com`;
    const answers = [1, 2, 3, 4, 5].map((last) => ({
      type: "A",
      name,
      ttl: 300,
      address: `198.51.${index}.${(last * 47) % 256}`,
    }));
    const header = decodeMessage(Buffer.from("000081800000000000000000", "hex"));
    const edns = { size: 1232, version: 0, options: [] };
    return Buffer.from(encodeMessage({ ...header, question: { name, type: "A" }, answers, edns }));
  });
  let at = 0;
  const each = (decode) => (count) => repeat(count, () => decode(buffers[at++ & 63]));
  const rows = await compare(
    "decode an answer with 5 records and OPT",
    [
      { name: "dns-packet", run: each(packetDecode) },
      { name: "secure-streams", run: each(decodeMessage) },
    ],
    { count: 200_000, rounds: 9, baseline: "dns-packet" },
  );
  bound("decode: at most 0.2 x dns-packet", rows[1].cpu / rows[0].cpu, 0.2);
}

function repeat(count, run) {
  for (let index = 0; index < count; index++) run();
}

/** How long a live name takes while dead ones are in flight, against how long it takes alone. */
async function dead() {
  const ours = createResolver({ servers: [server] });
  const lookup = createLookup(ours);
  const ask = (name) => new Promise((resolve) => lookup(name, { family: 4 }, resolve));
  const alone = [];
  const among = [];
  for (let round = 0; round < 50; round++) alone.push(await timed(() => ask(fresh())));
  const unanswered = [];
  for (let round = 0; round < 50; round++) {
    if (round % 10 === 0) {
      for (let index = 0; index < 64; index++) unanswered.push(ask(`dead${serial++}.bench.example`));
    }
    among.push(await timed(() => ask(fresh())));
  }
  console.log("\na live name while dead ones are in flight (50 times)");
  console.log(
    "| contestant | dead | alone, median ms | worst | among them, median ms | worst |\n|---|---|---|---|---|---|",
  );
  const cells = [alone, among]
    .flatMap((times) => [median(times), Math.max(...times)])
    .map((ms) => ms.toFixed(2));
  console.log(`| secure-streams lookup | 64 to 320 | ${cells.join(" | ")} |`);
  const delay = Math.max(...among) - median(alone);
  bound("64 dead names: ms by which a live one is delayed at worst, less than 5", delay, 5);
  if (isInside) {
    // Two dead names: with 64 it takes minutes. The responder's host gives up after 2 s here, 10 s by default.
    for (let index = 0; index < 2; index++) dns.lookup(`dead${serial++}.bench.example`, () => {});
    const late = await timed(() => dns.promises.lookup(fresh(), { family: 4 }));
    console.log(`| dns.lookup, 2 s a name instead of 10 | 2 | | | ${late.toFixed(2)} | |`);
  }
  ours.close();
}

async function timed(run) {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function caresResolver() {
  const resolver = new dns.promises.Resolver();
  resolver.setServers([server]);
  return resolver;
}

function bound(what, measured, most) {
  const verdict = measured <= most ? "met" : "NOT MET";
  verdicts.push(`| ${what} | ${Number(measured.toPrecision(3))} | ${verdict} |`);
}

function canUnshare() {
  return spawnSync("unshare", ["-n", "-m", "true"]).status === 0;
}

function runInside() {
  const folder = mkdtempSync(join(tmpdir(), "dns-bench-"));
  const conf = join(folder, "resolv.conf");
  writeFileSync(conf, "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
  const script = 'ip link set lo up && mount --bind "$CONF" /etc/resolv.conf && exec "$@"';
  const command = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, DNS_BENCH_INSIDE: "1", CONF: conf };
  const { status } = spawnSync("unshare", ["-n", "-m", "sh", "-c", script, "sh", ...command], {
    stdio: "inherit",
    env,
  });
  rmSync(folder, { recursive: true });
  process.exit(status ?? 1);
}
