import {
  type ClientInput,
  type ClientOutput,
  DhcpMachine,
  type Lease,
  type StateName,
} from "../../dhcp/index.ts";
import { type Reason, SecureStreamsError } from "../../lib/errors.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { Driver } from "../driver.ts";
import type { Link, NetworkEvent } from "../network-ports.ts";
import type { Abortable } from "../ports.ts";
import { type DhcpEvents, DhcpListeners, type DhcpStateEvent } from "./events.ts";
import { LeaseMemory } from "./lease-memory.ts";
import { DEFAULT_METRIC, type DhcpClientOptions, settingsOf } from "./options.ts";
import type { DhcpPorts } from "./ports.ts";
import { missing, reasonOf, STOPPED } from "./reason.ts";
import { ResolvFile } from "./resolv-file.ts";
import { DhcpSockets } from "./sockets.ts";
import { Tenancy } from "./tenancy.ts";

/** Keeps one interface configured by DHCP, from `start()` to `stop()`. */
export class DhcpClient {
  readonly interface: string;
  readonly #ports: DhcpPorts;
  readonly #link: Link;
  readonly #machine: DhcpMachine;
  readonly #driver: Driver<ClientInput, ClientOutput>;
  readonly #sockets: DhcpSockets;
  readonly #tenancy: Tenancy | undefined;
  readonly #memory: LeaseMemory;
  readonly #resolvFile: ResolvFile;
  readonly #listeners = new DhcpListeners();
  #present: Link;
  #lease: Lease | undefined;
  #unwatch: (() => void) | undefined;
  #end: Reason | undefined;
  #leavesAll = false;
  #starting: Promise<void> | undefined;

  /** @internal Use `createDhcpClient()`. Throws `interface-missing`, and UsageError for a setting that cannot be sent. */
  constructor(ports: DhcpPorts, options: DhcpClientOptions) {
    const settings = settingsOf(options);
    const { links } = ports.network.snapshot();
    const link = links.find(({ name }) => name === options.interface);
    if (link === undefined) throw new SecureStreamsError(missing(options.interface, links));
    this.interface = options.interface;
    this.#ports = ports;
    this.#link = link;
    this.#present = link;
    this.#machine = new DhcpMachine(settings, ports.random);
    this.#driver = new Driver(this.#machine, ports.clock, (output) => this.#perform(output));
    this.#sockets = new DhcpSockets(ports.network, link.index, (input) => this.#driver.feed(input));
    const { configure = true, metric = DEFAULT_METRIC } = options;
    this.#tenancy = configure ? new Tenancy(ports.network, link.index, metric) : undefined;
    this.#memory = new LeaseMemory(ports.files, options.leaseFile, settings);
    this.#resolvFile = new ResolvFile(ports.files, options.resolvConf);
  }

  get state(): StateName {
    return this.#machine.state;
  }

