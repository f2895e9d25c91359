// Compiles src/ into dist/ and writes the policy's JSON Schema from the validator.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
process.chdir(root);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
if (existsSync("scripts/write-schema.mjs")) {
  execFileSync(process.execPath, ["scripts/write-schema.mjs"], { stdio: "inherit" });
}
if (existsSync("dist/cli/main.js")) chmodSync("dist/cli/main.js", 0o755);
