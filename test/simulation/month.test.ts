import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Gate, SmallFiles, System } from "../../src/context/index.ts";
import {
  createGatePart,
  createSystemOver,
  LinkPart,
  NetworkPart,
  PolicyPart,
  PortalPart,
  TimePart,
} from "../../src/context/system/index.ts";
import { hours, minutes, seconds } from "../../src/lib/millis.ts";
import {
  createSimulation,
  SeededRandom,
  type SimResponse,
  type Simulation,
} from "../../src/testing/index.ts";
import { SimNetwork } from "../system/sim-network.ts";
import { SimTime } from "../system/sim-time.ts";

const DAY = hours(24);
const YEAR = 365.25 * DAY;
const LEASE = hours(1);

const RETRY = {
  patient: { backoff: [1000, 5000, 30_000], conceal: 65_535, jitterpc: 20, svalidping: 60, svalidhup: 75 },
};
const PROBE = {
  endpoint: "probe",
  port: 80,
  protocol: "h1",
  http_method: "GET",
  http_url: "generate_204",
  http_expect: 204,
  http_fail_redirect: true,
};
const FETCH = {
  endpoint: "policies",
  port: 80,
  protocol: "h1",
  http_method: "GET",
  http_url: "device.json",
  retry: "patient",
  timeout_ms: 20_000,
  metadata: { known: "if-none-match" },
};
const NAILED = { endpoint: "broker", port: 80, retry: "patient", nailed_up: true };

/** Policy number `version`: each changes one of the two streams. */
function policyOf(version: number): object {
  return {
    retry: RETRY,
    streams: {
      captive_portal_detect: PROBE,
      fetch_policy: FETCH,
      telemetry: { ...NAILED, protocol: "mqtt", mqtt_topic: `t${version >> 1}`, mqtt_qos: 1 },
      commands: { ...NAILED, protocol: "ws", http_url: `c${(version + 1) >> 1}` },
    },
  };
}

/** A lease: bound after a moment on a link that works, renewed at half its time, lost when no server answers for all of it. */
class Lease {
  readonly part = createGatePart({ name: "dhcp", state: "DHCP", why: "no lease yet" }, (gate) => {
    this.#gate = gate;
    return () => {};
  });
  isServed = true;
  renewals = 0;
  #gate: Gate | undefined;
  #until = 0;
  #round = 0;
  readonly #simulation: Simulation;
  readonly #network: SimNetwork;
  readonly #bound: () => void;

  constructor(simulation: Simulation, network: SimNetwork, bound: () => void) {
    this.#simulation = simulation;
    this.#network = network;
    this.#bound = bound;
  }

  /** The link came up: ask anew. */
  begin(): void {
    this.#round += 1;
    this.#ask(this.#round);
  }

  /** The link is down: what the lease gave is gone. */
  end(why: string): void {
    this.#round += 1;
    if (this.#gate?.isOpen !== true) return;
    this.#network.dropRoutes();
    this.#network.dropAddress("192.0.2.1");
    this.#gate.close(why);
  }

  #ask(round: number): void {
    this.#later(150, () => {
      if (round !== this.#round) return;
      const now = this.#simulation.clock.now();
      if (this.isServed) this.#bind(now);
      else if (this.#gate?.isOpen === true && now >= this.#until) this.end("the lease has ended");
      const isBound = this.#gate?.isOpen === true;
      const wait = isBound ? Math.max(1000, (this.#until - now) / 2) : 8000;
      const next = this.#round;
      this.#later(wait, () => this.#ask(next));
    });
  }

  #bind(now: number): void {
    this.#until = now + LEASE;
    if (this.#gate?.isOpen === true) {
      this.renewals += 1;
      return;
    }
    this.#network.address("192.0.2.1", 2);
    this.#network.defaultRoute("192.0.2.254", 2);
    this.#bound();
    this.#gate?.open();
  }

  #later(span: number, run: () => void): void {
    const { clock } = this.#simulation;
    clock.wake(clock.now() + span, run);
  }
}

interface Month {
  readonly hash: string;
  readonly changes: number;
  readonly operational: number;
  readonly starts: number;
  readonly renewals: number;
  readonly policies: number;
  readonly lost: readonly string[];
  readonly sent: number;
  readonly acknowledged: number;
  readonly timeErrors: number;
}

