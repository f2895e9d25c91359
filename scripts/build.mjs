// Compiles src/ into build/, joins that into dist/, and writes the policy's JSON Schema from the validator.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
process.chdir(root);
for (const folder of ["build", "dist"]) rmSync(folder, { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});
for (const script of ["bundle", "write-schema"]) {
  execFileSync(process.execPath, [`scripts/${script}.mjs`], { stdio: "inherit" });
}
chmodSync("dist/cli/main.js", 0o755);
