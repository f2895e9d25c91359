import fc from "fast-check";
import { expect, test } from "vitest";
import { createSimulation } from "../../src/testing/index.ts";

const BASE = `{
  "retry": { "calm": { "backoff": [1000], "conceal": 2, "jitterpc": 0 } },
  "streams": { "it": { "endpoint": "peer", "port": 80, "protocol": "ws", "retry": "calm", "nailed_up": true } }
}`;
/** What makes a policy wrong, wherever it is put. */
const POISON = ["{", "]", "@", '"__proto__":1,', '"port":"80"', ":", "1e999", "\u0000", '"', "/*", "tru"];

test("2000 bad policies and overlays leave what runs as it was, each with a place and a reason", async () => {
  await using world = await createSimulation({ policy: BASE });
  world.peer("peer:80");
  const stream = world.context.open("it");
  await world.run(100);
  const before = JSON.stringify(world.context.inspect());
  let refused = 0;

  await fc.assert(
    fc.asyncProperty(
      fc.nat(BASE.length),
      fc.nat(12),
      fc.constantFrom(...POISON),
      fc.boolean(),
      async (at, cut, poison, isOverlay) => {
        const text = `{${BASE.slice(1, at)}${poison}${BASE.slice(at + cut)}`;
        const problems = await problemsOf(text, isOverlay);
        if (problems === undefined) return;
        refused += 1;
        expect(problems.length).toBeGreaterThan(0);
        for (const { line, column, message } of problems) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
          expect(message).not.toBe("");
        }
        expect(JSON.stringify(world.context.inspect())).toBe(before);
      },
    ),
    { numRuns: 2000 },
  );

  expect(refused).toBeGreaterThan(1500);
  await world.run(600_000);
  expect(world.trace.states(stream)).toEqual(["creating", "connecting", "connected"]);
  expect(Object.keys(Object.prototype)).toEqual([]);

  /** The problems of a policy that is refused; undefined, with the good policy back, where it is none. */
  async function problemsOf(text: string, isOverlay: boolean): Promise<PolicyProblems | undefined> {
    try {
      // Nothing may be installed: what is good is only looked at.
      await using other = await createSimulation({ policy: isOverlay ? BASE : text });
      if (isOverlay) other.context.overlay(text);
      return undefined;
    } catch {
      const replaced = isOverlay
        ? Promise.resolve().then(() => world.context.overlay(text))
        : world.context.replacePolicy(text);
      return replaced.then(
        () => expect.unreachable("One context took what another refused"),
        (error: { readonly problems: PolicyProblems }) => error.problems,
      );
    }
  }
});

type PolicyProblems = readonly { readonly line: number; readonly column: number; readonly message: string }[];