test("30 days of outages, renewals and policy changes pass, the same trace each time", async () => {
  const began = performance.now();
  const month = await live(1, 30);
  const took = performance.now() - began;
  const again = await live(1, 30);
  const week = await live(2, 7);

  expect(again).toEqual(month);
  for (const { lost, acknowledged, sent, timeErrors } of [month, week]) {
    expect(lost).toEqual([]);
    expect(acknowledged).toBe(sent);
    expect(timeErrors).toBe(0);
  }
  expect(month.starts).toBeGreaterThan(100);
  expect(month.renewals).toBeGreaterThan(1000);
  expect(month.policies).toBeGreaterThan(20);
  expect(month.operational).toBeGreaterThan(0.9 * 30 * DAY);
  expect(took).toBeLessThan(60_000);
}, 200_000);

async function live(seed: number, days: number): Promise<Month> {
  const world = await setUp(seed);
  const { simulation, system, clock } = world;
  plan(world, new SeededRandom(seed), days * DAY);
  const hash = createHash("sha256");
  let changes = 0;
  let operational = 0;
  let starts = 0;
  let since: number | undefined;
  system.on("state", ({ state, previous, reason }) => {
    changes += 1;
    hash.update(`${clock.now()} ${previous} ${state} ${reason}\n`);
    if (since !== undefined) operational += clock.now() - since;
    since = undefined;
    if (state !== "OPERATIONAL") return;
    since = clock.now();
    starts += 1;
  });
  for (const name of ["cpd", "time", "policy", "network"] as const) {
    system.on(name, (event) => hash.update(`${clock.now()} ${name} ${JSON.stringify(event)}\n`));
  }
  await simulation.run(10_000);
  const telemetry = simulation.context.open("telemetry");
  simulation.context.open("commands");
  let sent = 0;
  let acknowledged = 0;
  let timeErrors = 0;
  for (let at = minutes(30); at < days * DAY; at += minutes(30)) {
    await simulation.run(at - clock.now());
    sent += 1;
    telemetry.send(`${at}`).then(() => {
      acknowledged += 1;
    });
    // 50 parts in a million over the longest silence would be 4 s a day; the simulated clock does not drift at all.
    if (world.part.time.isValid && Math.abs(world.part.time.now() - world.time.truth()) > 1000)
      timeErrors += 1;
  }
  await simulation.run(days * DAY + hours(3) - clock.now());
  if (since !== undefined) operational += clock.now() - since;
  const lost = checkEnd(world);
  const { renewals } = world.lease;
  const result = {
    changes,
    operational,
    starts,
    renewals,
    policies: world.policies(),
    lost,
    sent,
    acknowledged,
  };
  await system.stop();
  await simulation.context.close();
  const digest = hash.update(simulation.trace.hash()).digest("hex");
  return { hash: digest, ...result, timeErrors };
}

type World = Awaited<ReturnType<typeof setUp>>;

/** What is wrong at the end, when everything has been well for three hours. */
function checkEnd({ system, simulation }: World): string[] {
  const faults = system.heldBy.map(({ by, why }) => `${by}: ${why}`);
  if (system.state !== "OPERATIONAL") faults.push(system.state);
  for (const { streamtype, state, sending } of simulation.context.inspect().streams) {
    if (state !== "connected" && state !== "qos-ack-remote") faults.push(`${streamtype} is ${state}`);
    if (sending.waiting + sending.inFlight > 0) faults.push(`${streamtype} has not sent everything`);
  }
  return faults;
}

