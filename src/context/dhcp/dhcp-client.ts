import {
  type ClientInput,
  type ClientOutput,
  type Configuration,
  DhcpMachine,
  type Lease,
  type StateName,
} from "../../dhcp/index.ts";
import { type Reason, SecureStreamsError, UsageError } from "../../lib/errors.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { Driver } from "../driver.ts";
import type { Link, NetworkEvent } from "../network-ports.ts";
import type { Abortable } from "../ports.ts";
import { Configurator } from "./configurator.ts";
import { type DhcpEvents, DhcpListeners, type DhcpStateEvent } from "./events.ts";
import { type DhcpClientOptions, settingsOf } from "./options.ts";
import type { DhcpPorts } from "./ports.ts";
import { missing, reasonOf, STOPPED } from "./reason.ts";
import { DhcpSockets } from "./sockets.ts";
import { untilBound } from "./until-bound.ts";

/** Keeps one interface configured by DHCP, from `start()` to `stop()`. */
export class DhcpClient {
  readonly interface: string;
  readonly #ports: DhcpPorts;
  readonly #inform: string | undefined;
  readonly #driver: Driver<ClientInput, ClientOutput>;
  readonly #sockets: DhcpSockets;
  readonly #configurator: Configurator;
  readonly #listeners = new DhcpListeners();
  /** As it was last told; its index never changes: another link of the same name is another link. */
  #link: Link;
  #state: StateName = "idle";
  #lease: Lease | undefined;
  #configuration: Configuration | undefined;
  #unwatch: (() => void)[] = [];
  #end: Reason | undefined;
  #isRunning = false;
  #leavesAll = false;
  #starting: Promise<void> | undefined;

