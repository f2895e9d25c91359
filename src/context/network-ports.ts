import type { Millis } from "../lib/millis.ts";

/** The interfaces, addresses and routes of the machine, and packets on one interface. `src/node/platform` fills it. */
export interface Network {
  /** What the kernel has now. Throws SecureStreamsError `unsupported` on a platform without an implementation. */
  snapshot(): NetworkSnapshot;
  /** Tells every change from now on, in order, until the returned function is called. */
  watch(listener: (event: NetworkEvent) => void): () => void;
  /** Sets IFF_UP. A link is never set down. Throws `not-permitted` naming the capability. */
  bringUp(link: LinkIndex): void;
  setMtu(link: LinkIndex, mtu: number): void;
  /** Adds the address or renews its lifetimes. Throws `not-permitted` naming the capability. */
  putAddress(address: InterfaceAddress): void;
  /** No error where it is gone already. */
  dropAddress(address: InterfaceAddress): void;
  /** Adds the route or replaces the one of the same destination, metric and table. */
  putRoute(route: Route): void;
  /** No error where it is gone already. */
  dropRoute(route: Route): void;
  /** Frames of one EtherType on one link, filtered in the kernel. Throws `not-permitted` naming CAP_NET_RAW. */
  openPackets(options: PacketOptions, events: PacketEvents): PacketSocket;
  /** A UDP socket on `address`:68, bound to the device. Throws `not-permitted` naming CAP_NET_BIND_SERVICE. */
  openDatagrams(options: DatagramOptions, events: DatagramEvents): DatagramSocket;
}

export type LinkIndex = number;

export interface Link {
  readonly index: LinkIndex;
  readonly name: string;
  /** ARPHRD_*: 1 is Ethernet. */
  readonly hardwareType: number;
  readonly hardwareAddress: Uint8Array;
  readonly mtu: number;
  /** IFF_UP: the administrator wants it up. */
  readonly isUp: boolean;
  /** IFF_LOWER_UP: a cable is in. A loss too short for the kernel to tell is told all the same, as two events. */
  readonly hasCarrier: boolean;
  /** How often the cable went out since the link is there; undefined where the kernel does not count. */
  readonly carrierLosses?: number | undefined;
}

/** An IPv4 or IPv6 address on a link. */
export interface InterfaceAddress {
  readonly link: LinkIndex;
  readonly address: string;
  readonly prefixLength: number;
  readonly broadcast?: string | undefined;
  /** Seconds; Infinity for ever. */
  readonly validSeconds: number;
  readonly preferredSeconds: number;
  /** IFA_PROTO: who put it there; 0 unknown. Ours is 68. */
  readonly protocol: number;
  /** Metric of the route to the prefix, which the kernel adds and drops together with the address. */
  readonly prefixMetric?: number | undefined;
}

/** A unicast route of the main table. */
export interface Route {
  readonly link: LinkIndex;
  /** Network address; `0.0.0.0` or `::` with length 0 is the default route. */
  readonly destination: string;
  readonly prefixLength: number;
  readonly gateway?: string | undefined;
  /** Preferred source address. */
  readonly source?: string | undefined;
  readonly metric: number;
  /** RTPROT_*: 16 is DHCP. */
  readonly protocol: number;
  /** On-link gateway outside every prefix of the link (RTNH_F_ONLINK). */
  readonly isOnLink?: boolean;
}

export interface NetworkSnapshot {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

export type NetworkEvent =
  | { readonly type: "link" | "link-gone"; readonly link: Link }
  | { readonly type: "address" | "address-gone"; readonly address: InterfaceAddress }
  | { readonly type: "route" | "route-gone"; readonly route: Route }
  /** Events were lost to an overrun; the differences have been told as events before this one. */
  | { readonly type: "resynchronised" };

export interface PacketOptions {
  readonly link: LinkIndex;
  /** `dhcp`: IPv4 UDP to port 68, BOOTREPLY, magic cookie, no fragment. `arp`: ARP for IPv4. */
  readonly kind: "dhcp" | "arp";
}

/** Payload as it follows the link-layer header: an IPv4 packet or an ARP packet. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** `partial`: the UDP checksum field holds the folded sum of the pseudo-header only (TP_STATUS_CSUMNOTREADY). */
  readonly checksum: "full" | "partial";
  /** VLAN id of the frame's tag; 0 for a priority tag; undefined without one. */
  readonly vlan: number | undefined;
}

export interface PacketEvents {
  packet(packet: Packet): void;
  /** The link went down or its hardware address changed; the socket goes on afterwards. */
  linkDown(): void;
}

export interface PacketSocket {
  /** Sends a payload to a hardware address, broadcast where undefined. False where the link is down or its queue full. */
  send(payload: Uint8Array, to?: Uint8Array): boolean;
  /** Closes off the main thread: the kernel may wait milliseconds. */
  close(): void;
}

export interface DatagramOptions {
  readonly link: LinkIndex;
  readonly address: string;
}

export interface DatagramEvents {
  message(bytes: Uint8Array, from: { readonly address: string; readonly port: number }): void;
  /** The system said why it cannot (port unreachable, no route); the socket goes on. */
  failed(code: string): void;
}

export interface DatagramSocket {
  /** To port 67 of `to`. */
  send(bytes: Uint8Array, to: string): void;
  close(): void;
}

/** Small files, for leases and resolv.conf. */
export interface SmallFiles {
  /** Undefined where it does not exist or is larger than `limit` bytes. */
  read(path: string, limit: number): Promise<Uint8Array | undefined>;
  /** Whole or not at all: a temporary file beside it, synced and renamed. Mode 0o600 by default. */
  replace(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  remove(path: string): Promise<void>;
}

/** What tells that the machine slept: time that passed on the wall and not on the monotonic clock. */
export interface Suspend {
  /** Calls `woke` after a sleep of at least a second, with its length; returns the way to stop. */
  watch(woke: (slept: Millis) => void): () => void;
}
