import {
  type Context,
  type ContextOptions,
  createContextOver,
  type Diagnostics,
  type PolicySource,
  type Ports,
  type StateEvent,
} from "../context/index.ts";
import { encodeUtf8 } from "../lib/bytes.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import { SeededRandom } from "./seeded.ts";
import { SimClock } from "./sim-clock.ts";
import type { PeerOptions, SimPeer } from "./sim-peer.ts";
import { SimTransport } from "./sim-transport.ts";
import { Trace } from "./trace.ts";

export interface SimulationOptions<P = PolicySource> extends ContextOptions<P> {
  /** Decides all randomness. The same seed gives the same trace. Default: 1. */
  readonly seed?: number;
  /** Changes of state that the trace keeps. Default: 100 000. */
  readonly traceLimit?: number;
  /** Policies that can be read by path or URL. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A context in a world of its own: its clock, its network, its randomness. */
export class Simulation<P = unknown> {
  readonly clock: SimClock;
  readonly context: Context<P>;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly #transport: SimTransport;
  readonly #raised: unknown[];

  /** @internal Use `createSimulation()`. */
  constructor(world: World, context: Context<P>) {
    this.clock = world.clock;
    this.random = world.random;
    this.trace = world.trace;
    this.#transport = world.transport;
    this.#raised = world.raised;
    this.context = context;
  }

  /** Puts a peer at `host:port`, or at the path of a Unix socket. Where there is none, names do not resolve. */
  peer(name: string, options?: PeerOptions): SimPeer {
    return this.#transport.peer(name, options);
  }

  /** Moves on by `span`, promises settling on the way. Throws what a listener of the program threw. */
  async run(span: Millis): Promise<void> {
    await this.clock.run(span);
    this.#surface();
  }

  /** Moves on until `promise` settles, and gives its outcome. Rejects where nothing is planned that could settle it. */
  async until<Value>(promise: Promise<Value>, limit?: Millis): Promise<Value> {
    const value = await this.clock.until(promise, limit);
    this.#surface();
    return value;
  }

  /** What listeners of the program threw; in a real process each is an uncaught exception. */
  takeRaised(): unknown[] {
    return this.#raised.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }

  #surface(): void {
    const [first] = this.takeRaised();
    if (first !== undefined) throw first;
  }
}

/** A context over a simulated clock and network: three days of outage pass in a millisecond. */
export async function createSimulation<const P>(options: SimulationOptions<P>): Promise<Simulation<P>> {
  const { seed = 1, traceLimit = 100_000, files = {}, ...rest } = options;
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const world: World = {
    clock,
    random,
    transport: new SimTransport(clock),
    trace: new Trace(traceLimit),
    raised: [],
  };
  const context = await createContextOver<P>(portsOf(world, files), rest as unknown as ContextOptions<P>);
  return new Simulation(world, context);
}

interface World {
  readonly clock: SimClock;
  readonly random: SeededRandom;
  readonly transport: SimTransport;
  readonly trace: Trace;
  readonly raised: unknown[];
}

function portsOf(world: World, files: Readonly<Record<string, string>>): Ports {
  const { clock, random, transport, trace, raised } = world;
  const diagnostics: Diagnostics = {
    hasSubscribers: (channel) => channel === "secure-streams:state",
    publish: (channel, message) => {
      if (channel === "secure-streams:state") {
        trace.add({ at: clock.now(), ...(message as StateEvent & { readonly stream: number }) });
      }
    },
  };
  return {
    clock,
    random,
    diagnostics,
    transport: () => transport,
    readPolicy: (location) => {
      const text = files[location];
      return text === undefined ? Promise.reject(unreadable(location)) : Promise.resolve(text);
    },
    connections: () => transport.inspect(),
    abandon: (isGone) => transport.abandon(isGone),
    close: () => transport.close(),
    text: { encode: encodeUtf8, decode: (bytes) => new TextDecoder().decode(bytes) },
    raise: (error) => raised.push(error),
  };
}

function unreadable(location: string): SecureStreamsError {
  const message = `Cannot read the policy "${location}": the simulation has no such file`;
  return new SecureStreamsError({ layer: "policy", code: "policy-unreadable", message });
}
