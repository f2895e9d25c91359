// From exec to OPERATIONAL with every nailed-up stream connected, and back after a cable was out for a second, on real
// servers in a network namespace: as root on Linux, `npm run bench -- up`.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpus, loadavg } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { createNetwork } from "../build/node/platform/index.js";
import { median, OURS, print, verdict } from "./_harness.mjs";
import { loadTown } from "./_town.mjs";

const ROUNDS = 21;
const FLAPS = 11;
const STREAMS = ["ws", "mqtt", "raw"];
const OUT = 1000;
const NAMES = {
  start: "the program runs and has read its policy",
  INTERFACE: "the interface is up and has carrier",
  lease: "address and route by DHCP",
  portal: "no captive portal",
  time: "the time is known",
};

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.log("Skipped: network namespaces need Linux and root");
  process.exit(0);
}
const { Outskirts, TOWN, SECOND, devicePolicy, FETCH_POLICY } = await loadTown();
const outskirts = await Outskirts.open();
const { network: space, namespace: far, town } = outskirts;
const plain = town.write("device.json", JSON.stringify(devicePolicy(town)));
const fetching = town.write(
  "fetching.json",
  JSON.stringify(devicePolicy(town, { streams: { fetch_policy: FETCH_POLICY } })),
);
const network = createNetwork();
try {
  console.log(
    `${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.version}, load ${loadavg()[0].toFixed(1)}`,
  );
  await coldStart("the policy at hand", plain);
  town.setPolicy(JSON.stringify(devicePolicy(town)));
  await coldStart("the policy fetched over TLS on the way", fetching);
  await flap();
} finally {
  await outskirts.close();
}
process.exit(0);

async function coldStart(title, policy) {
  const rounds = [];
  const node = [];
  for (let round = -1; round < ROUNDS; round++) {
    space.ip("link set dev0 down");
    const began = performance.now();
    spawnSync(process.execPath, ["-e", "0"]);
    const bare = performance.now() - began;
    const program = start(policy);
    await Promise.all(["OPERATIONAL", ...STREAMS].map((mark) => program.reached(mark)));
    await program.stop();
    if (round < 0) continue;
    node.push(bare);
    rounds.push(program.marks);
  }
  const total = (marks) => Math.max(...["OPERATIONAL", ...STREAMS].map((mark) => marks.get(mark)));
  const steps = ["start", "INTERFACE", "lease", "portal", "time", "OPERATIONAL", ...STREAMS];
  let last = 0;
  print(
    `exec to OPERATIONAL with ${STREAMS.length} streams connected, ${title} (${ROUNDS} starts, medians)`,
    [
      ["until", "ms since exec", "ms of it"],
      ["Node's own start (exec to end, in the same rounds)", median(node).toFixed(0), ""],
      ...steps.flatMap((step) => {
        const at = median(rounds.map((marks) => marks.get(step)).filter((value) => value !== undefined));
        if (at === undefined) return [];
        const row = [NAMES[step] ?? step, at.toFixed(0), (at - last).toFixed(0)];
        last = at;
        return [row];
      }),
    ],
  );
  const totals = rounds.map(total);
  await verdict({
    work: `process start to OPERATIONAL, all streams connected, ${title}`,
    what: OURS,
    measured: median(totals),
    shown: `${median(totals).toFixed(0)} (least ${Math.min(...totals).toFixed(0)})`,
    atMost: 400,
    unit: "ms",
  });
}

async function flap() {
  const program = start(plain);
  await Promise.all(["OPERATIONAL", ...STREAMS].map((mark) => program.reached(mark)));
  const rows = [];
  for (let round = 0; round < FLAPS; round++) {
    await wait(500);
    program.marks.clear();
    const out = carrier(false);
    space.ip(`-n ${far} link set town0 down`);
    await out;
    await wait(OUT);
    program.marks.clear();
    const back = carrier(true);
    space.ip(`-n ${far} link set town0 up`);
    const at = await back;
    await Promise.all(["OPERATIONAL", ...STREAMS].map((mark) => program.reached(mark)));
    rows.push(new Map(["lease", "OPERATIONAL", ...STREAMS].map((mark) => [mark, program.when(mark) - at])));
  }
  await program.stop();
  const of = (mark) => rows.map((row) => row.get(mark)).filter((value) => !Number.isNaN(value));
  print(`after ${OUT} ms without carrier (${FLAPS} times, medians, greatest)`, [
    ["back", "ms after the carrier", "greatest"],
    ...["lease", "OPERATIONAL", ...STREAMS].map((mark) => [
      NAMES[mark] ?? mark,
      median(of(mark)).toFixed(0),
      Math.max(...of(mark)).toFixed(0),
    ]),
  ]);
  const slowest = rows.map((row) => Math.max(...STREAMS.map((name) => row.get(name))));
  await verdict({
    work: `a cable out for ${OUT} ms: every nailed-up stream back`,
    what: "ms after the carrier, the slowest stream",
    measured: median(slowest),
    shown: `${median(slowest).toFixed(0)} (greatest ${Math.max(...slowest).toFixed(0)})`,
    atMost: 150,
    unit: "ms",
  });
}

/** `up --json`, and when each thing was first told. */
function start(policy) {
  const began = performance.now();
  const args = ["up", "--interface", "dev0", "--no-probe", "--policy", policy, "--json"];
  for (const server of [TOWN, SECOND]) args.push("--ntp", server);
  const child = spawn(process.execPath, ["dist/cli/main.js", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const marks = new Map();
  const waiting = new Map();
  const mark = (name) => {
    if (marks.has(name)) return;
    marks.set(name, performance.now() - began);
    waiting.get(name)?.();
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line);
    mark("start");
    if (event.event === "state") {
      mark(event.state);
      if (event.state === "DHCP") mark("INTERFACE");
      if (event.state === "CPD_PRE_TIME") mark("INTERFACE");
    }
    if (event.event === "lease") mark("lease");
    if (event.event === "portal" && event.verdict === "ok") mark("portal");
    if (event.event === "time" && event.type === "adjusted") mark("time");
    if (event.event === "stream" && event.state === "connected") mark(event.streamtype);
  });
  return {
    marks,
    when: (name) => began + marks.get(name),
    reached: (name) =>
      new Promise((resolve) => {
        if (marks.has(name)) resolve();
        else waiting.set(name, resolve);
      }),
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGINT");
      await gone;
    },
  };
}

/** When the kernel tells that the cable is in, or out. */
function carrier(wanted) {
  return new Promise((resolve) => {
    const unwatch = network.watch((event) => {
      if (event.type !== "link" || event.link.name !== "dev0" || event.link.hasCarrier !== wanted) return;
      unwatch();
      resolve(performance.now());
    });
  });
}
