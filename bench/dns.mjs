// The resolver against what Node programs have, all in one run against a responder in another process.
// With root, the whole run takes place in a network namespace whose resolv.conf names the responder, so that
// dns.lookup and undici's interceptor, which ask the system, take part too.
import { fork, spawnSync } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import CacheableLookup from "cacheable-lookup";
import { decode as packetDecode } from "dns-packet";
import { compare, inFlight, median } from "./_harness.mjs";

const isInside = process.env.DNS_BENCH_INSIDE === "1";
if (!isInside && process.getuid?.() === 0 && canUnshare()) runInside();

const dist = process.env.DIST ?? new URL("../dist", import.meta.url).pathname;
const { createLookup, createResolver } = await import(`${dist}/dns.js`);
const { decodeMessage, encodeMessage } = await import(`${dist}/dns/index.js`);

const responder = fork(fileURLToPath(new URL("./_dns-responder.mjs", import.meta.url)), [
  isInside ? "53" : "0",
]);
const [{ port }] = await once(responder, "message");
const server = `127.0.0.1:${port}`;
const has = (name) => process.argv.length < 3 || process.argv.slice(2).includes(name);
let serial = 0;
const fresh = () => `n${serial++}.bench.example`;

if (has("cold")) {
  await cold(1, 3000);
  await cold(64, 20_000);
  await latency(1, 3000);
  await latency(1000, 20_000);
}
if (has("cached")) await cached();
if (has("decode")) await decoding();
if (has("dead")) await dead();
responder.kill();
process.exit(0);

function contestants() {
  const ours = createResolver({ servers: [server], cache: { maxEntries: 100_000 } });
  const cares = new dns.promises.Resolver();
  cares.setServers([server]);
  const cacheable = new CacheableLookup({ resolver: cares });
  const list = [
    {
      name: "secure-streams A",
      ask: () => ours.resolve(fresh(), { types: ["A"] }),
      close: () => ours.close(),
    },
    { name: "secure-streams A+AAAA", ask: () => ours.resolve(fresh()) },
    { name: "dns.resolve4 (c-ares)", ask: () => cares.resolve4(fresh()) },
    { name: "resolve4 + resolve6", ask: both },
    { name: "cacheable-lookup", ask: () => cacheable.lookupAsync(fresh(), { all: true }) },
  ];
  function both() {
    const name = fresh();
    return Promise.all([cares.resolve4(name), cares.resolve6(name)]);
  }
  if (isInside) {
    list.push({ name: "dns.lookup", ask: () => dns.promises.lookup(fresh(), { all: true }) });
  }
  return list;
}

/** CPU and rate. */
async function cold(width, count) {
  const list = contestants();
  // Past the burst of ports of its own: the steady state is what is compared.
  await inFlight(64, 6000, list[0].ask);
  await compare(
    `distinct cold names, ${width} in flight`,
    list.map(({ name, ask }) => ({
      name,
      run: (total) => inFlight(width, total, () => ask().catch(() => {})),
    })),
    { count, rounds: 5, baseline: "dns.resolve4 (c-ares)" },
  );
  list[0].close();
}

/** Latency of each lookup, and answers that never came. */
async function latency(width, count) {
  const list = contestants();
  await inFlight(64, 6000, list[0].ask);
  console.log(
    `\nlatency, ${width} in flight (${cpus()[0].model.trim()}, Node ${process.version}, ${count} names, median of 3)`,
  );
  console.log("| contestant | p50 ms | p99 ms | lost | per second |\n|---|---|---|---|---|");
  for (const { name, ask } of list) {
    const runs = [];
    for (let round = 0; round < 3; round++) {
      const times = [];
      let lost = 0;
      const start = performance.now();
      await inFlight(width, count, async () => {
        const from = performance.now();
        await ask().catch(() => lost++);
        times.push(performance.now() - from);
      });
      const rate = (count * 1000) / (performance.now() - start);
      times.sort((a, b) => a - b);
      runs.push({ p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)], lost, rate });
    }
    const of = (key) => median(runs.map((run) => run[key]));
    const lost = Math.max(...runs.map((run) => run.lost));
    console.log(
      `| ${name} | ${of("p50").toFixed(3)} | ${of("p99").toFixed(2)} | ${lost} | ${Math.round(of("rate")).toLocaleString("en")} |`,
    );
  }
  list[0].close();
}

