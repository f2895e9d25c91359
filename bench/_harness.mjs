// Ours and the peers in turn, several rounds in one run: CPU per operation of this process, and rate, as medians.
// Servers run in a process of their own, so that only the client is measured.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

/** Starts `bench/_servers.mjs NAME` and resolves with what it says of itself and a way to stop it. */
export async function startServer(name) {
  const child = fork(fileURLToPath(new URL("./_servers.mjs", import.meta.url)), [name], { stdio: "inherit" });
  const [info] = await once(child, "message");
  return { ...info, stop: () => child.kill() };
}

/** Runs `run(count)` of every contestant in turn, `rounds` times, after one warm-up each. */
export async function compare(title, contestants, { count, rounds = 7, baseline }) {
  const results = new Map(contestants.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? contestants : [...contestants].reverse()) {
      globalThis.gc?.();
      const cpu = process.cpuUsage();
      const start = process.hrtime.bigint();
      await run(count);
      const wall = Number(process.hrtime.bigint() - start) / 1e3;
      const { user, system } = process.cpuUsage(cpu);
      if (round >= 0) results.get(name).push({ cpu: (user + system) / count, rate: (count * 1e6) / wall });
    }
  }
  const rows = [...results].map(([name, runs]) => ({
    name,
    cpu: median(runs.map((run) => run.cpu)),
    rate: median(runs.map((run) => run.rate)),
  }));
  const base = rows.find(({ name }) => name === baseline) ?? rows[0];
  console.log(
    `\n${title} (${cpus()[0].model.trim()}, Node ${process.version}, ${count} operations, median of ${rounds} rounds)`,
  );
  console.log("| contestant | CPU us/op | ratio | per second |\n|---|---|---|---|");
  for (const { name, cpu, rate } of rows) {
    console.log(
      `| ${name} | ${cpu.toFixed(2)} | ${(cpu / base.cpu).toFixed(2)} | ${Math.round(rate).toLocaleString("en")} |`,
    );
  }
  return rows;
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
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Rounded, with commas between the thousands. */
export function thousands(value) {
  return Math.round(value).toLocaleString("en");
}
