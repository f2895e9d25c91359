// Runs the benchmarks: `npm run bench` for all, `npm run bench -- h1 ws` for some. Build first.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));
if (!existsSync("dist/index.js")) spawnSync(process.execPath, ["scripts/build.mjs"], { stdio: "inherit" });
const all = readdirSync("bench")
  .filter((name) => name.endsWith(".mjs") && !name.startsWith("_"))
  .map((name) => name.slice(0, -4));
const wanted = process.argv.slice(2).length > 0 ? process.argv.slice(2) : all;
let failed = 0;
for (const name of wanted) {
  if (!all.includes(name)) {
    console.error(`Cannot run "${name}": the benchmarks are ${all.join(", ")}`);
    process.exit(2);
  }
  console.log(`\n── ${name}`);
  const { status } = spawnSync(process.execPath, ["--expose-gc", `bench/${name}.mjs`], { stdio: "inherit" });
  if (status !== 0) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
