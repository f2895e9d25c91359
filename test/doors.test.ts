import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

test("the door of the package loads no resolver, DHCP, time, system or transport", () => {
  const loaded = new Set([...loads("index.ts")].map(partOf));

  expect(loaded).toContain("context/core.ts");
  expect([...loaded].filter((path) => /^(dns|dhcp|ntp|system|mqtt|proxy)\//.test(path))).toEqual([]);
  expect([...loaded].filter((path) => path.startsWith("node/transports/"))).toEqual([
    "node/transports/index.ts",
  ]);
});

test("the door of the resolver loads no DHCP, time, system or transport", () => {
  const loaded = [...loads("dns.ts")].map(partOf);

  expect(loaded).toContain("dns/resolver.ts");
  expect(loaded.filter((path) => /^(dhcp|ntp|system|mqtt|proxy)\//.test(path))).toEqual([]);
});

/** Every file that importing `door` loads at once: not what is imported for its types, or when first used. */
function loads(door: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [resolve(SRC, door)];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    for (const [, names, specifier] of text.matchAll(/^(?:import|export)\s+(.*?)\s*from\s*"(\.[^"]+)";/gms)) {
      if (names !== undefined && specifier !== undefined && !isTypes(names)) {
        open.push(resolve(dirname(file), specifier));
      }
    }
  }
  return seen;
}

/** `type { A, B }` is erased; `{ type A }` is not, since the module is still named. */
function isTypes(names: string): boolean {
  return names.startsWith("type ");
}

function partOf(file: string): string {
  return relative(SRC, file);
}
