import { describe, expect, test } from "vitest";
import { SimNetwork } from "../../test/system/sim-network.ts";
import { MESSAGE_CLASSES, WAY_UP } from "../system/index.ts";
import { SeededRandom, SimClock } from "../testing/index.ts";
import { LinkPart } from "./link-part.ts";
import { createSystemOver, type System, type SystemOptions } from "./system.ts";
import { createGatePart, type Gate } from "./system-part.ts";

describe("a system without parts", () => {
  test("is OPERATIONAL in the next turn, and tells every state on the way, on the bus too", async () => {
    const { system, clock, states } = world();
    const heard: string[] = [];
    system.bus.register({
      classes: MESSAGE_CLASSES["system-state"],
      message: ({ text }) => heard.push(text),
    });
    expect(system.state).toBe("CONTEXT_CREATED");

    await clock.run(0);

    expect(system.state).toBe("OPERATIONAL");
    expect(states).toEqual(WAY_UP);
    expect(heard).toEqual(WAY_UP.map((state) => `{"state":"${state}"}`));
    expect(clock.pending).toBe(0);
  });

  test("goes no further than its target", async () => {
    const { system, clock } = world({ target: "TIME_VALID" });
    await clock.run(0);
    expect(system.state).toBe("TIME_VALID");

    system.setTarget("OPERATIONAL");
    expect(system.state).toBe("OPERATIONAL");
  });
});

describe("a part", () => {
  test("holds its state until it is up, and takes the system back when it goes down", async () => {
    const { system, clock, states, gate } = withGate();
    await clock.run(50);
    expect(system.state).toBe("IFACE_COLDPLUG");
    expect(system.heldBy).toEqual([{ state: "DHCP", by: "dhcp", why: "no lease yet", since: 0 }]);
    expect(gate.isOpen).toBe(false);

    gate.open();
    expect(system.state).toBe("OPERATIONAL");
    expect(gate.isOpen).toBe(true);

    await clock.run(50);
    gate.close("the lease was lost");
    expect(system.state).toBe("IFACE_COLDPLUG");
    expect(system.heldBy[0]).toEqual({ state: "DHCP", by: "dhcp", why: "the lease was lost", since: 100 });
    expect(states.at(-1)).toBe("IFACE_COLDPLUG");

    gate.close("no server answers");
    expect(system.heldBy[0]).toMatchObject({ why: "no server answers", since: 100 });
  });

  test("that is not in use holds nothing", async () => {
    const part = createGatePart({ name: "idle", state: "DHCP", why: "never" }, (gate) => {
      gate.open();
      return undefined;
    });
    const { system, clock } = world({ parts: [part] });

    await clock.run(0);
    await system.stop();

    expect(system.state).toBe("CONTEXT_DESTROYING");
  });

  test("is ended with the system, the last one first, even where one fails", async () => {
    const ended: string[] = [];
    const part = (name: string) =>
      createGatePart({ name, state: "DHCP", why: "never" }, () => async () => {
        ended.push(name);
        if (name === "b") throw new Error("broken");
      });
    const { system, clock, raised } = world({ parts: ["a", "b", "c"].map(part) });
    await clock.run(0);

    await Promise.all([system.stop(), system.stop()]);

    expect(ended).toEqual(["c", "b", "a"]);
    expect(raised).toEqual([new Error("broken")]);
  });

  test("tells what holds the next state, and the log hears it", async () => {
    const lines: string[] = [];
    const log = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
    const logger = { trace: log, debug: log, info: log, warn: log, error: log };
    const { system, clock } = withGate({ logger });
    const held: string[] = [];
    system.on("held", ({ state, heldBy }) => held.push(`${state}: ${heldBy.map(({ why }) => why).join()}`));

    await clock.run(0);

    expect(held).toEqual(["DHCP: no lease yet"]);
    expect(lines.at(-1)).toContain('system.held {"state":"DHCP"');
  });
});

