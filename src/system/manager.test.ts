import { describe, expect, test } from "vitest";
import { SeededRandom } from "../testing/index.ts";
import { SystemManager } from "./manager.ts";
import type { ManagerInput, ManagerOutput, Veto } from "./manager-words.ts";
import { type HoldableState, includes, mayEnter, SYSTEM_STATES, type SystemState, WAY_UP } from "./states.ts";

describe("a system without holds", () => {
  test("walks up all fifteen states in order, asking before each and telling after it", () => {
    const { run, states } = world();

    run({ type: "start" });

    expect(states).toEqual(WAY_UP);
  });

  test("tells number, previous state and no reason for a step", () => {
    const { run, entered } = world();

    run({ type: "start" });

    expect(entered[0]).toEqual({
      type: "entered",
      state: "CONTEXT_CREATED",
      number: 1,
      previous: undefined,
      reason: undefined,
    });
    expect(entered.at(-1)).toEqual({
      type: "entered",
      state: "OPERATIONAL",
      number: 15,
      previous: "ONE_TIME_UPDATES",
      reason: undefined,
    });
  });

  test("does nothing before it is started, and starts once", () => {
    const { run, states } = world();

    run({ type: "retry" });
    expect(states).toEqual([]);

    run({ type: "start" });
    run({ type: "start" });
    expect(states).toHaveLength(15);
  });
});

describe("a hold", () => {
  test("stops the system before its state, and says who, why and since when", () => {
    const { run, manager, held } = world();
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "no lease yet" }, 7);

    run({ type: "start" }, 9);

    expect(manager.state).toBe("IFACE_COLDPLUG");
    expect(manager.heldBy).toEqual([{ state: "DHCP", by: "dhcp", why: "no lease yet", since: 7 }]);
    expect(held).toEqual([{ type: "held", state: "DHCP", heldBy: manager.heldBy }]);
  });

  test("lets the system go on when it is released", () => {
    const { run, manager } = world();
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "no lease yet" });
    run({ type: "hold", hold: 2, state: "DHCP", by: "static", why: "no address yet" });
    run({ type: "start" });

    run({ type: "release", hold: 1 });
    expect(manager.state).toBe("IFACE_COLDPLUG");

    run({ type: "release", hold: 2 });
    expect(manager.state).toBe("OPERATIONAL");
    expect(manager.heldBy).toEqual([]);
  });

  test("says another why under the same id without beginning anew", () => {
    const { run, manager, held } = world();
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "asking" }, 5);
    run({ type: "start" });

    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "no server answers" }, 60);

    expect(manager.heldBy).toEqual([{ state: "DHCP", by: "dhcp", why: "no server answers", since: 5 }]);
    expect(held.map(({ heldBy }) => heldBy[0]?.why)).toEqual(["asking", "no server answers"]);
  });

  test("tells nothing twice", () => {
    const { run, held } = world();
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "asking" });
    run({ type: "start" });

    run({ type: "hold", hold: 2, state: "TIME_VALID", by: "time", why: "no reply" });
    run({ type: "release", hold: 99 });

    expect(held).toHaveLength(1);
  });

  test("of a state that has been passed leads back to the one before it, with the reason", () => {
    const { run, manager, entered } = world();
    run({ type: "start" });

    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "the lease was lost" });

    expect(manager.state).toBe("IFACE_COLDPLUG");
    expect(entered.at(-1)).toMatchObject({
      state: "IFACE_COLDPLUG",
      previous: "OPERATIONAL",
      reason: "dhcp: the lease was lost",
    });

    run({ type: "release", hold: 1 });
    expect(manager.state).toBe("OPERATIONAL");
  });

  test("of the policy leads back through POLICY_INVALID", () => {
    const { run, manager, states } = world();
    run({ type: "start" });

    run({ type: "hold", hold: 1, state: "POLICY_VALID", by: "policy", why: "withdrawn" });

    expect(states.slice(-3)).toEqual(["OPERATIONAL", "POLICY_INVALID", "CPD_POST_TIME"]);
    expect(manager.state).toBe("CPD_POST_TIME");
  });

  test("lists every hold in the order of the states, then of their age", () => {
    const { run, manager } = world();
    run({ type: "hold", hold: 1, state: "AUTH1", by: "auth", why: "no token" }, 1);
    run({ type: "hold", hold: 2, state: "CPD_PRE_TIME", by: "portal", why: "unknown" }, 3);
    run({ type: "hold", hold: 3, state: "CPD_PRE_TIME", by: "dns", why: "no server" }, 2);
    run({ type: "start" });

    expect(manager.heldBy.map(({ by }) => by)).toEqual(["dns", "portal", "auth"]);
  });
});

