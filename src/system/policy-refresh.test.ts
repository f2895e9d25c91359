import { describe, expect, test } from "vitest";
import { SeededRandom } from "../testing/index.ts";
import {
  PolicyRefresh,
  type PolicyRefreshInput,
  type PolicyRefreshOptions,
  type PolicyRefreshOutput,
} from "./policy-refresh.ts";

const DAY = 86_400_000;

describe("a start without a stored policy", () => {
  test("fetches, and is valid when the policy is there", () => {
    const world = new World();

    expect(world.feed({ type: "start", hasStored: false })).toEqual([{ type: "fetch", fetch: 1 }]);
    expect(world.feed({ type: "fetched", fetch: 1 })).toEqual([{ type: "valid" }]);

    expect(world.machine.isValid).toBe(true);
    expect(world.machine.deadline).toBeGreaterThanOrEqual(DAY);
    expect(world.machine.deadline).toBeLessThanOrEqual(1.1 * DAY);
  });

  test("waits, and says why, with longer and longer waits while nothing usable comes", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: false });
    const waits: number[] = [];
    for (let fetch = 1; fetch <= 8; fetch++) {
      expect(world.feed({ type: "failed", fetch, why: "no route" })).toEqual([
        { type: "waiting", why: "no route" },
      ]);
      const before = world.now;
      expect(world.next()).toEqual([{ type: "fetch", fetch: fetch + 1 }]);
      waits.push((world.now - before) / 1000);
    }

    for (const [index, wait] of [5, 15, 60, 300, 900, 3600, 3600, 3600].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(wait);
      expect(waits[index]).toBeLessThanOrEqual(1.1 * wait);
    }
  });

  test("gives up a fetch that takes longer than a minute", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: false });

    expect(world.next()).toEqual([
      { type: "abandon", fetch: 1 },
      { type: "waiting", why: "no answer within 60 s" },
    ]);

    expect(world.now).toBe(60_000);
    expect(world.feed({ type: "fetched", fetch: 1 })).toEqual([]);
    expect(world.machine.isValid).toBe(false);
  });

  test("has no use for the word that nothing has changed", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: false });

    expect(world.feed({ type: "unchanged", fetch: 1 })).toEqual([]);

    expect(world.machine.isValid).toBe(false);
  });
});

describe("a start with a stored policy", () => {
  test("uses it at once where the server cannot be reached, and goes on asking", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: true });

    expect(world.feed({ type: "failed", fetch: 1, why: "no route" })).toEqual([
      { type: "use-stored" },
      { type: "valid" },
    ]);

    expect(world.next()).toEqual([{ type: "fetch", fetch: 2 }]);
    expect(world.feed({ type: "fetched", fetch: 2 })).toEqual([]);
  });

  test("uses it after 5 s of silence while the fetch goes on", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: true });

    expect(world.next()).toEqual([{ type: "use-stored" }, { type: "valid" }]);

    expect(world.now).toBe(5000);
    expect(world.feed({ type: "fetched", fetch: 1 })).toEqual([]);
    expect(world.machine.deadline).toBeGreaterThanOrEqual(DAY);
  });

  test("uses it when the server says that it is still right", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: true });

    expect(world.feed({ type: "unchanged", fetch: 1 })).toEqual([{ type: "use-stored" }, { type: "valid" }]);
    world.next();
    expect(world.feed({ type: "unchanged", fetch: 2 })).toEqual([]);
  });

  test("that turns out to be none waits for the server again, at once", () => {
    const world = new World();
    world.feed({ type: "start", hasStored: true });
    world.feed({ type: "failed", fetch: 1, why: "no route" });

    expect(world.feed({ type: "stored-refused" })).toEqual([
      { type: "waiting", why: "the stored policy cannot be used" },
    ]);

    expect(world.machine.isValid).toBe(false);
    expect(world.machine.deadline).toBe(5000);
  });
});

