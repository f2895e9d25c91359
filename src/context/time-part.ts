import { type Millis, seconds } from "../lib/millis.ts";
import { NtpClient, type NtpInput, type NtpOptions, type NtpOutput } from "../ntp/index.ts";
import { Driver } from "./driver.ts";
import type { Clock } from "./ports.ts";
import { type Gate, type PartHost, type SystemPart, watchTurn } from "./system-part.ts";

/** The world as a time client sees it. */
export interface TimePorts {
  /** The machine's own wall clock, in milliseconds since 1970: not one that is corrected already. */
  wall(): number;
  /** The addresses of a server's name. Rejects where there are none; not called for addresses. */
  lookup(host: string): Promise<readonly string[]>;
  /** Sends from a new socket to port 123 of `address`, connected to it. Never throws; tells nothing before it returns. */
  ask(address: string, bytes: Uint8Array, events: TimeAnswer): { close(): void };
  /**
   * Sets the wall clock: `step` at once, `slew` by running it faster or slower. False where that is not permitted: the
   * offset is then kept, and `now()` is right nevertheless.
   */
  setClock?(how: "step" | "slew", offset: Millis): boolean;
  /** Whether a text is an address, not a name. */
  isAddress(text: string): boolean;
}

export interface TimeAnswer {
  reply(bytes: Uint8Array): void;
  /** The system could not send, or the host refused. */
  failed(): void;
}

export interface TimeOptions extends NtpOptions {
  /** Names or addresses. */
  readonly servers: readonly string[];
}

/** Waits after a name that did not resolve; the last repeats. */
const LOOKUP_RETRY: readonly Millis[] = [seconds(1), seconds(5), seconds(15), seconds(60)];

/** The right time, whether or not the clock may be set. Holds TIME_VALID until it is known. */
export class TimePart implements SystemPart {
  readonly name = "time";
  readonly #ports: TimePorts;
  readonly #options: TimeOptions;
  #servers: readonly string[];
  #addresses = new Map<string, readonly string[]>();
  #lookups = 0;
  #failures = 0;
  /** Wall time of the monotonic clock's moment 0. */
  #known: { readonly epoch: number; readonly clock: Clock } | undefined;
  #isValid = false;
  #running:
    | { readonly host: PartHost; readonly gate: Gate; readonly driver: Driver<NtpInput, NtpOutput> }
    | undefined;
  #cancelLookup: (() => void) | undefined;
  readonly #requests = new Map<number, { close(): void }>();

  constructor(ports: TimePorts, options: TimeOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#servers = options.servers;
  }

  /** Whether the time is known. While it is not, a certificate that is "not yet valid" says nothing about its peer. */
  get isValid(): boolean {
    return this.#isValid;
  }

