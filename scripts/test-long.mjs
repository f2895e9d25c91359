// The long run: fuzzing and soaks that are too slow for every change. Each file of test/long is a vitest file.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));
const args = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  "vitest.long.config.ts",
  ...process.argv.slice(2),
];
process.exit(spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1);
