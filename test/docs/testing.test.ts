import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as testing from "../../src/testing/index.ts";

const MODULES: Readonly<Record<string, object>> = {
  "node:assert/strict": { default: assert },
  "secure-streams/testing": testing,
};

const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (modules: object) => Promise<void>;

test.each(["createSimulation", "createDhcpSimulation"])(
  "the example of docs/testing.md with %s runs",
  async (name) => {
    const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
    const examples = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
    const code = examples.find((each) => each.includes(`${name}(`)) ?? "";
    const body = code.replace(
      /^import (.+) from "(.+)";$/gm,
      (_, names: string, from: string) =>
        `const ${names.startsWith("{") ? names : `{ default: ${names} }`} = modules["${from}"];`,
    );

    expect(body).toContain(name);
    await new AsyncFunction("modules", body)(MODULES);
  },
);