describe("a hold of the program", () => {
  test("is made before the first step, and let go", async () => {
    const { system, clock } = world();
    const release = system.hold("REGISTERED", "app", "not registered yet");
    await clock.run(0);
    expect(system.state).toBe("POLICY_VALID");
    expect(system.heldBy).toMatchObject([{ state: "REGISTERED", by: "app" }]);

    release();
    release();

    expect(system.state).toBe("OPERATIONAL");
  });

  test("may come from a listener to the state before", async () => {
    const { system, clock } = world();
    const releases: (() => void)[] = [];
    system.on("state", ({ state }) => {
      if (state === "REGISTERED") releases.push(system.hold("AUTH1", "app", "no token"));
    });

    await clock.run(0);

    expect(system.state).toBe("REGISTERED");
    for (const release of releases) release();
    expect(system.state).toBe("OPERATIONAL");
  });

  test("that goes back and comes again from inside a listener does not lose a step", async () => {
    const { system, clock, states } = world();
    let count = 0;
    system.on("state", ({ state }) => {
      if (state !== "AUTH2" || ++count > 3) return;
      system.hold("DHCP", "app", "again")();
    });

    await clock.run(0);

    expect(system.state).toBe("OPERATIONAL");
    expect(states.filter((state) => state === "AUTH2")).toHaveLength(4);
    expect(states.filter((state) => state === "IFACE_COLDPLUG")).toHaveLength(4);
  });
});

describe("a notifier", () => {
  test("is asked before each step, the latest first, and told after it", async () => {
    const { system, clock } = world({ target: "PRE_PRIV_DROP" });
    const calls: string[] = [];
    for (const name of ["a", "b"]) {
      system.notify({
        name,
        ask: (from, to) => {
          calls.push(`${name} asked ${from} ${to}`);
          return undefined;
        },
        told: ({ state }) => {
          calls.push(`${name} told ${state}`);
        },
      });
    }

    await clock.run(0);

    expect(calls).toEqual([
      "a told CONTEXT_CREATED",
      "b told CONTEXT_CREATED",
      "b asked CONTEXT_CREATED PRE_PRIV_DROP",
      "a asked CONTEXT_CREATED PRE_PRIV_DROP",
      "a told PRE_PRIV_DROP",
      "b told PRE_PRIV_DROP",
    ]);
  });

  test("that objects is listed, and asked again on retry, or gone when it leaves", async () => {
    const { system, clock } = world();
    let isReady = false;
    system.notify({ name: "login", ask: (_, to) => (to === "AUTH1" && !isReady ? "no token" : undefined) });
    const leave = system.notify({ name: "never", ask: (_, to) => (to === "AUTH2" ? "no" : undefined) });
    await clock.run(0);
    expect(system.heldBy).toEqual([{ state: "AUTH1", by: "login", why: "no token", since: 0 }]);

    isReady = true;
    system.retry();
    expect(system.state).toBe("AUTH1");

    leave();
    expect(system.state).toBe("OPERATIONAL");
  });

  test("that fails has not said yes, and a listener that fails stops nobody", async () => {
    const { system, clock, raised, states } = world();
    system.notify({
      name: "broken",
      ask: (_, to) => {
        if (to === "DHCP") throw new Error("ask");
        return undefined;
      },
      told: ({ state }) => {
        if (state === "INITIALIZED") throw new Error("told");
      },
    });
    system.notify({ name: "silent" });
    system.on("state", ({ state }) => {
      if (state === "PRE_PRIV_DROP") throw new Error("heard");
    });

    await clock.run(0);

    expect(raised).toEqual([new Error("heard"), new Error("told"), new Error("ask")]);
    expect(system.heldBy).toMatchObject([{ state: "DHCP", by: "broken", why: "it failed" }]);
    expect(states).toContain("IFACE_COLDPLUG");
  });
});