/** What happens in the month: each kind at random moments, each over within two hours. */
function plan(world: World, random: SeededRandom, end: number): void {
  const { network, lease, time, servers, answer, broker, clock } = world;
  const each = (mean: number, begin: () => void, finish: () => void): void => {
    for (let at = random.exponential(mean); at < end - hours(3); at += random.exponential(mean)) {
      const span = Math.min(hours(2), seconds(1) + random.exponential(minutes(5)));
      clock.wake(at, begin);
      clock.wake(at + span, finish);
      at += span;
    }
  };
  each(
    hours(4),
    () => {
      network.link("eth0", 2, { hasCarrier: false });
      lease.end("the link is down");
      broker.refuse({ layer: "tcp", code: "network-unreachable", message: "No route" });
    },
    () => {
      network.link("eth0", 2);
      broker.restore();
      lease.begin();
    },
  );
  each(
    DAY,
    () => {
      lease.isServed = false;
    },
    () => {
      lease.isServed = true;
    },
  );
  each(
    hours(8),
    () => {
      answer.probe = { status: 302, headers: { location: "http://login.test/" } };
      world.part.portal.check();
    },
    () => {
      answer.probe = { status: 204 };
    },
  );
  each(
    hours(12),
    () => {
      for (const server of servers) server.mode = "silent";
    },
    () => {
      for (const server of servers) server.mode = "up";
    },
  );
  each(
    2 * DAY,
    () => {
      for (const server of servers.slice(0, 1)) server.error = 20 * YEAR;
    },
    () => {
      for (const server of servers) server.error = 0;
    },
  );
  each(
    DAY,
    () => {
      answer.isBad = true;
      world.part.policy.refresh();
    },
    () => {
      answer.isBad = false;
      answer.version += 1;
      world.part.policy.refresh();
    },
  );
  each(
    hours(6),
    () => broker.silence(),
    () => broker.restore(),
  );
  // Somebody sets the wall clock, which is not ours to set.
  each(
    3 * DAY,
    () => {
      time.error += hours(1);
    },
    () => {
      time.error -= minutes(59);
    },
  );
}

async function setUp(seed: number) {
  const simulation = (await createSimulation({ policy: policyOf(0), seed, traceLimit: 0 })) as Simulation;
  const { clock, random, context } = simulation;
  const answer = { probe: { status: 204 } as SimResponse, version: 0, isBad: false };
  simulation.peer("probe:80", { http: () => answer.probe });
  simulation.peer("policies:80", {
    http: ({ headers }) => {
      if (answer.isBad) return { payload: '{ "streams": { "telemetry": {} ' };
      const etag = `"v${answer.version}"`;
      if (headers["if-none-match"] === etag) return { status: 304 };
      return { payload: JSON.stringify(policyOf(answer.version)), headers: { etag } };
    },
  });
  const broker = simulation.peer("broker:80");
  const network = new SimNetwork();
  network.link("eth0", 2);
  const time = new SimTime(clock);
  time.isPermitted = false;
  time.error = -10.5 * YEAR;
  const servers = ["192.0.2.11", "192.0.2.12", "192.0.2.13"].map((address) => time.server(address));
  const kept = new Map<string, Uint8Array>();
  const files: SmallFiles = {
    read: async (path) => kept.get(path),
    replace: async (path, bytes) => void kept.set(path, bytes),
    remove: async (path) => void kept.delete(path),
  };
  const text = {
    encode: (value: string) => new TextEncoder().encode(value),
    decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
  };
  const part = {
    time: new TimePart(time, { servers: ["192.0.2.11", "192.0.2.12", "192.0.2.13"] }),
    portal: new PortalPart({ context }),
    policy: new PolicyPart({ clock, random, text, files }, { context, store: "policy.json" }),
  };
  const lease = new Lease(simulation, network, () => part.portal.network());
  lease.begin();
  const contexts = [
    {
      abandon: (isGone: Parameters<typeof context.abandon>[0]) =>
        context.abandon(({ local }) => isGone({ local, remote: "203.0.113.9" })),
      retryNow: () => context.retryNow(),
    },
  ];
  const parts = [
    new LinkPart(network, { interfaces: ["eth0"] }),
    lease.part,
    part.portal,
    part.time,
    part.policy,
    new NetworkPart(network, { contexts }),
  ];
  const raise = (error: unknown): never => {
    throw error;
  };
  const system: System = createSystemOver({ clock, random, raise }, { parts });
  let policies = 0;
  system.on("policy", ({ type }) => {
    if (type === "applied") policies += 1;
  });
  const world = { simulation, clock, system, network, lease, time, servers, answer, broker, part };
  return { ...world, policies: () => policies };
}
