import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository. */
export const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

/** The last thing that the build writes. */
const PRODUCT = `${ROOT}dist/policy.schema.json`;
const LOCK = `${ROOT}node_modules/.build-lock`;
const PATIENCE = 120_000;

/** Builds dist/ where it is missing or older than the sources. For `beforeAll`. */
export function requireBuilt(): void {
  if (isFresh()) return;
  locked(() => {
    if (!isFresh()) execFileSync(process.execPath, [`${ROOT}scripts/build.mjs`], { stdio: "inherit" });
  });
}

function isFresh(): boolean {
  const product = statSync(PRODUCT, { throwIfNoEntry: false });
  if (product === undefined) return false;
  return readdirSync(`${ROOT}src`, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .every((path) => statSync(`${ROOT}src/${path}`).mtimeMs <= product.mtimeMs);
}

/** Test files run in several processes; one of them builds. A lock left by a killed one is broken after a while. */
function locked(work: () => void): void {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  const until = Date.now() + PATIENCE;
  while (!taken()) {
    if (Date.now() > until) rmdirSync(LOCK);
    Atomics.wait(sleep, 0, 0, 50);
  }
  try {
    work();
  } finally {
    rmdirSync(LOCK);
  }
}

function taken(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    return false;
  }
}