  /** @internal Use `createDhcpClient()`. Throws `interface-missing`, and UsageError for a setting that cannot be sent. */
  constructor(ports: DhcpPorts, options: DhcpClientOptions) {
    const settings = settingsOf(options);
    const { links } = ports.network.snapshot();
    const link = links.find(({ name }) => name === options.interface);
    if (link === undefined) throw new SecureStreamsError(missing(options.interface, links));
    const warn = (error: unknown): void => this.#tell("warning", { error });
    const feed = (input: ClientInput): void => this.#driver.feed(input);
    const machine = new DhcpMachine(settings, ports.random);
    this.interface = options.interface;
    this.#ports = ports;
    this.#inform = options.inform;
    this.#link = link;
    this.#driver = new Driver(machine, ports.clock, (output) => this.#guard(() => this.#perform(output)));
    this.#sockets = new DhcpSockets(ports.network, link.index, { feed, warn });
    this.#configurator = new Configurator({
      ...{ ports, options, settings, link, warn },
      guard: (work) => this.#guard(work),
    });
  }

  /** As the last event `state` told it. */
  get state(): StateName {
    return this.#state;
  }

  /** What is on the interface now. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** Name servers and the rest: of the lease, or of the answer for an address that was set by hand. */
  get configuration(): Configuration | undefined {
    return this.#lease ?? this.#configuration;
  }

  /**
   * Begins. Resolves when the first question is on its way; rejects with `not-permitted` where a capability is missing,
   * with `interface-missing` where the interface is gone, and with `closed` after `stop()`.
   */
  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** The lease, once there is one. Rejects when the client has ended, with the reason. */
  async bound({ signal }: { readonly signal?: Abortable } = {}): Promise<Lease> {
    if (this.#inform !== undefined) {
      throw new UsageError("Cannot wait for a lease: the address is set by hand", "usage", "dhcp");
    }
    signal?.throwIfAborted();
    if (this.#lease !== undefined) return this.#lease;
    if (this.#state === "ended") throw this.#error();
    return await untilBound(this, () => this.#error(), signal);
  }

  /** Asks now whether the lease may be kept, and anew for one that was given back. Does nothing before `start()`. */
  renew(): void {
    if (this.#isRunning) this.#driver.feed({ type: "renew" });
  }

  /** Gives the address back; resolves when it is off the interface. `renew()` asks for one anew. */
  async release(): Promise<void> {
    // One that is about to begin would take an address right after.
    await this.#starting?.catch(() => {});
    this.#driver.feed({ type: "release" });
    await this.#reached((state) => state === "idle" || state === "ended");
  }

  /**
   * Ends, and takes back what it configured, unless `keep`: then the kernel removes the address when the lease ends. The
   * lease is remembered in its file: a server is not told. An address that is being released goes all the same.
   */
  async stop({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
    this.#leavesAll ||= keep && this.#state !== "releasing";
    this.#driver.feed({ type: "stop" });
    await this.#reached((state) => state === "ended");
    await this.#configurator.settled();
  }

  /** Calls `listener` at each event, until the returned function is called. */
  on<Name extends keyof DhcpEvents>(name: Name, listener: (event: DhcpEvents[Name]) => void): () => void {
    return this.#listeners.add(name, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<void> {
    const { network, suspend } = this.#ports;
    const remembered = await this.#configurator.recall(this.#link.hardwareAddress);
    if (this.#state === "ended") throw this.#error();
    this.#guard(() => {
      this.#unwatch.push(network.watch((event) => this.#changed(event)));
      this.#unwatch.push(suspend.watch((slept) => this.#driver.feed({ type: "woke", slept })));
      const { index } = this.#link;
      const link = network.snapshot().links.find((each) => each.index === index);
      if (link === undefined) throw new SecureStreamsError(missing(this.interface));
      this.#link = link;
      const isConfigured = this.#configurator.takeOver(remembered, link);
      if (this.#configurator.configures) this.#sockets.requirePort();
      this.#isRunning = true;
      const inform = this.#inform;
      this.#driver.feed({ type: "start", link: this.#linkState(), remembered, isConfigured, inform });
    });
    if (this.#end !== undefined) throw this.#error();
  }

  #changed(event: NetworkEvent): void {
    if (event.type === "link" && event.link.index === this.#link.index) {
      this.#link = event.link;
      this.#driver.feed({ type: "link", link: this.#linkState() });
    } else if (event.type === "link-gone" && event.link.index === this.#link.index) {
      this.#driver.feed({ type: "stop", reason: missing(this.interface) });
    } else this.#guard(() => this.#configurator.mend(event, () => this.#link));
  }

  #linkState() {
    const { hardwareAddress, isUp, hasCarrier } = this.#link;
    return { hardwareAddress, mtu: this.#configurator.mtuOf(this.#link), hasCarrier: isUp && hasCarrier };
  }

  /** Where the world refuses what is needed, for good, the client ends. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = reasonOf(error);
      this.#end ??= reason;
      this.#driver.feed({ type: "stop", reason });
    }
  }

  #perform(output: ClientOutput): void {
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
        this.#configurator.apply(output.lease, output.expiresAt, this.#link);
        this.#lease = output.lease;
        this.#tell("lease", { change: output.change, lease: output.lease, reason: undefined });
        return;
      case "withdraw":
        this.#withdraw(output.reason);
        return;
      case "forget":
        this.#configurator.forget();
        return;
      case "informed":
        this.#configuration = output.configuration;
        this.#configurator.inform(output.configuration);
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

  #withdraw(reason: Reason | undefined): void {
    const lease = this.#lease;
    this.#lease = undefined;
    if (this.#leavesAll) {
      this.#configurator.leave();
      return;
    }
    try {
      this.#configurator.withdraw(this.#link);
    } catch (error) {
      this.#tell("warning", { error });
      throw error;
    } finally {
      this.#tell("lease", { change: "lost", lease, reason });
    }
  }

  #entered({ state, previous, reason }: DhcpStateEvent): void {
    this.#state = state;
    if (state === "ended") {
      this.#end ??= reason ?? STOPPED;
      for (const stop of this.#unwatch.splice(0)) stop();
      this.#sockets.closeAll();
      if (!this.#leavesAll) this.#configurator.restoreResolvConf();
    }
    this.#tell("state", { state, previous, reason });
  }

  #error(): SecureStreamsError {
    return new SecureStreamsError(this.#end ?? STOPPED);
  }

  #tell<Name extends keyof DhcpEvents>(name: Name, event: DhcpEvents[Name]): void {
    const { diagnostics, raise } = this.#ports;
    if (diagnostics.hasSubscribers())
      diagnostics.publish({ event: name, interface: this.interface, ...event });
    this.#listeners.tell(name, event, raise);
  }

  #reached(isThere: (state: StateName) => boolean): Promise<void> {
    if (isThere(this.#state)) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.on("state", ({ state }) => {
        if (!isThere(state)) return;
        stop();
        resolve();
      });
    });
  }
}
