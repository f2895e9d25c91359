import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Ipv4 } from "./address.ts";
import type { Captured } from "./frame.ts";
import type { Configuration, Lease } from "./lease.ts";
import type { StateName } from "./states.ts";

/** A socket that the machine asked for; never used twice. */
export type ChannelId = number;

export type ChannelKind = "dhcp" | "arp" | "datagrams";

export interface LinkState {
  /** Six bytes. */
  readonly hardwareAddress: Uint8Array;
  /** Of the link as it is without a lease. */
  readonly mtu: number;
  /** Up, with a carrier. */
  readonly hasCarrier: boolean;
}

/** An address that was ours before. */
export interface Remembered {
  readonly address: Ipv4;
  /** Milliseconds that its lease has left; 0 where it has ended, and the address is only a wish. */
  readonly remaining: Millis;
}

export type ClientInput =
  | {
      readonly type: "start";
      readonly link: LinkState;
      readonly remembered?: Remembered | undefined;
      /** The remembered address is on the interface. */
      readonly isConfigured?: boolean;
      /** The address is set by hand: ask for the rest only. */
      readonly inform?: Ipv4 | undefined;
    }
  | { readonly type: "link"; readonly link: LinkState }
  | { readonly type: "packet"; readonly channel: ChannelId; readonly packet: Captured }
  | { readonly type: "arp"; readonly channel: ChannelId; readonly bytes: Uint8Array }
  | { readonly type: "datagram"; readonly channel: ChannelId; readonly bytes: Uint8Array }
  /** The system said that a datagram cannot get there: nobody listens, no route. */
  | { readonly type: "unreachable"; readonly channel: ChannelId }
  /** The machine slept for so long while its clock stood still. */
  | { readonly type: "woke"; readonly slept: Millis }
  | { readonly type: "renew" }
  /** Give the address back and rest. */
  | { readonly type: "release" }
  | { readonly type: "stop"; readonly reason?: Reason | undefined };

export type LeaseChange = "acquired" | "renewed" | "rebound";

export type ClientOutput =
  | {
      readonly type: "state";
      readonly state: StateName;
      readonly previous: StateName;
      readonly reason: Reason | undefined;
    }
  | { readonly type: "open"; readonly channel: ChannelId; readonly kind: "dhcp" | "arp" }
  | {
      readonly type: "open";
      readonly channel: ChannelId;
      readonly kind: "datagrams";
      readonly address: Ipv4;
    }
  | { readonly type: "close"; readonly channel: ChannelId }
  /** To `to` by datagram, by broadcast on the link otherwise. */
  | {
      readonly type: "send";
      readonly channel: ChannelId;
      readonly bytes: Uint8Array;
      readonly to: Ipv4 | undefined;
    }
  /** The lease holds until `expiresAt`: put it on the interface, and remember it. */
  | {
      readonly type: "configure";
      readonly lease: Lease;
      readonly change: LeaseChange;
      readonly expiresAt: Millis;
    }
  /** Take back what `configure` did, before anything else. */
  | { readonly type: "withdraw"; readonly reason: Reason | undefined }
  /** Remember nothing. */
  | { readonly type: "forget" }
  | { readonly type: "informed"; readonly configuration: Configuration }
  /** Something came that is no answer, and why. */
  | { readonly type: "dropped"; readonly why: string };
