import { describe, expect, test } from "vitest";
import { createSimulation } from "../testing/index.ts";

const COMMON = { endpoint: "peer", port: 80, retry: "slow", nailed_up: true };
const POLICY = {
  retry: { slow: { backoff: [60_000], conceal: 0, jitterpc: 0 } },
  streams: {
    here: { ...COMMON, protocol: "ws" },
    there: { ...COMMON, protocol: "ws", endpoint: "elsewhere" },
    patient: { ...COMMON, protocol: "ws", retry: "patient" },
  },
} as const;
const PATIENT = { ...POLICY.retry, patient: { backoff: [60_000], conceal: 65_535, jitterpc: 0 } };

describe("a connection whose path is gone", () => {
  test("is broken and made anew at once, and no retry is used up", async () => {
    await using world = await setUp();
    const stream = world.context.open("here");
    await world.run(100);

    const broken = world.context.abandon(({ remote }) => remote === "peer:80");
    await world.run(100);

    expect(broken).toBe(1);
    expect(stream.isConnected).toBe(true);
    expect(world.trace.states()).toEqual([
      ...["creating", "connecting", "connected", "disconnected", "connecting", "connected"],
    ]);
    const told = world.trace.entries.find(({ state }) => state === "disconnected");
    expect([told?.reason?.code, told?.retryIn]).toEqual(["network-changed", 0]);
  });

  test("takes no other with it", async () => {
    await using world = await setUp();
    world.context.open("here");
    world.context.open("there");
    await world.run(100);

    world.context.abandon(({ remote }) => remote === "peer:80");
    await world.run(100);

    expect(world.elsewhere.attempts).toHaveLength(1);
    expect(world.server.attempts).toHaveLength(2);
  });
});

describe("retryNow()", () => {
  test("ends the wait for the next try", async () => {
    await using world = await setUp();
    world.server.refuse();
    const stream = world.context.open("patient");
    await world.run(1000);
    world.server.restore();
    world.context.retryNow();
    await world.run(100);

    expect(stream.isConnected).toBe(true);
    expect(world.server.attempts).toHaveLength(2);
  });

  test("leaves alone what is connected, and what rests", async () => {
    await using world = await setUp();
    world.context.open("there");
    world.server.refuse();
    world.context.open("here");
    await world.run(1000);
    world.context.retryNow();
    await world.run(1000);

    expect(world.elsewhere.attempts).toHaveLength(1);
    expect(world.server.attempts).toHaveLength(1);
  });
});

async function setUp() {
  const simulation = await createSimulation({ policy: { ...POLICY, retry: PATIENT } });
  const server = simulation.peer("peer:80");
  const elsewhere = simulation.peer("elsewhere:80");
  return Object.assign(simulation, { server, elsewhere });
}
