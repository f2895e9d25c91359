import type {
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  InterfaceAddress,
  LinkIndex,
  Network,
  NetworkEvent,
  NetworkLink,
  NetworkSnapshot,
  PacketEvents,
  PacketOptions,
  PacketSocket,
  Route,
} from "../context/index.ts";
import { type ErrorCode, SecureStreamsError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import { SimCard } from "./sim-card.ts";
import type { SimClock } from "./sim-clock.ts";
import type { SimSegment } from "./sim-segment.ts";

/** A call of Network that may be refused. */
export type NetworkCall = Exclude<keyof Network, "watch">;

export interface SimLinkOptions {
  /** Six bytes; default 02:00:00:00:00 and the index. */
  readonly hardwareAddress?: Uint8Array;
  /** Default 1500. */
  readonly mtu?: number;
  /** Default true. */
  readonly isUp?: boolean;
}

/** The network of a simulated machine: links with cables, addresses that the kernel ages, routes, and who hears of it. */
export class SimNetwork implements Network {
  /** Changes that were asked for, in order: `putAddress 192.0.2.100/24 3600 s`. */
  readonly changes: { readonly at: Millis; readonly change: string }[] = [];
  readonly #clock: SimClock;
  readonly #cards = new Map<LinkIndex, SimCard>();
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  readonly #refusals = new Map<NetworkCall, ErrorCode>();
  #addresses: readonly { readonly address: InterfaceAddress; readonly calledOff: () => void }[] = [];
  #routes: readonly Route[] = [];
  #last: LinkIndex = 0;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** Adds an interface; with a segment its cable is in. */
  add(name: string, segment?: SimSegment, options: SimLinkOptions = {}): NetworkLink {
    this.#last += 1;
    const index = this.#last;
    const { hardwareAddress = Uint8Array.of(2, 0, 0, 0, 0, index), mtu = 1500, isUp = true } = options;
    const link = { index, name, hardwareType: 1, hardwareAddress, mtu, isUp, hasCarrier: false };
    const card = new SimCard(link, this.#clock, (self) => this.#addressesOf(self.link.index));
    this.#cards.set(index, card);
    if (segment !== undefined) this.plug(name, segment);
    return card.link;
  }

  /** Takes an interface away, with its addresses and routes. */
  remove(name: string): void {
    const card = this.#card(name);
    const { link } = card;
    card.unplug();
    this.#cards.delete(link.index);
    this.#tell({ type: "link-gone", link });
    for (const { address } of this.#addresses) if (address.link === link.index) this.dropAddress(address);
  }

  plug(name: string, segment: SimSegment): void {
    this.#card(name).plug(segment);
    this.#change(name, { hasCarrier: true });
  }

  unplug(name: string): void {
    this.#card(name).unplug();
    this.#change(name, { hasCarrier: false });
  }

  /** Gives an interface another hardware address, MTU or state, as its administrator would. */
  set(name: string, change: Partial<Pick<NetworkLink, "hardwareAddress" | "mtu" | "isUp">>): void {
    this.#change(name, change);
  }

  /** Every such call fails with this code, until `allow`. */
  refuse(call: NetworkCall, code: ErrorCode = "not-permitted"): void {
    this.#refusals.set(call, code);
  }

  allow(call: NetworkCall): void {
    this.#refusals.delete(call);
  }

  /** Kinds of the sockets that are open on an interface. */
  sockets(name: string): readonly string[] {
    return this.#card(name).sockets;
  }

  snapshot(): NetworkSnapshot {
    this.#require("snapshot");
    return {
      links: [...this.#cards.values()].map(({ link }) => link),
      addresses: this.#addresses.map(({ address }) => address),
      routes: this.#routes,
    };
  }

  watch(listener: (event: NetworkEvent) => void): () => void {
    const own = (event: NetworkEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  bringUp(link: LinkIndex): void {
    const isUp = this.#at(link).link.isUp;
    this.#require("bringUp", isUp ? undefined : `bringUp ${link}`);
    this.#change(this.#at(link).link.name, { isUp: true });
  }

  setMtu(link: LinkIndex, mtu: number): void {
    this.#require("setMtu", `setMtu ${mtu}`);
    this.#change(this.#at(link).link.name, { mtu });
  }

  putAddress(address: InterfaceAddress): void {
    this.#require("putAddress", `putAddress ${textOf(address)} ${address.validSeconds} s`);
    this.#at(address.link);
    this.#forgetAddress(address);
    const until = this.#clock.now() + address.validSeconds * 1000;
    const calledOff = Number.isFinite(until)
      ? this.#clock.wake(until, () => this.#takeAddress(address))
      : () => {};
    this.#addresses = [...this.#addresses, { address, calledOff }];
    this.#tell({ type: "address", address });
  }

  dropAddress(address: InterfaceAddress): void {
    this.#require("dropAddress", `dropAddress ${textOf(address)}`);
    this.#takeAddress(address);
  }

  /** Like the kernel: takes the place of the one with the same destination and metric, whoever put it there. */
  putRoute(route: Route): void {
    this.#require("putRoute", `putRoute ${routeText(route)}`);
    const source = this.#addresses.some(({ address }) => address.address === route.source);
    if (route.source !== undefined && !source) throw refusal("putRoute", "network-failed");
    const isSame = (each: Route): boolean =>
      each.destination === route.destination &&
      each.prefixLength === route.prefixLength &&
      each.metric === route.metric;
    const replaced = this.#routes.filter(isSame);
    this.#routes = [...this.#routes.filter((each) => !isSame(each)), route];
    for (const each of replaced) this.#tell({ type: "route-gone", route: each });
    this.#tell({ type: "route", route });
  }

  dropRoute(route: Route): void {
    this.#require("dropRoute", `dropRoute ${routeText(route)}`);
    this.#takeRoutes(
      (each) =>
        each.link === route.link && routeText(each) === routeText(route) && each.source === route.source,
    );
  }

  openPackets({ link, kind }: PacketOptions, events: PacketEvents): PacketSocket {
    this.#require("openPackets");
    return this.#at(link).openPackets(kind, events);
  }

  openDatagrams({ link, address }: DatagramOptions, events: DatagramEvents): DatagramSocket {
    this.#require("openDatagrams");
    const card = this.#at(link);
    if (!card.addresses.includes(address)) throw refusal("openDatagrams", "network-failed");
    return card.openDatagrams(address, events);
  }

  #change(name: string, change: Partial<NetworkLink>): void {
    const card = this.#card(name);
    const wasUp = card.link.isUp;
    card.link = { ...card.link, ...change };
    if (wasUp && !card.link.isUp) this.#clock.wake(this.#clock.now(), () => card.tellDown());
    if (!card.link.isUp) this.#takeRoutes(({ link }) => link === card.link.index);
    this.#tell({ type: "link", link: card.link });
  }

  #forgetAddress(address: InterfaceAddress): boolean {
    const found = this.#addresses.find(
      (each) => each.address.link === address.link && textOf(each.address) === textOf(address),
    );
    found?.calledOff();
    this.#addresses = this.#addresses.filter((each) => each !== found);
    return found !== undefined;
  }

  #takeAddress(address: InterfaceAddress): void {
    if (!this.#forgetAddress(address)) return;
    this.#tell({ type: "address-gone", address });
    if (this.#addresses.some((each) => each.address.address === address.address)) return;
    this.#takeRoutes(({ source }) => source === address.address);
  }

  #takeRoutes(isGone: (route: Route) => boolean): void {
    const gone = this.#routes.filter(isGone);
    this.#routes = this.#routes.filter((route) => !gone.includes(route));
    for (const route of gone) this.#tell({ type: "route-gone", route });
  }

  /** What the kernel tells arrives after the present work is done. */
  #tell(event: NetworkEvent): void {
    this.#clock.wake(this.#clock.now(), () => {
      for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener(event);
    });
  }

  #addressesOf(index: LinkIndex): readonly string[] {
    return this.#addresses.flatMap(({ address }) => (address.link === index ? [address.address] : []));
  }

  #card(name: string): SimCard {
    const card = [...this.#cards.values()].find(({ link }) => link.name === name);
    if (card === undefined) throw new TypeError(`There is no interface "${name}"`);
    return card;
  }

  #at(index: LinkIndex): SimCard {
    const card = this.#cards.get(index);
    if (card === undefined) throw refusal(`reach link ${index}`, "interface-missing");
    return card;
  }

  #require(call: NetworkCall, change?: string): void {
    const code = this.#refusals.get(call);
    if (code !== undefined) throw refusal(call, code);
    if (change !== undefined) this.changes.push({ at: this.#clock.now(), change });
  }
}

function refusal(verb: string, code: ErrorCode): SecureStreamsError {
  return new SecureStreamsError({ layer: "system", code, message: `Cannot ${verb}: the simulation refused` });
}

function textOf({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`;
}

function routeText({ destination, prefixLength, gateway, metric }: Route): string {
  return `${destination}/${prefixLength} via ${gateway ?? "-"} metric ${metric}`;
}