describe("a notifier", () => {
  test("that objects holds the step until it is asked again", () => {
    const { run, manager, objections } = world();
    objections.set("AUTH1", [{ by: "login", why: "no token" }]);

    run({ type: "start" }, 4);
    expect(manager.state).toBe("REGISTERED");
    expect(manager.heldBy).toEqual([{ state: "AUTH1", by: "login", why: "no token", since: 4 }]);

    run({ type: "hold", hold: 1, state: "AUTH2", by: "other", why: "later" });
    expect(manager.state).toBe("REGISTERED");

    run({ type: "retry" }, 9);
    expect(manager.heldBy[0]?.since).toBe(4);

    objections.clear();
    run({ type: "retry" });
    expect(manager.state).toBe("AUTH1");
  });

  test("that holds the state while it is asked is heeded", () => {
    const { manager, handle } = world();
    const [, asked] = handle({ type: "start" }) as [unknown, Extract<ManagerOutput, { type: "ask" }>];

    handle({ type: "hold", hold: 1, state: "PRE_PRIV_DROP", by: "me", why: "not yet" });
    const outputs = handle({ type: "answer", step: asked.step, vetoes: [] });

    expect(outputs).toMatchObject([{ type: "held", state: "PRE_PRIV_DROP" }]);
    expect(manager.state).toBe("CONTEXT_CREATED");
  });

  test("that answers an old question is not heard", () => {
    const { manager, handle } = world();
    handle({ type: "start" });

    expect(handle({ type: "answer", step: 99, vetoes: [] })).toEqual([]);
    expect(manager.state).toBe("CONTEXT_CREATED");
  });

  test("that answers after the system went back is not heard", () => {
    const { manager, handle, run, asks } = world();
    run({ type: "hold", hold: 1, state: "OPERATIONAL", by: "app", why: "busy" });
    run({ type: "start" });
    handle({ type: "release", hold: 1 });
    const { step } = asks.at(-1) as { step: number };

    handle({ type: "hold", hold: 2, state: "DHCP", by: "dhcp", why: "gone" });
    handle({ type: "answer", step, vetoes: [] });

    expect(manager.state).toBe("IFACE_COLDPLUG");
  });
});

describe("the target", () => {
  test("is where the system stops", () => {
    const { run, manager } = world();
    run({ type: "target", state: "TIME_VALID" });

    run({ type: "start" });
    expect(manager.state).toBe("TIME_VALID");

    run({ type: "target", state: "OPERATIONAL" });
    expect(manager.state).toBe("OPERATIONAL");
  });

  test("below the present state leads back", () => {
    const { run, manager, entered } = world();
    run({ type: "start" });

    run({ type: "target", state: "DHCP" });

    expect(manager.state).toBe("DHCP");
    expect(manager.target).toBe("DHCP");
    expect(entered.at(-1)?.reason).toBe("The target is now DHCP");
  });

  test("that is reached while a step beyond is asked about is not passed", () => {
    const { manager, handle, run, asks } = world();
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "no lease" });
    run({ type: "start" });
    handle({ type: "release", hold: 1 });
    const { step } = asks.at(-1) as { step: number };

    handle({ type: "target", state: "IFACE_COLDPLUG" });
    handle({ type: "answer", step, vetoes: [] });

    expect(manager.state).toBe("IFACE_COLDPLUG");
  });
});

describe("a modal update", () => {
  test("leaves OPERATIONAL and comes back to it", () => {
    const { run, states } = world();
    run({ type: "start" });

    run({ type: "modal", state: "AWAITING_MODAL_UPDATING", reason: "an image is there" });
    run({ type: "modal", state: "AWAITING_MODAL_UPDATING", reason: "another image is there" });
    run({ type: "modal", state: "MODAL_UPDATING", reason: "writing" });
    run({ type: "resume", reason: "written" });

    expect(states.slice(-4)).toEqual([
      "OPERATIONAL",
      "AWAITING_MODAL_UPDATING",
      "MODAL_UPDATING",
      "OPERATIONAL",
    ]);
  });

  test("comes back below what was lost meanwhile", () => {
    const { run, manager } = world();
    run({ type: "start" });
    run({ type: "modal", state: "AWAITING_MODAL_UPDATING", reason: "an image is there" });
    run({ type: "hold", hold: 1, state: "DHCP", by: "dhcp", why: "gone" });
    expect(manager.state).toBe("AWAITING_MODAL_UPDATING");

    run({ type: "resume", reason: "nothing to do" });

    expect(manager.state).toBe("IFACE_COLDPLUG");
  });

  test("comes back to the target where a hold lies above it", () => {
    const { run, manager } = world();
    run({ type: "start" });
    run({ type: "modal", state: "AWAITING_MODAL_UPDATING", reason: "an image is there" });
    run({ type: "hold", hold: 1, state: "OPERATIONAL", by: "app", why: "busy" });
    run({ type: "target", state: "DHCP" });

    run({ type: "resume", reason: "nothing to do" });

    expect(manager.state).toBe("DHCP");
  });

  test("begins nowhere else, and resuming elsewhere does nothing", () => {
    const { run, manager } = world();
    run({ type: "target", state: "DHCP" });
    run({ type: "start" });

    expect(() => run({ type: "modal", state: "MODAL_UPDATING", reason: "now" })).toThrow(
      "Cannot enter MODAL_UPDATING: DHCP does not lead there",
    );
    run({ type: "resume", reason: "nothing" });
    expect(manager.state).toBe("DHCP");
  });
});

