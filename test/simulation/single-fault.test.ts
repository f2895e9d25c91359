import { expect, test } from "vitest";
import { type Context, DESTROY_ME, DISCONNECT_ME, type Stream, type Verdict } from "../../src/index.ts";
import { createSimulation, type Simulation } from "../../src/testing/index.ts";

/** Everything a program may do from inside an event of its own stream. */
const FAULTS: Readonly<Record<string, (stream: Stream, context: Context) => unknown>> = {
  "throws an error": () => {
    throw new Error("a fault of the program");
  },
  "closes the stream": (stream) => stream.close(),
  "closes the context": (_, context) => void context.close(),
  "hangs up": (stream) => stream.disconnect(),
  "answers DISCONNECT_ME": () => DISCONNECT_ME,
  "answers DESTROY_ME": () => DESTROY_ME,
  connects: (stream) => void (stream.state === "destroying" || stream.connect()),
  "asks for more": ask,
  "starts the timeout": (stream) => stream.timeout(1),
  "sets metadata": (stream) => stream.setMetadata({ name: "other" }),
  "moves the peer": (_, context) => context.overlay({ streams: { one: { port: 81 } } }),
  "changes the protocol": (stream, context) =>
    context.overlay({ streams: { one: { protocol: stream.isTransactional ? "ws" : "h1" } } }),
  "replaces the policy": (_, context) =>
    void context.replacePolicy({ streams: { two: { endpoint: "peer" } } }),
};

const STATES = [
  ...["creating", "poll", "connecting", "connected", "qos-ack-remote", "qos-nack-remote", "disconnected"],
  ...["unreachable", "auth-failed", "all-retries-failed", "timeout", "destroying"],
];

const PROTOCOLS = {
  h1: {},
  h2: {},
  ws: {},
  mqtt: { mqtt_topic: "t", mqtt_qos: 1 },
  raw: {},
};

const KINDS = [{ nailed_up: true }, { opportunistic: true }, {}];

test.each(Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[])(
  "%s: whatever the program does in whichever state, nothing is left and no other stream notices",
  async (protocol) => {
    const seen = new Set<string>();
    for (const kind of KINDS) {
      for (const state of STATES) {
        for (const fault of Object.keys(FAULTS)) {
          const where = `${protocol} ${JSON.stringify(kind)} ${fault} in ${state}`;
          const told = await live({ protocol, ...kind, ...PROTOCOLS[protocol] }, state, fault);
          for (const each of told.states) seen.add(each);
          expect(pairing(told.states), where).toBe("");
          expect(told.states.filter((each) => each === "destroying").length, where).toBe(1);
          expect(told.states.at(-1), where).toBe("destroying");
          expect(told.raised, where).toEqual(told.hasThrown ? ["a fault of the program"] : []);
          expect(told.strange, where).toEqual([]);
          expect(told.left, where).toEqual({ streams: [], connections: [] });
          expect(told.timers, where).toBe(0);
          if (!/context|policy/.test(fault)) expect(told.neighbour, where).toBe("steady");
        }
      }
    }
    expect([...seen].sort()).toEqual([...STATES].sort());
  },
  60_000,
);

/** One stream through success, refusal, a slammed door, an outage and silence, with one fault of the program. */
async function live(keys: object, state: string, fault: string) {
  const simulation = await createSimulation({
    policy: {
      retry: { some: { backoff: [1000, 2000], conceal: 3, jitterpc: 10, svalidping: 5, svalidhup: 10 } },
      streams: {
        one: { endpoint: "peer", port: 80, retry: "some", metadata: { name: "x-name" }, ...keys },
        neighbour: { endpoint: "neighbour", port: 80, protocol: "ws", retry: "some", nailed_up: true },
      },
    } as object,
  });
  let isRefusing = false;
  const peer = simulation.peer("peer:80", {
    http: () => ({ status: isRefusing ? 404 : 200, payload: "x" }),
    message: () => (isRefusing ? "refuse" : "acknowledge"),
  });
  simulation.peer("peer:81");
  simulation.peer("neighbour:80");
  const strange: unknown[] = [];
  const states: string[] = [];
  let hasFailed = false;
  const context = simulation.context as unknown as Context;
  const neighbour = context.open("neighbour");
  const stream = context.open("one", {
    rx: () => undefined,
    state: (event, own) => {
      states.push(event.state);
      if (event.state !== state || hasFailed) return undefined;
      hasFailed = true;
      return FAULTS[fault]?.(own, context) as Verdict;
    },
  });
  const raised: string[] = [];
  const pass = async (span: number): Promise<void> => {
    await simulation.clock.run(span);
    for (const error of simulation.takeRaised()) raised.push((error as Error).message);
  };

  work(stream, strange);
  await pass(3000);
  isRefusing = true;
  work(stream, strange);
  await pass(3000);
  isRefusing = false;
  peer.slam();
  work(stream, strange);
  await pass(5000);
  peer.refuse({ layer: "mqtt", code: "mqtt-auth-failed", message: "Who are you" });
  work(stream, strange);
  await pass(3000);
  peer.refuse();
  await pass(20_000);
  peer.restore();
  if (stream.state !== "destroying") stream.connect();
  work(stream, strange);
  await pass(5000);
  stream.timeout(10);
  peer.silence();
  work(stream, strange);
  await pass(20_000);
  peer.restore();
  await pass(30_000);
  const steady = simulation.trace.states(neighbour).join(" ") === "creating connecting connected";
  stream.close();
  await closed(simulation, pass);
  return {
    states,
    raised,
    strange,
    hasThrown: hasFailed && fault === "throws an error",
    neighbour: steady ? "steady" : simulation.trace.states(neighbour).join(" "),
    left: context.inspect(),
    timers: simulation.clock.pending,
  };
}

async function closed(simulation: Simulation, pass: (span: number) => Promise<void>): Promise<void> {
  const closing = simulation.context.close();
  await pass(5000);
  await closing;
}

function ask(stream: Stream): void {
  work(stream, []);
}

/** Sends or asks for something; what goes wrong must be a failure of this library's, with a code. */
function work(stream: Stream, strange: unknown[]): void {
  const doubt = (error: unknown): void => {
    if (!(error instanceof Error && "code" in error && "layer" in error)) strange.push(error);
  };
  if (stream.isTransactional)
    void stream
      .request()
      .then((reply) => reply.text(), doubt)
      .catch(doubt);
  else stream.send("x").catch(doubt);
}

/** What is wrong with the order of connected and disconnected; empty where each has its other. */
function pairing(states: readonly string[]): string {
  let isOpen = false;
  for (const [index, state] of states.entries()) {
    const here = states.slice(0, index + 1).join(" ");
    if (state === "connected") {
      if (isOpen) return here;
      isOpen = true;
    } else if (state === "disconnected") {
      if (!isOpen) return here;
      isOpen = false;
    } else if (isOpen && /^(connecting|unreachable|auth-failed|destroying)$/.test(state)) return here;
  }
  return isOpen ? states.join(" ") : "";
}
