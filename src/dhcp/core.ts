import type { Reason } from "../lib/errors.ts";
import { type Millis, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { Acd, type AcdOutput, LONGEST_PROBING } from "./acd.ts";
import type { Ipv4 } from "./address.ts";
import { Channels } from "./channels.ts";
import type { Exchange } from "./exchange.ts";
import type { Lease } from "./lease.ts";
import { leaseTimes } from "./lease-times.ts";
import { Past } from "./past.ts";
import { conflict, NO_CARRIER } from "./reasons.ts";
import type { ClientSettings } from "./settings.ts";
import { Speaker } from "./speaker.ts";
import { channelsOf, type State, type Tenure, tenureOf } from "./state.ts";
import { assertTransition } from "./states.ts";
import type { ClientOutput, LeaseChange } from "./words.ts";

/** What every part of the client works on: the state and the steps between states. */
export class Core {
  readonly settings: ClientSettings;
  readonly random: Random;
  readonly channels = new Channels((output) => this.emit(output));
  readonly speaker: Speaker;
  readonly past = new Past();
  /** Set where the address is set by hand. */
  inform: Ipv4 | undefined;
  /** Whether the address, or one left over, is on the interface. */
  isConfigured = false;
  acd: Acd | undefined;
  #state: State = { name: "idle" };
  #outputs: ClientOutput[] = [];

  constructor(settings: ClientSettings, random: Random) {
    const emit = (output: ClientOutput): void => this.emit(output);
    this.settings = settings;
    this.random = random;
    this.speaker = new Speaker({ settings, random, channels: this.channels, emit });
  }

  get state(): State {
    return this.#state;
  }

  emit(output: ClientOutput): void {
    this.#outputs.push(output);
  }

  /** What is to be done, once. */
  takeOutputs(): readonly ClientOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  enter(next: State, reason?: Reason): void {
    const previous = this.#state.name;
    assertTransition(previous, next.name);
    this.#state = next;
    if (next.name === "ended") this.channels.keep([]);
    this.emit({ type: "state", state: next.name, previous, reason });
  }

  /** Begins where the link and the past allow. */
  begin(now: Millis): void {
    if (!this.speaker.link.hasCarrier) {
      this.withdraw(NO_CARRIER);
      this.enter({ name: "no-carrier" }, NO_CARRIER);
      return;
    }
    if (this.inform !== undefined) {
      this.enter({ name: "informing", exchange: this.speaker.discovery(now), address: this.inform });
      return;
    }
    const address = this.settings.anonymous ? undefined : this.past.held(now);
    if (address === undefined) {
      this.restart(now, undefined);
      return;
    }
    this.enter({ name: "init-reboot" });
    this.enter({ name: "rebooting", exchange: this.speaker.request(now), address });
  }

  /** Without an address: what was configured is taken back, and the search begins after `wait`. */
  restart(now: Millis, reason: Reason | undefined, wait: Millis = 0): void {
    this.withdraw(reason);
    this.enter({ name: "init", until: now + wait }, reason);
  }

  /** The address is no longer guarded, and gone from the interface. */
  withdraw(reason: Reason | undefined): void {
    this.acd = undefined;
    if (!this.isConfigured) return;
    this.isConfigured = false;
    this.emit({ type: "withdraw", reason });
  }

  /** A server has said yes to the question of `exchange`. */
  acknowledged(lease: Lease, exchange: Exchange, now: Millis): void {
    const before = tenureOf(this.#state);
    const times = leaseTimes(lease, exchange.sentAt, this.random);
    if (times.expiresAt <= now) {
      this.emit({ type: "dropped", why: "The lease has ended before its ACK came" });
      if (before === undefined) this.restart(now, undefined);
      return;
    }
    const tenure: Tenure = { lease, times };
    this.past.acknowledged();
    this.past.had(lease.address, times.expiresAt);
    if (before !== undefined) this.#use(tenure, this.#state.name === "renewing" ? "renewed" : "rebound");
    else if (this.settings.conflictDetection) this.#probe(tenure, now);
    else this.#use(tenure, "acquired");
  }

  guard(outputs: readonly AcdOutput[], tenure: Tenure, now: Millis): void {
    for (const output of outputs) {
      switch (output.type) {
        case "send":
          this.speaker.arp(output.arp);
          break;
        case "clear":
          this.past.succeeded();
          this.#use(tenure, "acquired");
          break;
        default:
          this.speaker.decline(tenure.lease, now);
          this.emit({ type: "forget" });
          this.restart(
            now,
            conflict(tenure.lease.address, output.hardwareAddress),
            this.past.declined(tenure.lease.address),
          );
      }
    }
  }

  /** Closes what the state does not need. */
  tidy(): void {
    if (this.#state.name !== "ended") this.channels.keep(channelsOf(this.#state));
  }

  #probe(tenure: Tenure, now: Millis): void {
    const { address, renewSeconds } = tenure.lease;
    // Where T1 comes before probing can end there is nothing left to use: such a lease is announced and defended only.
    const probes = seconds(renewSeconds) >= LONGEST_PROBING;
    const { hardwareAddress } = this.speaker.link;
    this.acd = new Acd({ address, hardwareAddress, random: this.random, probes });
    this.channels.packets("arp");
    if (probes) this.enter({ name: "probing", tenure });
    this.guard(this.acd.handle({ type: "start" }, now), tenure, now);
  }

  #use(tenure: Tenure, change: LeaseChange): void {
    this.isConfigured = true;
    this.emit({ type: "configure", lease: tenure.lease, change, expiresAt: tenure.times.expiresAt });
    this.enter({ name: "bound", tenure });
  }
}