  /** What is on the interface now. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** Begins. Resolves when the first question is on its way; rejects with `not-permitted` where a capability is missing. */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** The lease, once there is one. Rejects when the client has ended, with the reason. */
  bound({ signal }: { readonly signal?: Abortable } = {}): Promise<Lease> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (this.#lease !== undefined) {
        resolve(this.#lease);
        return;
      }
      const finish = (): void => {
        for (const stop of stops) stop();
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        finish();
        reject(signal?.reason);
      };
      const stops = [
        this.on("lease", ({ change, lease }) => {
          if (change === "lost" || lease === undefined) return;
          finish();
          resolve(lease);
        }),
        this.on("state", ({ state }) => {
          if (state !== "ended") return;
          finish();
          reject(this.#error());
        }),
      ];
      signal?.addEventListener("abort", abort, { once: true });
      this.start().catch((error: unknown) => {
        finish();
        reject(error);
      });
    });
  }

  /** Asks now whether the lease may be kept, and anew for one that was given back. */
  renew(): void {
    this.#driver.feed({ type: "renew" });
  }

  /** Gives the address back; resolves when it is off the interface. `renew()` asks for one anew. */
  async release(): Promise<void> {
    this.#driver.feed({ type: "release" });
    await this.#reached((state) => state === "idle" || state === "ended");
  }

  /**
   * Ends, and takes back what it configured, unless `keep`: then the kernel removes the address when the lease ends. The
   * lease is remembered in its file: a server is not told.
   */
  async stop({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    this.#leavesAll ||= keep;
    this.#driver.feed({ type: "stop" });
    await this.#reached((state) => state === "ended");
    await Promise.all([this.#memory.settled(), this.#resolvFile.settled()]);
  }

  /** Calls `listener` at each event, until the returned function is called. */
  on<Name extends keyof DhcpEvents>(name: Name, listener: (event: DhcpEvents[Name]) => void): () => void {
    return this.#listeners.add(name, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { network, clock, suspend } = this.#ports;
    const remembered = await this.#memory.recall(this.#link.hardwareAddress, clock.wall());
    if (this.state !== "idle") return;
    const unwatch = [
      network.watch((event) => this.#changed(event)),
      suspend.watch((slept) => this.#driver.feed({ type: "woke", slept })),
    ];
    this.#unwatch = () => {
      for (const stop of unwatch) stop();
    };
    try {
      if (this.#tenancy !== undefined) {
        // Changes nothing where it is up; without CAP_NET_ADMIN it is refused before the first question is asked.
        network.bringUp(this.#link.index);
        this.#sockets.requirePort();
      }
      const snapshot = network.snapshot();
      const keep = remembered !== undefined && remembered.remaining > 0 ? remembered.address : undefined;
      const isConfigured = this.#tenancy?.adopt(snapshot, { keep, known: remembered?.address }) ?? false;
      this.#present = snapshot.links.find(({ index }) => index === this.#link.index) ?? this.#present;
      this.#driver.feed({ type: "start", link: this.#linkState(), remembered, isConfigured });
    } catch (error) {
      this.#fail(error);
    }
    if (this.#end !== undefined) throw this.#error();
  }

  #changed(event: NetworkEvent): void {
    if (event.type === "link" && event.link.index === this.#link.index) {
      this.#present = event.link;
      this.#driver.feed({ type: "link", link: this.#linkState() });
    } else if (event.type === "link-gone" && event.link.index === this.#link.index) {
      this.#driver.feed({ type: "stop", reason: missing(this.interface) });
    }
  }

  #linkState() {
    const { hardwareAddress, isUp, hasCarrier } = this.#present;
    const mtu = this.#tenancy?.mtuOf(this.#present) ?? this.#present.mtu;
    return { hardwareAddress, mtu, hasCarrier: isUp && hasCarrier };
  }

  #perform(output: ClientOutput): void {
    try {
      this.#do(output);
    } catch (error) {
      this.#fail(error);
    }
  }

  #do(output: ClientOutput): void {
    switch (output.type) {
      case "open":
        this.#sockets.open(output);
        return;
      case "close":
        this.#sockets.close(output.channel);
        return;
      case "send":
        this.#sockets.send(output);
        return;
      case "configure":
        this.#configure(output);
        return;
      case "withdraw":
        this.#withdraw(output.reason);
        return;
      case "forget":
        this.#memory.forget((error) => this.#warn(error));
        return;
      case "informed":
        this.#resolvFile.write(output.configuration, (error) => this.#warn(error));
        this.#tell("configuration", output.configuration);
        return;
      case "dropped":
        this.#tell("dropped", { why: output.why });
        return;
      case "state":
        this.#entered(output);
        return;
      default:
        unreachable(output);
    }
  }

  #configure({ lease, change, expiresAt }: Extract<ClientOutput, { type: "configure" }>): void {
    const { clock } = this.#ports;
    // The kernel counts whole seconds and ends them up to 250 ms early (ADDRCONF_TIMER_FUZZ).
    const validSeconds = Math.max(1, Math.floor((expiresAt - clock.now() + 250) / 1000));
    this.#tenancy?.apply(lease, validSeconds, this.#present);
    this.#lease = lease;
    const failed = (error: unknown): void => this.#warn(error);
    this.#memory.keep(lease, this.#present.hardwareAddress, { wall: clock.wall(), failed });
    this.#resolvFile.write(lease, failed);
    this.#tell("lease", { change, lease, reason: undefined });
  }

  #withdraw(reason: Reason | undefined): void {
    const lease = this.#lease;
    this.#lease = undefined;
    if (this.#leavesAll) return;
    try {
      this.#tenancy?.withdraw();
    } finally {
      this.#resolvFile.restore((error) => this.#warn(error));
      this.#tell("lease", { change: "lost", lease, reason });
    }
  }

  #entered({ state, previous, reason }: DhcpStateEvent): void {
    if (state === "ended") {
      this.#end ??= reason ?? STOPPED;
      this.#unwatch?.();
      this.#sockets.closeAll();
    }
    this.#tell("state", { state, previous, reason });
  }

  /** The world refuses what the machine needs: it ends. */
  #fail(error: unknown): void {
    const reason = reasonOf(error);
    this.#end ??= reason;
    this.#driver.feed({ type: "stop", reason });
  }

  #error(): SecureStreamsError {
    return new SecureStreamsError(this.#end ?? STOPPED);
  }

  #warn(error: unknown): void {
    this.#tell("warning", { error });
  }

  #tell<Name extends keyof DhcpEvents>(name: Name, event: DhcpEvents[Name]): void {
    const { diagnostics, raise } = this.#ports;
    if (diagnostics.hasSubscribers())
      diagnostics.publish({ event: name, interface: this.interface, ...event });
    this.#listeners.tell(name, event, raise);
  }

  #reached(isThere: (state: StateName) => boolean): Promise<void> {
    if (isThere(this.state)) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.on("state", ({ state }) => {
        if (!isThere(state)) return;
        stop();
        resolve();
      });
    });
  }
}
