// Holds the floors of ARCHITECTURE.md: imports go down or stay in their folder, cross folders only through
// index.ts (floor 0 by file), pure floors touch no world, files stay under 300 lines.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const FLOORS = {
  lib: 0,
  policy: 1,
  dns: 1,
  dial: 1,
  dhcp: 1,
  ntp: 1,
  mqtt: 1,
  system: 1,
  stream: 2,
  proxy: 3,
  context: 4,
  node: 5,
  testing: 5,
  cli: 6,
};
/** Files at the root of src/ that bind floors together for the package's subpaths. */
const DOORS = new Set(["index.ts", "dns.ts", "dhcp.ts", "system.ts"]);
const PURE_PACKAGES = new Set([]);
const WORLD =
  /\b(Date\.now|new Date|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|console\.|performance\.now|Buffer\b)/;
const MAX_LINES = 300;

const src = fileURLToPath(new URL("../src/", import.meta.url));
const faults = [];

for (const file of walk(src)) {
  const path = relative(src, file);
  const text = readFileSync(file, "utf8");
  const isTest = path.endsWith(".test.ts");
  const lines = text.split("\n").length - 1;
  if (!isTest && !path.includes(".generated.") && lines > MAX_LINES) {
    faults.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
  }
  const folder = path.split("/")[0];
  if (!path.includes("/")) {
    if (!DOORS.has(path) && !isTest) faults.push(`${path}: only doors stand at the root of src/`);
    continue;
  }
  const floor = FLOORS[folder];
  if (floor === undefined) {
    faults.push(`${path}: folder "${folder}" has no floor in scripts/check-floors.mjs`);
    continue;
  }
  if (isTest) continue;
  if (floor <= 4) {
    text.split("\n").forEach((line, index) => {
      const code = line.replace(/^\s*(\*|\/\/).*$/, "").replace(/\/\*.*?\*\//g, "");
      if (WORLD.test(code)) faults.push(`${path}:${index + 1}: pure floors touch no world: ${line.trim()}`);
      if (floor <= 3 && /\b(async|await|Promise)\b/.test(code)) {
        faults.push(`${path}:${index + 1}: no Promise below floor 4: ${line.trim()}`);
      }
    });
  }
  for (const { specifier, line } of imports(text)) check(file, path, folder, floor, specifier, line);
}

if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
console.log("floors: imports, purity and sizes hold");

function check(file, path, folder, floor, specifier, line) {
  const where = `${path}:${line}`;
  if (!specifier.startsWith(".")) {
    if (floor <= 4 && !PURE_PACKAGES.has(specifier)) {
      faults.push(`${where}: floor ${floor} may not import "${specifier}"`);
    }
    return;
  }
  const target = relative(src, resolve(dirname(file), specifier));
  if (!target.includes("/")) {
    if (!target.startsWith("..") && floor < 6)
      faults.push(`${where}: a floor may not import the door "${target}"`);
    return;
  }
  const other = target.split("/")[0];
  if (other === folder) return;
  const below = FLOORS[other];
  if (below === undefined || below >= floor) {
    faults.push(`${where}: "${folder}" (floor ${floor}) may not import "${other}" (floor ${below})`);
  } else if (below > 0 && !target.endsWith("/index.ts")) {
    faults.push(`${where}: import "${other}" through its index.ts, not "${target}"`);
  }
}

function* imports(text) {
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    yield { specifier: match[1], line: text.slice(0, match.index).split("\n").length };
  }
}

function* walk(folder) {
  for (const name of readdirSync(folder).sort()) {
    const file = join(folder, name);
    if (statSync(file).isDirectory()) yield* walk(file);
    else if (name.endsWith(".ts")) yield file;
  }
}
