import { type Millis, NEVER } from "../lib/millis.ts";
import type { Ipv4 } from "./address.ts";
import type { Exchange } from "./exchange.ts";
import type { Lease } from "./lease.ts";
import type { LeaseTimes } from "./lease-times.ts";
import type { Offers } from "./offers.ts";
import type { ChannelKind } from "./words.ts";

/** A lease that was acknowledged, and its times. */
export interface Tenure {
  readonly lease: Lease;
  readonly times: LeaseTimes;
}

export type State =
  | { readonly name: "idle" | "no-carrier" | "init-reboot" | "informed" | "ended" }
  | { readonly name: "init" | "ipv6-only"; readonly until: Millis }
  | { readonly name: "selecting"; readonly exchange: Exchange; readonly offers: Offers }
  | { readonly name: "requesting"; readonly exchange: Exchange; readonly offer: Lease }
  | { readonly name: "rebooting"; readonly exchange: Exchange; readonly address: Ipv4 }
  | { readonly name: "probing" | "bound"; readonly tenure: Tenure }
  | { readonly name: "renewing" | "rebinding"; readonly tenure: Tenure; readonly exchange: Exchange }
  | { readonly name: "informing"; readonly exchange: Exchange; readonly address: Ipv4 }
  | { readonly name: "releasing"; readonly until: Millis; ends: boolean };

/** The states in which an answer is awaited. */
export type AskingState = Extract<State, { exchange: Exchange }>;

/** When a state has something to do by itself. */
export function deadlineOf(state: State): Millis {
  switch (state.name) {
    case "init":
    case "ipv6-only":
    case "releasing":
      return state.until;
    case "selecting":
      return Math.min(state.exchange.due, state.offers.decideAt);
    case "requesting":
    case "rebooting":
    case "informing":
      return state.exchange.due;
    case "probing":
      return state.tenure.times.expiresAt;
    case "bound":
      return state.tenure.times.renewAt;
    case "renewing":
      return Math.min(state.exchange.due, state.tenure.times.rebindAt);
    case "rebinding":
      return Math.min(state.exchange.due, state.tenure.times.expiresAt);
    default:
      return NEVER;
  }
}

export function tenureOf(state: State): Tenure | undefined {
  return "tenure" in state ? state.tenure : undefined;
}

/** The sockets that a state needs. */
export function channelsOf(state: State): readonly ChannelKind[] {
  switch (state.name) {
    case "selecting":
    case "requesting":
    case "rebooting":
    case "informing":
      return ["dhcp"];
    case "probing":
    case "bound":
      return ["arp"];
    case "renewing":
    case "rebinding":
      return ["dhcp", "arp", "datagrams"];
    case "releasing":
      return ["datagrams", "dhcp"];
    default:
      return [];
  }
}
