import { equalBytes } from "../lib/bytes.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { type Ipv4, UNSPECIFIED } from "./address.ts";
import type { Arp } from "./arp.ts";

/** RFC 5227, 1.1. */
const PROBE_WAIT = seconds(1);
const PROBES = 3;
const PROBE_MIN = seconds(1);
const PROBE_MAX = seconds(2);
const ANNOUNCE_WAIT = seconds(2);
/** Between the first announcement and the last: ANNOUNCE_NUM is 2. */
const ANNOUNCE_INTERVAL = seconds(2);
const DEFEND_INTERVAL = seconds(10);

/** The longest that probing takes. */
export const LONGEST_PROBING: Millis = PROBE_WAIT + (PROBES - 1) * PROBE_MAX + ANNOUNCE_WAIT;

const NOBODY = new Uint8Array(6);
const NOTHING: readonly AcdOutput[] = [];

export interface AcdOptions {
  readonly address: Ipv4;
  readonly hardwareAddress: Uint8Array;
  readonly random: Random;
  /** False takes the address without asking, and announces it. */
  readonly probes: boolean;
}

export type AcdInput = { readonly type: "start" } | { readonly type: "arp"; readonly arp: Arp };

export type AcdOutput =
  | { readonly type: "send"; readonly arp: Arp }
  /** Nobody has the address: it may be used. Announcements follow. */
  | { readonly type: "clear" }
  /** The end: another host has it, or wants it as much. */
  | { readonly type: "conflict"; readonly hardwareAddress: Uint8Array };

type State =
  | { readonly name: "idle" }
  | { readonly name: "probing"; readonly sent: number; readonly next: Millis }
  | { readonly name: "using"; readonly next: Millis; readonly defended: Millis }
  | { readonly name: "ended" };

/** Detection of address conflicts for one address (RFC 5227): probes, announces, defends once in ten seconds. */
export class Acd implements Machine<AcdInput, AcdOutput> {
  readonly #options: AcdOptions;
  #state: State = { name: "idle" };

  constructor(options: AcdOptions) {
    this.#options = options;
  }

  get deadline(): Millis {
    return "next" in this.#state ? this.#state.next : NEVER;
  }

  handle(input: AcdInput | Timeout, now: Millis): readonly AcdOutput[] {
    if (input.type === "start") return this.#start(now);
    if (input.type === "arp") return this.#arp(input.arp, now);
    return this.#timeout(now);
  }

  #start(now: Millis): readonly AcdOutput[] {
    if (this.#state.name !== "idle") return NOTHING;
    if (!this.#options.probes) return this.#use(now);
    const wait = Math.round(PROBE_WAIT * this.#options.random.fraction());
    this.#state = { name: "probing", sent: 0, next: now + wait };
    return NOTHING;
  }

  #timeout(now: Millis): readonly AcdOutput[] {
    const state = this.#state;
    if (!("next" in state) || state.next > now) return NOTHING;
    return state.name === "probing" ? this.#probe(state.sent, now) : this.#announce(state);
  }

  #probe(sent: number, now: Millis): readonly AcdOutput[] {
    if (sent === PROBES) return this.#use(now);
    const between = PROBE_MIN + Math.round((PROBE_MAX - PROBE_MIN) * this.#options.random.fraction());
    const next = now + (sent + 1 < PROBES ? between : ANNOUNCE_WAIT);
    this.#state = { name: "probing", sent: sent + 1, next };
    return [this.#request(UNSPECIFIED)];
  }

  #announce(state: Extract<State, { name: "using" }>): readonly AcdOutput[] {
    this.#state = { ...state, next: NEVER };
    return [this.#announcement()];
  }

  #use(now: Millis): readonly AcdOutput[] {
    this.#state = {
      name: "using",
      next: now + ANNOUNCE_INTERVAL,
      defended: Number.NEGATIVE_INFINITY,
    };
    return [{ type: "clear" }, this.#announcement()];
  }

  #arp(arp: Arp, now: Millis): readonly AcdOutput[] {
    const { address, hardwareAddress } = this.#options;
    const state = this.#state;
    if (equalBytes(arp.senderHardware, hardwareAddress)) return NOTHING;
    const isInUse = arp.sender === address;
    if (state.name === "probing") {
      const isProbed = arp.operation === "request" && arp.sender === UNSPECIFIED && arp.target === address;
      return isInUse || isProbed ? this.#conflict(arp) : NOTHING;
    }
    if (state.name !== "using" || !isInUse) return NOTHING;
    if (now - state.defended < DEFEND_INTERVAL) return this.#conflict(arp);
    this.#state = { ...state, defended: now };
    return [this.#announcement()];
  }

  #conflict({ senderHardware }: Arp): readonly AcdOutput[] {
    this.#state = { name: "ended" };
    return [{ type: "conflict", hardwareAddress: senderHardware }];
  }

  #announcement(): AcdOutput {
    return this.#request(this.#options.address);
  }

  #request(sender: Ipv4): AcdOutput {
    const { address, hardwareAddress } = this.#options;
    const arp: Arp = {
      operation: "request",
      senderHardware: hardwareAddress,
      sender,
      targetHardware: NOBODY,
      target: address,
    };
    return { type: "send", arp };
  }
}
