import { describe, expect, test } from "vitest";
import { SimNetwork } from "../../test/system/sim-network.ts";
import { MESSAGE_CLASSES } from "../system/index.ts";
import { createSimulation } from "../testing/index.ts";
import { NetworkPart, type NetworkPartOptions } from "./network-part.ts";
import { createSystemOver } from "./system.ts";
import type { NetworkChangedEvent } from "./system-events.ts";

const RETRY = { slow: { backoff: [60_000], conceal: 65_535, jitterpc: 0, svalidping: 0, svalidhup: 0 } };
const STREAM = { port: 80, protocol: "ws", retry: "slow", nailed_up: true };
const POLICY = {
  retry: RETRY,
  streams: { far: { ...STREAM, endpoint: "203.0.113.5" }, name: { ...STREAM, endpoint: "peer" } },
} as const;
/** Where the simulation's connections come from. */
const HERE = "192.0.2.1";

describe("a change of the network", () => {
  test("breaks the connections whose address is gone, which try again at once; others stay", async () => {
    await using world = await setUp();
    const far = world.context.open("far");
    const name = world.context.open("name");
    await world.run(100);

    world.network.dropAddress(HERE);
    await world.run(10);

    expect(world.events).toEqual([
      { route: undefined, isDefaultRoute: false, broken: { "address-gone": 1 } },
    ]);
    expect(world.trace.states(far)).toEqual([
      ...["creating", "connecting", "connected", "disconnected", "connecting", "connected"],
    ]);
    expect(world.trace.states(name)).toEqual(["creating", "connecting", "connected"]);
  });

  test("breaks those whose route is gone, and lets who waits try when it is back", async () => {
    await using world = await setUp();
    const far = world.context.open("far");
    await world.run(100);
    world.far.refuse({ layer: "tcp", code: "network-unreachable", message: "No route" });
    await world.run(10);
    expect(far.state).toBe("disconnected");

    world.network.dropRoutes();
    world.far.restore();
    await world.run(1000);
    expect(far.state).toBe("disconnected");
    world.network.defaultRoute("192.0.2.254", 2);
    await world.run(10);

    expect(far.isConnected).toBe(true);
    expect(world.events.map(({ route, isDefaultRoute }) => [route, isDefaultRoute])).toEqual([
      ["del", true],
      ["add", true],
    ]);
  });

  test("is told on the bus, and a new default route asks for a look at the network", async () => {
    await using world = await setUp();
    await world.run(0);

    world.network.dropRoutes();
    world.network.defaultRoute("192.0.2.254", 2);
    world.network.address("192.0.2.77", 2);
    await world.run(0);

    expect(world.bus).toEqual(['{"rt":"del"}', '{"rt":"add"}', '{"trigger":"cpdcheck","src":"gw-change"}']);
    expect(world.changed()).toBe(1);
  });

  test("is told to who may ask again when there is a new way, and not when one is gone", async () => {
    let told = 0;
    await using world = await setUp({ hasMore: () => told++ });
    await world.run(0);

    world.network.dropRoutes();
    world.network.dropAddress(HERE);
    expect(told).toBe(0);
    world.network.address("192.0.2.77", 2);
    world.network.defaultRoute("192.0.2.254", 2);
    expect(told).toBe(2);
  });

  test("only advises where it is told to", async () => {
    await using world = await setUp({ breaks: false });
    const far = world.context.open("far");
    await world.run(100);

    world.network.dropRoutes();
    world.network.dropAddress(HERE);
    await world.run(100);

    expect(world.trace.states(far)).toEqual(["creating", "connecting", "connected"]);
    expect(world.events).toEqual([{ route: "del", isDefaultRoute: true, broken: {} }]);
  });

  test("is not watched for any more when the system has ended, and needs nobody who cares", async () => {
    await using world = await setUp({ defaultRouteChanged: undefined });
    world.network.defaultRoute("192.0.2.253", 2);

    await world.system.stop();

    expect(world.network.listeners).toBe(0);
    expect(world.changed()).toBe(0);
  });
});

async function setUp(
  options: { readonly [Key in keyof NetworkPartOptions]?: NetworkPartOptions[Key] | undefined } = {},
) {
  const simulation = await createSimulation({ policy: POLICY });
  const far = simulation.peer("203.0.113.5:80");
  simulation.peer("peer:80");
  const network = new SimNetwork();
  network.link("eth0", 2);
  network.address(HERE, 2);
  network.defaultRoute("192.0.2.254", 2);
  const { clock, random, context } = simulation;
  let changes = 0;
  const defaultRouteChanged = (): void => {
    changes += 1;
  };
  const part = new NetworkPart(network, {
    contexts: [
      {
        // The simulation names its peers with their port.
        abandon: (isGone) =>
          context.abandon(({ local, remote }) => isGone({ local, remote: remote.replace(/:\d+$/, "") })),
        retryNow: () => context.retryNow(),
      },
    ],
    defaultRouteChanged,
    ...options,
  } as NetworkPartOptions);
  const raise = (error: unknown): never => {
    throw error;
  };
  const system = createSystemOver({ clock, random, raise }, { parts: [part] });
  const events: NetworkChangedEvent[] = [];
  system.on("network", (event) => events.push(event));
  const bus: string[] = [];
  system.bus.register({ classes: MESSAGE_CLASSES.network, message: ({ text }) => bus.push(text) });
  return Object.assign(simulation, { far, network, system, events, bus, changed: () => changes });
}
