import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as testing from "../../src/testing/index.ts";

const MODULES: Readonly<Record<string, object>> = {
  "node:assert/strict": { default: assert },
  "secure-streams/testing": testing,
};

test("the example of docs/testing.md runs", async () => {
  const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const body = code.replace(
    /^import (.+) from "(.+)";$/gm,
    (_, names: string, from: string) =>
      `const ${names.startsWith("{") ? names : `{ default: ${names} }`} = modules["${from}"];`,
  );
  const AsyncFunction = (async () => {}).constructor as new (
    ...args: string[]
  ) => (modules: object) => Promise<void>;

  expect(body).toContain("createSimulation");
  await new AsyncFunction("modules", body)(MODULES);
});