  /** Milliseconds to add to the wall clock; 0 where nothing is known. */
  get offset(): Millis {
    if (this.#known === undefined) return 0;
    const { epoch, clock } = this.#known;
    return epoch + clock.now() - this.#ports.wall();
  }

  /** The right time in milliseconds since 1970; the wall clock's where nothing better is known. */
  now(): number {
    return this.#ports.wall() + this.offset;
  }

  /** Asks these from now on: DHCP option 42, a policy, a blob. */
  useServers(servers: readonly string[]): void {
    this.#servers = servers;
    this.#resolve();
  }

  /** Asks as soon as manners allow: the network is back, or a peer's certificate is not valid yet. */
  poll(): void {
    if (this.#addresses.size === 0) this.#resolve();
    this.#running?.driver.feed({ type: "poll" });
  }

  /** The machine slept, and the monotonic clock stood still. */
  slept(span: Millis): void {
    if (this.#known !== undefined) this.#known = { ...this.#known, epoch: this.#known.epoch + span };
    this.#running?.driver.feed({ type: "slept", span });
  }

  start(host: PartHost): () => void {
    const gate = host.gate("TIME_VALID", "the time is not known yet");
    const client = new NtpClient(host.random, this.#options);
    const driver = new Driver<NtpInput, NtpOutput>(client, host.clock, (output) => this.#perform(output));
    watchTurn(host, "TIME_VALID", {
      up: () => {
        if (this.#running === undefined) {
          this.#running = { host, gate, driver };
          this.#resolve();
        } else this.poll();
      },
      down: () => {},
    });
    return () => {
      this.#cancelLookup?.();
      driver.feed({ type: "stop" });
      this.#running = undefined;
    };
  }

  /** Names to addresses, each name anew; what does not resolve is tried again. */
  #resolve(): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#cancelLookup?.();
    this.#lookups += 1;
    const lookup = this.#lookups;
    const known = new Map<string, readonly string[]>();
    let left = this.#servers.length;
    const done = (server: string, addresses: readonly string[]): void => {
      if (lookup !== this.#lookups) return;
      known.set(server, addresses);
      left -= 1;
      this.#use(known, left === 0);
    };
    if (left === 0) this.#use(known, true);
    for (const server of this.#servers) {
      if (this.#ports.isAddress(server)) done(server, [server]);
      else {
        this.#ports.lookup(server).then(
          (addresses) => done(server, addresses),
          () => done(server, []),
        );
      }
    }
  }

  #use(known: ReadonlyMap<string, readonly string[]>, isComplete: boolean): void {
    const running = this.#running;
    const addresses = this.#servers.flatMap((server) => known.get(server) ?? []);
    if (running === undefined) return;
    if (addresses.length > 0) {
      this.#failures = 0;
      this.#addresses = new Map(known);
      running.driver.feed({ type: "servers", servers: addresses });
    }
    if (!isComplete || addresses.length > 0) return;
    if (this.#servers.length === 0) {
      running.driver.feed({ type: "servers", servers: [] });
      return;
    }
    this.#say("none of the time servers has an address");
    const wait = LOOKUP_RETRY[Math.min(this.#failures, LOOKUP_RETRY.length - 1)] as Millis;
    this.#failures += 1;
    const { clock } = running.host;
    this.#cancelLookup = clock.wake(clock.now() + wait, () => this.#resolve(), true);
  }

  #perform(output: NtpOutput): void {
    const { host, driver } = this.#running ?? {};
    if (host === undefined || driver === undefined) return;
    switch (output.type) {
      case "send": {
        const { server, id, bytes } = output;
        const request = this.#ports.ask(server, bytes, {
          reply: (reply) =>
            driver.feed({ type: "reply", server, id, bytes: reply, wall: this.#ports.wall() }),
          failed: () => driver.feed({ type: "failed", server, id }),
        });
        this.#requests.set(id, request);
        return;
      }
      case "forget":
        this.#requests.get(output.id)?.close();
        this.#requests.delete(output.id);
        return;
      case "refused":
        host.emit("time", { type: "refused", server: output.server, why: output.why });
        return;
      case "kissed":
        host.emit("time", { type: "refused", server: output.server, why: output.code });
        return;
      case "undecided":
        host.emit("time", output);
        this.#say(UNDECIDED[output.why]);
        return;
      case "adjust":
        this.#adjust(output, host);
        return;
      case "valid":
        this.#isValid = true;
        host.emit("time", { type: "valid" });
        this.#running?.gate.open();
        return;
      case "lost":
        this.#isValid = false;
        host.emit("time", output);
        this.#running?.gate.close(output.why);
        return;
      default:
    }
  }

  #adjust(output: Extract<NtpOutput, { type: "adjust" }>, host: PartHost): void {
    const { how, offset, error, servers, epoch } = output;
    this.#known = { epoch, clock: host.clock };
    let set = false;
    try {
      set = this.#ports.setClock?.(how, offset) ?? false;
    } catch (thrown) {
      host.raise(thrown);
    }
    host.emit("time", { type: "adjusted", how, offset, error, servers, set });
  }

  #say(why: string): void {
    if (!this.#isValid) this.#running?.gate.close(why);
  }
}

const UNDECIDED: Readonly<Record<Extract<NtpOutput, { type: "undecided" }>["why"], string>> = {
  disagreement: "the time servers do not agree",
  alone: "one time server alone asks for a jump of more than ten years",
  "no-servers": "no time server is left to ask",
};