describe("the end", () => {
  test("is reached from every state, and nothing follows", () => {
    for (const state of WAY_UP.slice(1) as HoldableState[]) {
      const { run, states, handle, manager } = world();
      run({ type: "target", state });
      run({ type: "start" });

      run({ type: "destroy", reason: "stopped" });

      expect(states.at(-1)).toBe("CONTEXT_DESTROYING");
      expect(handle({ type: "start" })).toEqual([]);
      expect(manager.deadline).toBe(Number.POSITIVE_INFINITY);
    }
  });
});

test("an input that does not exist is misuse", () => {
  const { handle } = world();

  expect(() => handle({ type: "nonsense" } as never)).toThrow("Cannot handle: unexpected value");
});

describe("the table of states", () => {
  test("numbers them as libwebsockets does, without a gap", () => {
    expect(Object.values(SYSTEM_STATES).map(({ number }) => number)).toEqual(
      Array.from({ length: 19 }, (_, index) => index + 1),
    );
  });

  test("includes what lies below on the way up, and nothing else", () => {
    expect(includes("OPERATIONAL", "TIME_VALID")).toBe(true);
    expect(includes("DHCP", "TIME_VALID")).toBe(false);
    expect(includes("MODAL_UPDATING", "DHCP")).toBe(false);
    expect(includes("MODAL_UPDATING", "MODAL_UPDATING")).toBe(true);
    expect(includes("OPERATIONAL", "POLICY_INVALID")).toBe(false);
  });
});

test("keeps the promises of a machine, and enters nothing that the table does not allow (property)", () => {
  const holdable = WAY_UP.slice(1) as HoldableState[];
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const machines = [new SystemManager(), new SystemManager()] as const;
    const pick = <Value>(values: readonly Value[]): Value =>
      values[Math.floor(random.fraction() * values.length)] as Value;
    let asked = 0;
    let previous: SystemState | undefined;
    for (let now = 0; now < 60; now++) {
      const inputs: readonly ManagerInput[] = [
        { type: "start" },
        { type: "hold", hold: random.uint16() % 4, state: pick(holdable), by: "part", why: "why" },
        { type: "release", hold: random.uint16() % 4 },
        { type: "answer", step: asked, vetoes: random.fraction() < 0.2 ? [{ by: "n", why: "no" }] : [] },
        { type: "answer", step: asked, vetoes: [] },
        { type: "answer", step: asked - 1, vetoes: [] },
        { type: "retry" },
        { type: "target", state: pick(holdable) },
        { type: "target", state: "OPERATIONAL" },
        { type: "resume", reason: "done" },
      ];
      const input = now === 59 ? ({ type: "destroy", reason: "stop" } as const) : pick(inputs);
      const [outputs, same] = machines.map((machine) => machine.handle(input, now));
      expect(outputs).toEqual(same);
      expect(machines[0].handle({ type: "timeout" }, now)).toEqual([]);
      for (const output of outputs ?? []) {
        if (output.type === "ask") asked = output.step;
        if (output.type !== "entered") continue;
        if (previous !== undefined) expect(mayEnter(previous, output.state)).toBe(true);
        expect(output.previous).toBe(previous);
        previous = output.state;
      }
      for (const { state } of machines[0].heldBy) expect(includes(machines[0].state, state)).toBe(false);
    }
  }
});

/** A manager whose questions are answered at once. */
function world() {
  const manager = new SystemManager();
  const objections = new Map<SystemState, readonly Veto[]>();
  const entered: Extract<ManagerOutput, { type: "entered" }>[] = [];
  const held: Extract<ManagerOutput, { type: "held" }>[] = [];
  const asks: Extract<ManagerOutput, { type: "ask" }>[] = [];
  const states: SystemState[] = [];
  const handle = (input: ManagerInput, now = 0): readonly ManagerOutput[] => {
    const outputs = manager.handle(input, now);
    for (const output of outputs) {
      if (output.type === "entered") {
        entered.push(output);
        states.push(output.state);
      } else if (output.type === "held") held.push(output);
      else asks.push(output);
    }
    return outputs;
  };
  const run = (input: ManagerInput, now = 0): void => {
    for (const output of handle(input, now)) {
      if (output.type === "ask") {
        run({ type: "answer", step: output.step, vetoes: objections.get(output.to) ?? [] }, now);
      }
    }
  };
  return { manager, handle, run, objections, entered, held, asks, states };
}
