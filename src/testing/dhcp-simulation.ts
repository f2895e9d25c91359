import { DhcpClient } from "../context/dhcp/index.ts";
import type { DhcpClientOptions, SmallFiles } from "../context/index.ts";
import type { Ipv4 } from "../dhcp/index.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import { SeededRandom } from "./seeded.ts";
import { SimClock } from "./sim-clock.ts";
import { SimDhcpServer, type SimDhcpServerOptions } from "./sim-dhcp-server.ts";
import { SimDhcpStation } from "./sim-dhcp-station.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimProcess } from "./sim-process.ts";
import { SimHost, SimSegment, type SimSegmentOptions } from "./sim-segment.ts";

export interface DhcpSimulationOptions {
  /** Decides all randomness. Default: 1. */
  readonly seed?: number;
}

/** A machine with interfaces, segments with DHCP servers, and a clock that moves only when it is told to. */
export class DhcpSimulation {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  /** Lease files and resolv.conf by path. */
  readonly files = new Map<string, Uint8Array>();
  /** Paths that can be neither read nor written. */
  readonly lockedFiles = new Set<string>();
  /** What was published on "secure-streams:dhcp". */
  readonly published: object[] = [];
  readonly #processes = new WeakMap<DhcpClient, SimProcess>();
  readonly #sleepers = new Set<(slept: Millis) => void>();
  readonly #raised: unknown[] = [];
  #stations = 0;

  /** @internal Use `createDhcpSimulation()`. */
  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock);
  }

  segment(options?: SimSegmentOptions): SimSegment {
    return new SimSegment(this.clock, this.random, options);
  }

  /** Puts a DHCP server on a segment; `delay` is what it takes to answer, in ms. */
  server(segment: SimSegment, options?: SimDhcpServerOptions & { readonly delay?: Millis }): SimDhcpServer {
    const server = new SimDhcpServer(options);
    const { clock } = this;
    const parts = { clock, segment, hardwareAddress: this.#hardwareAddress(), delay: options?.delay ?? 0 };
    segment.plug(new SimDhcpStation(server, parts));
    return server;
  }

  /** Puts a host on a segment that has an address already; returns the way to unplug it. */
  host(segment: SimSegment, address: Ipv4): () => void {
    return segment.plug(new SimHost(address, this.#hardwareAddress()));
  }

  /** What `createDhcpClient()` makes, on this machine. */
  client(options: DhcpClientOptions): DhcpClient {
    const process = new SimProcess(this.clock, this.network);
    const { clock, network } = process;
    const client = new DhcpClient(
      {
        ...{ clock, network, random: this.random },
        files: this.#smallFiles(),
        suspend: {
          watch: (woke) => {
            this.#sleepers.add(woke);
            return process.closedAtEnd(() => void this.#sleepers.delete(woke));
          },
        },
        diagnostics: { hasSubscribers: () => true, publish: (event) => this.published.push(event) },
        raise: (error) => void this.#raised.push(error),
      },
      options,
    );
    this.#processes.set(client, process);
    return client;
  }

  /** The process of a client ends as by SIGKILL: what it configured stays. */
  kill(client: DhcpClient): void {
    this.#processes.get(client)?.kill();
  }

  /** The machine sleeps: the wall clock goes on, the monotonic one stands still. */
  sleep(span: Millis): void {
    this.clock.jumpWall(span);
    for (const woke of [...this.#sleepers]) woke(span);
  }

  /** Moves on by `span`, promises settling on the way. Throws what a listener of the program threw. */
  async run(span: Millis): Promise<void> {
    await this.clock.run(span);
    this.#surface();
  }

  /** Moves on until `promise` settles, and gives its outcome. */
  async until<Value>(promise: Promise<Value>, limit?: Millis): Promise<Value> {
    const value = await this.clock.until(promise, limit);
    this.#surface();
    return value;
  }

  /** What listeners of the program threw; in a real process each is an uncaught exception. */
  takeRaised(): unknown[] {
    return this.#raised.splice(0);
  }

  #surface(): void {
    const [first] = this.takeRaised();
    if (first !== undefined) throw first;
  }

  #hardwareAddress(): Uint8Array {
    this.#stations += 1;
    return Uint8Array.of(2, 0, 0, 1, this.#stations >> 8, this.#stations & 0xff);
  }

  #smallFiles(): SmallFiles {
    const { files } = this;
    const requireOpen = (path: string): void => {
      if (!this.lockedFiles.has(path)) return;
      const message = `Cannot use "${path}": the simulation refused`;
      throw new SecureStreamsError({ layer: "system", code: "not-permitted", message });
    };
    return {
      read: async (path, limit) => {
        requireOpen(path);
        const bytes = files.get(path);
        return bytes === undefined || bytes.length > limit ? undefined : bytes;
      },
      replace: async (path, bytes) => {
        requireOpen(path);
        files.set(path, bytes);
      },
      remove: async (path) => {
        requireOpen(path);
        files.delete(path);
      },
    };
  }
}

/** A world for DHCP clients: a lease over 30 days passes in a second. */
export function createDhcpSimulation({ seed = 1 }: DhcpSimulationOptions = {}): DhcpSimulation {
  return new DhcpSimulation(seed);
}
