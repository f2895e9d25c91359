// Everything a change must pass: format, lint, types, floors, build, exports, unused code, tests and coverage.
// One step fails, the rest still runs, and the end says which.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));
process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

const node = process.execPath;
const bin = (path) => `node_modules/${path}`;
const STEPS = [
  ["format and lint", node, [bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings", "."]],
  ["types", node, [bin("typescript/bin/tsc"), "-p", "tsconfig.json"]],
  ["types of the pure floors", node, [bin("typescript/bin/tsc"), "-p", "tsconfig.pure.json"]],
  ["floors", node, ["scripts/check-floors.mjs"]],
  ["build", node, ["scripts/build.mjs"]],
  ["package", node, [bin("publint/src/cli.js"), "--strict"]],
  ["exports", node, [bin("@arethetypeswrong/cli/dist/index.js"), "--pack", ".", "--profile", "esm-only"]],
  ["unused code", node, [bin("knip/bin/knip.js"), "--no-progress"]],
  ["peers", "bash", ["scripts/install-peers.sh"]],
  ["tests", node, [bin("vitest/vitest.mjs"), "run", "--coverage"]],
  ["coverage", node, ["scripts/check-coverage.mjs"]],
];

const failed = [];
for (const [name, command, args] of STEPS) {
  const started = Date.now();
  console.log(`\n── ${name}`);
  const { status, signal } = spawnSync(command, args, { stdio: "inherit" });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (status === 0) console.log(`   ok, ${seconds} s`);
  else {
    failed.push(name);
    console.log(`   FAILED (${signal ?? `exit ${status}`}), ${seconds} s`);
  }
}
console.log(failed.length === 0 ? "\nAll steps passed" : `\nFailed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