/** Nanoseconds for a name that is cached. */
async function cached() {
  const name = "cached.bench.example";
  const ours = createResolver({ servers: [server] });
  const cares = new dns.promises.Resolver();
  cares.setServers([server]);
  const cacheable = new CacheableLookup({ resolver: cares });
  const lookup = createLookup(ours);
  const map = new Map([[name, ["192.0.2.1"]]]);
  await new Promise((resolve) => lookup(name, {}, resolve));
  await new Promise((resolve) => cacheable.lookup(name, {}, resolve));
  const four = { family: 4 };
  const rows = [
    ["Map.get + nextTick", (done) => process.nextTick(done, null, map.get(name)[0], 4)],
    ["secure-streams lookup(cb)", (done) => lookup(name, four, done)],
    ["secure-streams lookup(cb), both families", (done) => lookup(name, {}, done)],
    ["cacheable-lookup lookup(cb)", (done) => cacheable.lookup(name, four, done)],
  ];
  console.log(
    `\ncached, callback (Node ${process.version}, 200 slices)\n| contestant | min ns | median ns |\n|---|---|---|`,
  );
  for (const [title, run] of rows) {
    const slices = [];
    for (let slice = 0; slice < 200; slice++) slices.push(await chain(run, 500));
    slices.sort((a, b) => a - b);
    console.log(`| ${title} | ${slices[0].toFixed(0)} | ${slices[100].toFixed(0)} |`);
  }
  console.log(`\npeek(), synchronous\n| contestant | min ns | median ns |\n|---|---|---|`);
  for (const [title, run] of [
    ["Map.get", () => map.get(name)],
    ["secure-streams peek()", () => ours.peek(name, 4)],
  ]) {
    const slices = [];
    for (let slice = 0; slice < 200; slice++) {
      const start = process.hrtime.bigint();
      for (let count = 0; count < 1000; count++) run();
      slices.push(Number(process.hrtime.bigint() - start) / 1000);
    }
    slices.sort((a, b) => a - b);
    console.log(`| ${title} | ${slices[0].toFixed(0)} | ${slices[100].toFixed(0)} |`);
  }
  ours.close();
}

/** Nanoseconds a lookup, each begun by the last one's callback. */
function chain(run, count) {
  return new Promise((resolve) => {
    const start = process.hrtime.bigint();
    let left = count;
    const next = () => {
      if (left-- > 0) run(next);
      else resolve(Number(process.hrtime.bigint() - start) / count);
    };
    next();
  });
}

async function decoding() {
  const answers = [1, 2, 3, 4, 5].map((last) => ({
    type: "A",
    name: "www.example.com",
    ttl: 300,
    address: `192.0.2.${last}`,
  }));
  const empty = decodeMessage(Buffer.from("000081800000000000000000", "hex"));
  const question = { name: "www.example.com", type: "A" };
  const bytes = encodeMessage({ ...empty, question, answers, edns: { size: 1232, version: 0, options: [] } });
  const buffer = Buffer.from(bytes);
  await compare(
    "decode an answer with 5 records and OPT",
    [
      { name: "dns-packet", run: (count) => repeat(count, () => packetDecode(buffer)) },
      { name: "secure-streams", run: (count) => repeat(count, () => decodeMessage(buffer)) },
    ],
    { count: 200_000, rounds: 9, baseline: "dns-packet" },
  );
}

function repeat(count, run) {
  for (let index = 0; index < count; index++) run();
}

/** How long a live name takes while 64 dead ones are in flight. */
async function dead() {
  const ours = createResolver({ servers: [server] });
  const lookup = createLookup(ours);
  await new Promise((resolve) => lookup(fresh(), {}, resolve));
  const list = [["secure-streams lookup", (name, done) => lookup(name, { family: 4 }, done)]];
  // dns.lookup takes minutes here; 2 dead names show it.
  if (isInside) list.push(["dns.lookup", (name, done) => dns.lookup(name, { family: 4 }, done)]);
  console.log("\na live name among dead ones\n| contestant | dead | live name, ms |\n|---|---|---|");
  for (const [title, ask] of list) {
    const count = title === "dns.lookup" ? 2 : 64;
    for (let index = 0; index < count; index++) ask(`dead${serial++}.bench.example`, () => {});
    const start = performance.now();
    await new Promise((resolve) => ask(fresh(), resolve));
    console.log(`| ${title} | ${count} | ${(performance.now() - start).toFixed(2)} |`);
  }
  ours.close();
}

function canUnshare() {
  return spawnSync("unshare", ["-n", "-m", "true"]).status === 0;
}

function runInside() {
  const conf = join(mkdtempSync(join(tmpdir(), "dns-bench-")), "resolv.conf");
  writeFileSync(conf, "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
  const script = 'ip link set lo up && mount --bind "$CONF" /etc/resolv.conf && exec "$@"';
  const args = [
    "-n",
    "-m",
    "sh",
    "-c",
    script,
    "sh",
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ];
  const env = { ...process.env, DNS_BENCH_INSIDE: "1", CONF: conf };
  process.exit(spawnSync("unshare", args, { stdio: "inherit", env }).status ?? 1);
}
