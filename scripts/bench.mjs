// Runs the benchmarks and says of each bound whether it holds: `npm run bench` for all, `npm run bench -- h1 ws` for some.
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MACHINE, print, SUMMARY } from "../bench/_harness.mjs";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));
const all = readdirSync("bench")
  .filter((name) => name.endsWith(".mjs") && !name.startsWith("_"))
  .map((name) => name.slice(0, -4));
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : all;
const unknown = wanted.find((name) => !all.includes(name));
if (unknown !== undefined) {
  console.error(`Cannot run "${unknown}": the benchmarks are ${all.join(", ")}`);
  process.exit(2);
}
const build = spawnSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
if (build.status !== 0) process.exit(1);

const table = [];
let failed = 0;
for (const name of wanted) {
  console.log(`\n── ${name}`);
  const bench = fork(`bench/${name}.mjs`, [], { execArgv: ["--expose-gc"] });
  bench.on("message", ({ row }) => table.push(row));
  const [code] = await once(bench, "exit");
  if (code === 0) continue;
  failed += 1;
  table.push([name, "", "the benchmark failed", "", "not measured"]);
}
if (table.length > 0) print(`── the bounds (${MACHINE})`, [SUMMARY, ...table]);
process.exit(failed === 0 ? 0 : 1);