describe("reached()", () => {
  test("resolves when the state is entered, or passed, or has been", async () => {
    const { system, clock, gate } = withGate();
    const waits = [
      system.reached("IFACE_COLDPLUG"),
      system.reached("TIME_VALID"),
      system.reached("OPERATIONAL"),
    ];
    await clock.run(0);
    await waits[0];
    gate.open();

    await Promise.all(waits);

    await system.reached("DHCP");
  });

  test("rejects with the signal's reason", async () => {
    const { system, clock } = withGate();
    const controller = new AbortController();
    const waiting = system
      .reached("OPERATIONAL", { signal: controller.signal })
      .catch((error: unknown) => error);
    await clock.run(10);

    controller.abort(new Error("enough"));

    expect(await waiting).toEqual(new Error("enough"));
    await expect(system.reached("OPERATIONAL", { signal: controller.signal })).rejects.toThrow("enough");
  });

  test("forgets the signal once it is settled", async () => {
    const { system, clock } = world();
    const controller = new AbortController();
    const waiting = system.reached("OPERATIONAL", { signal: controller.signal });
    await clock.run(0);
    await waiting;

    controller.abort();

    expect(system.state).toBe("OPERATIONAL");
  });

  test("rejects when the system is stopped first, and after that", async () => {
    const { system, clock } = withGate();
    const waiting = system.reached("OPERATIONAL").catch((error: unknown) => error);
    await clock.run(0);

    await system.stop();

    expect(await waiting).toMatchObject({ code: "closed", layer: "system" });
    await expect(system.reached("OPERATIONAL")).rejects.toMatchObject({ code: "closed" });
    await expect(system.reached("CONTEXT_DESTROYING")).resolves.toBeUndefined();
  });

  test("hears of states beside the way up", async () => {
    const { system, clock } = world();
    await clock.run(0);
    const waiting = system.reached("MODAL_UPDATING");
    system.enterModal("AWAITING_MODAL_UPDATING", "an image is there");
    system.enterModal("MODAL_UPDATING", "it is written");

    await waiting;
    system.leaveModal("it is done");

    expect(system.state).toBe("OPERATIONAL");
  });
});

describe("the end", () => {
  test("is told, stops before the first step too, and can be awaited with `using`", async () => {
    const { system, clock, states } = world();
    await system.stop();
    await clock.run(0);
    expect(states).toEqual(["CONTEXT_DESTROYING"]);

    const later = world();
    {
      await using running = later.system;
      await later.clock.run(0);
      expect(running.state).toBe("OPERATIONAL");
    }
    expect(later.system.state).toBe("CONTEXT_DESTROYING");
    expect(later.clock.pending).toBeLessThanOrEqual(1);
  });
});

describe("the link", () => {
  test("holds IFACE_COLDPLUG until an interface is up and has a carrier, and again when it has none", async () => {
    const network = new SimNetwork();
    network.link("lo", 1);
    network.link("eth0", 2, { isUp: false, hasCarrier: false });
    const { system, clock } = world({
      parts: [new LinkPart(network, { interfaces: ["eth0", "wlan0"], bringUp: true })],
    });
    await clock.run(0);
    expect(system.heldBy).toMatchObject([
      { state: "IFACE_COLDPLUG", by: "link", why: "eth0, wlan0: not up, or no carrier" },
    ]);
    expect(network.broughtUp).toEqual([2]);

    network.link("eth0", 2, { isUp: true, hasCarrier: false });
    expect(system.state).toBe("COLLECTING_STDIN");
    network.link("eth0", 2);
    expect(system.state).toBe("OPERATIONAL");

    network.link("wlan0", 3);
    network.link("eth0", 2, { hasCarrier: false });
    expect(system.state).toBe("OPERATIONAL");
    network.unplug(3);
    expect(system.state).toBe("COLLECTING_STDIN");
    expect(system.heldBy[0]?.why).toBe("eth0, wlan0: no carrier any more");

    await system.stop();
    expect(network.listeners).toBe(0);
  });

  test("that is up already holds nothing, and is left as it is", async () => {
    const network = new SimNetwork();
    network.link("eth0", 2);
    const { system, clock } = world({ parts: [new LinkPart(network, { interfaces: ["eth0"] })] });

    await clock.run(0);

    expect(system.state).toBe("OPERATIONAL");
    expect(network.broughtUp).toEqual([]);
  });
});

function world(options: SystemOptions = {}) {
  const clock = new SimClock();
  const raised: unknown[] = [];
  const random = new SeededRandom(1);
  const system: System = createSystemOver({ clock, random, raise: (error) => raised.push(error) }, options);
  const states: string[] = [];
  system.on("state", ({ state }) => states.push(state));
  return { system, clock, raised, states };
}

function withGate(options: SystemOptions = {}) {
  const gates: Gate[] = [];
  const part = createGatePart({ name: "dhcp", state: "DHCP", why: "no lease yet" }, (gate) => {
    gates.push(gate);
    return () => {};
  });
  const made = world({ ...options, parts: [part] });
  return { ...made, gate: gates[0] ?? expect.fail() };
}