describe("a refresh", () => {
  test("comes every day, and after a failure sooner; the policy stays in force", () => {
    const world = valid();
    world.next();

    expect(world.feed({ type: "failed", fetch: 2, why: "refused" })).toEqual([]);

    expect(world.machine.isValid).toBe(true);
    expect(world.machine.deadline - world.now).toBeLessThanOrEqual(5500);
  });

  test("on demand is at once, but not within 5 s of the last, and not while one is under way", () => {
    const world = valid();
    world.now = 1000;
    expect(world.feed({ type: "refresh" })).toEqual([]);
    expect(world.machine.deadline).toBe(5000);

    world.now = 9000;
    expect(world.feed({ type: "refresh" })).toEqual([{ type: "fetch", fetch: 2 }]);
    expect(world.feed({ type: "refresh" })).toEqual([]);
  });

  test("counts the time asleep", () => {
    const world = valid();

    expect(world.feed({ type: "slept", span: 2 * DAY })).toEqual([{ type: "fetch", fetch: 2 }]);
  });

  test("comes as often as the program says", () => {
    const world = valid({ refresh: 60_000 });

    world.next();

    expect(world.now).toBeGreaterThanOrEqual(60_000);
    expect(world.now).toBeLessThanOrEqual(66_000);
  });

  test("ends with stop, the one under way too", () => {
    const world = new World();
    expect(world.feed({ type: "refresh" })).toEqual([]);
    world.feed({ type: "start", hasStored: true });
    expect(world.feed({ type: "start", hasStored: true })).toEqual([]);

    expect(world.feed({ type: "stop" })).toEqual([{ type: "abandon", fetch: 1 }]);

    expect(world.machine.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.feed({ type: "refresh" })).toEqual([]);
  });
});

test("an input that does not exist is misuse", () => {
  expect(() => new World().feed({ type: "nonsense" } as never)).toThrow("Cannot handle: unexpected value");
});

test("keeps the promises of a machine (property)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const machines = [
      new PolicyRefresh(new SeededRandom(seed)),
      new PolicyRefresh(new SeededRandom(seed)),
    ] as const;
    const [machine] = machines;
    let now = 0;
    let last = 0;
    for (let step = 0; step < 80; step++) {
      const fetch = random.fraction() < 0.8 ? last : last - 1;
      const inputs: readonly (PolicyRefreshInput | { readonly type: "timeout" })[] = [
        { type: "start", hasStored: random.fraction() < 0.5 },
        { type: "fetched", fetch },
        { type: "unchanged", fetch },
        { type: "failed", fetch, why: "why" },
        { type: "stored-refused" },
        { type: "refresh" },
        { type: "slept", span: random.uint16() },
        { type: "timeout" },
        { type: "timeout" },
      ];
      const input =
        step === 79
          ? ({ type: "stop" } as const)
          : (inputs[random.uint16() % inputs.length] ?? expect.fail());
      if (input.type === "timeout") now = Math.min(machine.deadline, now + 1e8);
      else now += Math.floor(random.exponential(2000));
      if (machine.deadline > now) {
        for (const each of machines) expect(each.handle({ type: "timeout" }, now)).toEqual([]);
      }
      const [outputs, same] = machines.map((each) => each.handle(input, now));
      expect(outputs).toEqual(same);
      if (step < 79) expect(machine.deadline).toBeGreaterThan(now);
      for (const output of outputs ?? []) if (output.type === "fetch") last = output.fetch;
    }
    expect(machine.deadline).toBe(Number.POSITIVE_INFINITY);
  }
});

class World {
  readonly machine: PolicyRefresh;
  now = 0;

  constructor(options: PolicyRefreshOptions = {}) {
    this.machine = new PolicyRefresh(new SeededRandom(1), options);
  }

  feed(input: PolicyRefreshInput | { readonly type: "timeout" }): readonly PolicyRefreshOutput[] {
    return this.machine.handle(input, this.now);
  }

  next(): readonly PolicyRefreshOutput[] {
    this.now = this.machine.deadline;
    return this.feed({ type: "timeout" });
  }
}

function valid(options: PolicyRefreshOptions = {}): World {
  const world = new World(options);
  world.feed({ type: "start", hasStored: false });
  world.feed({ type: "fetched", fetch: 1 });
  return world;
}
