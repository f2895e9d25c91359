// The town of test/system as a module of its own, for benchmarks: real servers in a network namespace of their own.
import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Exports `Outskirts`, `Town`, `TOWN`, `SECOND`, `devicePolicy` and `FETCH_POLICY` of the tests. */
export async function loadTown() {
  const folder = `${root}build/bench/`;
  mkdirSync(folder, { recursive: true });
  const bundle = await rolldown({
    input: "town",
    cwd: root,
    platform: "node",
    plugins: [{ name: "town", resolveId: virtual, load: (id) => MODULES[id] }],
    external: /^[a-z@]/,
  });
  await bundle.write({ file: `${folder}town.mjs`, format: "esm" });
  copyFileSync(`${root}test/system/echoes.mjs`, `${folder}echoes.mjs`);
  return await import(`${folder}town.mjs`);
}

const MODULES = {
  town: ["system/outskirts", "system/town", "system/device"]
    .map((name) => `export * from "${root}test/${name}.ts";`)
    .join("\n"),
  // There is no test to end: who uses the town closes it.
  vitest: "export function onTestFinished() {}",
};

function virtual(id) {
  return id in MODULES ? id : null;
}
