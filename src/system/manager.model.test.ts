import { expect, test } from "vitest";
import { SeededRandom } from "../testing/index.ts";
import { SystemManager } from "./manager.ts";
import type { ManagerInput } from "./manager-words.ts";
import { type HoldableState, type SystemState, WAY_UP } from "./states.ts";

const SEQUENCES = Number(process.env.SYSTEM_SEQUENCES ?? 100_000);

/** What a device needs, and the state that each holds. */
const PREREQUISITES = [
  ["link", "IFACE_COLDPLUG"],
  ["dhcp", "DHCP"],
  ["dns", "CPD_PRE_TIME"],
  ["portal", "CPD_PRE_TIME"],
  ["ntp", "TIME_VALID"],
  ["policy", "POLICY_VALID"],
] as const satisfies readonly (readonly [string, HoldableState])[];

/** One ask and one answer for each state of the way up, a jump or two before them. */
const MOST_INPUTS = 2 * WAY_UP.length;

test(`agrees with the reference model over ${SEQUENCES} sequences of prerequisites that come and go (S7)`, () => {
  const random = new SeededRandom(20_260_901);
  let reached = 0;
  let lost = 0;
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const manager = new SystemManager();
    const missing = new Set<number>();
    let wasOperational = false;
    for (const hold of PREREQUISITES.keys()) {
      if (random.fraction() < 0.5) {
        missing.add(hold);
        feed(manager, holdOf(hold));
      }
    }
    feed(manager, { type: "start" });
    const depth = 1 + (random.uint16() % 8);
    for (let step = 0; step < depth; step++) {
      const hold = random.uint16() % PREREQUISITES.length;
      if (missing.delete(hold)) feed(manager, { type: "release", hold });
      else {
        missing.add(hold);
        feed(manager, holdOf(hold));
      }
      check(manager, missing);
      if (wasOperational && missing.size > 0) lost += 1;
      wasOperational = missing.size === 0;
    }
    for (const hold of [...missing]) {
      missing.delete(hold);
      feed(manager, { type: "release", hold });
      check(manager, missing);
    }
    if (manager.state === "OPERATIONAL") reached += 1;
  }

  expect(reached).toBe(SEQUENCES);
  expect(lost).toBeGreaterThan(SEQUENCES / 50);
}, 120_000);

test("agrees with it over every order in which six prerequisites come, and every one of them lost again", () => {
  let orders = 0;
  for (const order of permutations([0, 1, 2, 3, 4, 5])) {
    orders += 1;
    const manager = new SystemManager();
    const missing = new Set(order);
    for (const hold of order) feed(manager, holdOf(hold));
    feed(manager, { type: "start" });
    check(manager, missing);
    for (const hold of order) {
      missing.delete(hold);
      feed(manager, { type: "release", hold });
      check(manager, missing);
    }
    const [last] = order.slice(-1) as [number];
    missing.add(last);
    feed(manager, holdOf(last));
    check(manager, missing);
  }

  expect(orders).toBe(720);
});

/** The reference: as high as the lowest missing prerequisite allows, and no higher. */
function model(missing: ReadonlySet<number>): SystemState {
  const lowest = Math.min(
    ...[...missing].map((hold) => WAY_UP.indexOf(PREREQUISITES[hold]?.[1] as HoldableState)),
    WAY_UP.length,
  );
  return WAY_UP[lowest - 1] as SystemState;
}

function check(manager: SystemManager, missing: ReadonlySet<number>): void {
  if (manager.state !== model(missing) || manager.heldBy.length !== missing.size) {
    const names = [...missing].map((hold) => PREREQUISITES[hold]?.[0]).join(", ");
    expect.fail(`${manager.state} with ${names || "nothing"} missing, expected ${model(missing)}`);
  }
}

/** Feeds an input and answers every question at once; fails where the system does not come to rest. */
function feed(manager: SystemManager, first: ManagerInput): void {
  let inputs: ManagerInput[] = [first];
  let count = 0;
  for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
    count += 1;
    if (count > MOST_INPUTS) expect.fail(`no rest after ${count} inputs`);
    const outputs = manager.handle(input, 0);
    const answers = outputs.flatMap((output): ManagerInput[] =>
      output.type === "ask" ? [{ type: "answer", step: output.step, vetoes: [] }] : [],
    );
    inputs = [...inputs, ...answers];
  }
}

function holdOf(hold: number): ManagerInput {
  const [by, state] = PREREQUISITES[hold] as (typeof PREREQUISITES)[number];
  return { type: "hold", hold, state, by, why: `${by} is missing` };
}

function* permutations(values: readonly number[]): Generator<readonly number[]> {
  if (values.length === 0) yield [];
  for (const value of values) {
    for (const rest of permutations(values.filter((each) => each !== value))) yield [value, ...rest];
  }
}
