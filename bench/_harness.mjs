// Ours and the peers in turn, several rounds in one run. What is told: CPU per operation of this process and the rate, as
// medians; the ratio of CPU to the peer's in the same round, as the median of the rounds and the span of their middle half.
// Rounds are short and many, so that a burst of other work on the machine falls on all contestants alike. Nothing forces
// a collection in between: that throws compiled code away, which no program does so often.
// Servers run in a process of their own, so that only the client is measured.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

export const OURS = "secure-streams";
export const MACHINE = `${cpus().length} x ${cpus()[0].model.trim()}, Node ${process.version}`;

/** Starts `bench/_servers.mjs NAME` and resolves with what it says of itself and a way to stop it. */
export async function startServer(name) {
  const child = fork(fileURLToPath(new URL("./_servers.mjs", import.meta.url)), [name], { stdio: "inherit" });
  const [info] = await once(child, "message");
  return { ...info, stop: () => child.kill() };
}

/**
 * Runs `run(count)` of every contestant in turn, `rounds` times, after `warmUp` rounds that do not count. Each round begins
 * with another one, since garbage of one is collected in the time of the next. A slow contestant may do a `share` of the work. `bounds` are of ours:
 * `[{ peer, atMost }]`.
 */
export async function compare(title, contestants, { count, rounds = 7, warmUp = 8, baseline, bounds = [] }) {
  const results = new Map(contestants.map(({ name }) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const { name, run, share = 1 } of turned(contestants, round + warmUp)) {
      const total = Math.ceil(count * share);
      const cpu = process.cpuUsage();
      const start = process.hrtime.bigint();
      await run(total);
      const wall = Number(process.hrtime.bigint() - start) / 1e3;
      const { user, system } = process.cpuUsage(cpu);
      if (round >= 0) results.get(name).push({ cpu: (user + system) / total, rate: (total * 1e6) / wall });
    }
  }
  const base = results.get(baseline) ?? results.values().next().value;
  const rows = [...results].map(([name, runs]) => ({
    name,
    cpu: median(runs.map((run) => run.cpu)),
    rate: median(runs.map((run) => run.rate)),
    ratios: runs.map((run, round) => run.cpu / base[round].cpu),
  }));
  print(`${title} (${MACHINE}, ${count} operations, ${rounds} rounds)`, [
    ["contestant", "CPU us/op", "ratio", "per second"],
    ...rows.map(({ name, cpu, rate, ratios }) => [
      name,
      cpu.toFixed(2),
      spanOf(ratios),
      Math.round(rate).toLocaleString("en"),
    ]),
  ]);
  const ours = results.get(OURS);
  for (const { peer, atMost } of bounds) {
    const ratios = ours.map((run, round) => run.cpu / results.get(peer)[round].cpu);
    await verdict({
      work: title,
      what: `CPU of ${peer}`,
      measured: median(ratios),
      shown: spanOf(ratios),
      atMost,
    });
  }
  return rows;
}

/** The contestants from another one on, every second time round backwards. */
function turned(contestants, round) {
  const first = round % contestants.length;
  const order = [...contestants.slice(first), ...contestants.slice(0, first)];
  return Math.floor(round / contestants.length) % 2 === 0 ? order : order.reverse();
}

/** Says whether a bound holds, here and in the summary of `npm run bench`. */
export async function verdict({ work, what, measured, shown, atMost, unit = "x" }) {
  const row = [work, what, shown, `${atMost} ${unit}`, measured <= atMost ? "holds" : "does not hold"];
  if (process.send === undefined) print(undefined, [SUMMARY, row]);
  else await new Promise((resolve) => process.send({ row }, resolve));
}

export const SUMMARY = ["work", "measured in", "measured", "at most", "bound"];

/** Prints a markdown table, the first row its head. */
export function print(title, [head, ...rows]) {
  if (title !== undefined) console.log(`\n${title}\n`);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  console.log([line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n"));
}

/** Keeps `width` calls of `operation` under way until `count` are done. */
export async function inFlight(width, count, operation) {
  let left = count;
  const lane = async (index) => {
    while (left-- > 0) await operation(index);
  };
  await Promise.all(Array.from({ length: width }, (_, index) => lane(index)));
}

export function median(values) {
  return quantile(values, 0.5);
}

/** The median, and the middle half of the values. */
export function spanOf(values) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(values, share).toFixed(2));
  return `${middle} (${low} to ${high})`;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)];
}

/** Rounded, with commas between the thousands. */
export function thousands(value) {
  return Math.round(value).toLocaleString("en");
}
