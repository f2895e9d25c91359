import type { Lease } from "../../dhcp/index.ts";
import { isWithin } from "../../dhcp/index.ts";
import type { InterfaceAddress, Link, LinkIndex, Network, NetworkSnapshot, Route } from "../network-ports.ts";

/** IFA_PROTO of the addresses that a client of ours put there. */
const OURS = 68;
/** RTPROT_DHCP */
const BY_DHCP = 16;

/** What of a lease is on the interface. Nothing that it did not put there itself is touched. */
export class Tenancy {
  readonly #network: Network;
  readonly #link: LinkIndex;
  readonly #metric: number;
  #address: InterfaceAddress | undefined;
  #routes: readonly Route[] = [];
  /** What the link had before a lease set another MTU, and what that is: the link's own word of it comes later. */
  #mtu: { readonly before: number; readonly now: number } | undefined;

  constructor(network: Network, link: LinkIndex, metric: number) {
    this.#network = network;
    this.#link = link;
    this.#metric = metric;
  }

  /** The MTU of the link without a lease. */
  mtuOf({ mtu }: Link): number {
    return this.#mtu?.before ?? mtu;
  }

  /**
   * Finds what a client before us left when it was killed. The address `keep` stays, and is ours from now on; the rest
   * goes. True where it stayed. `known` is ours even where the kernel does not tell who put it there.
   */
  adopt(
    { addresses, routes }: NetworkSnapshot,
    { keep, known }: { readonly keep: string | undefined; readonly known: string | undefined },
  ): boolean {
    const left = addresses.filter(
      ({ link, address, protocol }) =>
        link === this.#link && (protocol === OURS || (protocol === 0 && address === known)),
    );
    for (const address of left) {
      const its = routes.filter(
        ({ link, source, protocol }) =>
          link === this.#link && protocol === BY_DHCP && source === address.address,
      );
      if (address.address === keep && this.#address === undefined) {
        this.#address = address;
        this.#routes = its;
      } else {
        for (const route of its) this.#network.dropRoute(route);
        this.#network.dropAddress(address);
      }
    }
    return this.#address !== undefined;
  }

  /** Puts the lease there, or what is new of it: a renewal only prolongs, a new address comes before the old one goes. */
  apply(lease: Lease, validSeconds: number, link: Link): void {
    const before = { address: this.#address, routes: this.#routes };
    const address: InterfaceAddress = {
      link: this.#link,
      address: lease.address,
      prefixLength: lease.prefixLength,
      broadcast: lease.broadcast,
      validSeconds,
      preferredSeconds: validSeconds,
      protocol: OURS,
      prefixMetric: this.#metric,
    };
    this.#setMtu(lease.mtu ?? this.mtuOf(link), link);
    this.#network.putAddress(address);
    this.#address = address;
    const routes = this.#placed(this.#routesOf(lease), before.routes);
    this.#routes = routes;
    for (const route of routes) if (!before.routes.includes(route)) this.#network.putRoute(route);
    for (const route of before.routes) {
      if (!routes.some((each) => isSamePlace(each, route))) this.#network.dropRoute(route);
    }
    if (before.address !== undefined && !isSame(before.address, address)) {
      this.#network.dropAddress(before.address);
    }
  }

  /** Takes everything back. */
  withdraw(): void {
    const address = this.#address;
    const routes = this.#routes;
    const mtu = this.#mtu;
    this.#address = undefined;
    this.#routes = [];
    this.#mtu = undefined;
    for (const route of routes) this.#network.dropRoute(route);
    if (address !== undefined) this.#network.dropAddress(address);
    if (mtu !== undefined) this.#network.setMtu(this.#link, mtu.before);
  }

  #setMtu(mtu: number, link: Link): void {
    const before = this.mtuOf(link);
    if (mtu !== (this.#mtu?.now ?? link.mtu)) this.#network.setMtu(this.#link, mtu);
    this.#mtu = mtu === before ? undefined : { before, now: mtu };
  }

  /**
   * Each route with the first metric from its own on that no other route to its destination has: the kernel keeps one of
   * each, and would put ours in the place of another's. What is there already stays; what somebody took away comes anew.
   */
  #placed(wanted: readonly Route[], before: readonly Route[]): readonly Route[] {
    const { routes } = this.#network.snapshot();
    const taken = routes.filter((route) => !before.some((each) => isSameHop(each, route)));
    return wanted.map((route) => {
      const had = before.find((each) => keyOf(each) === keyOf(route));
      let placed = had ?? route;
      while (taken.some((each) => isSamePlace(each, placed)))
        placed = { ...placed, metric: placed.metric + 1 };
      taken.push(placed);
      const isThere = placed === had && routes.some((each) => isSameHop(each, placed));
      return isThere ? placed : { ...placed };
    });
  }

  /** The way to a gateway must be there before the route over it. */
  #routesOf({ address, prefixLength, routes }: Lease): readonly Route[] {
    const isOnLink = (gateway: string): boolean => isWithin(gateway, address, prefixLength);
    const all = routes.map(
      ({ destination, prefixLength: length, gateway }): Route => ({
        link: this.#link,
        destination,
        prefixLength: length,
        gateway,
        source: address,
        metric: this.#metric,
        protocol: BY_DHCP,
        ...(gateway === undefined || isOnLink(gateway) ? {} : { isOnLink: true }),
      }),
    );
    return all.toSorted(
      (one, other) => Number(other.gateway === undefined) - Number(one.gateway === undefined),
    );
  }
}

function isSamePlace(one: Route, other: Route): boolean {
  return (
    one.destination === other.destination &&
    one.prefixLength === other.prefixLength &&
    one.metric === other.metric
  );
}

function isSameHop(one: Route, other: Route): boolean {
  return isSamePlace(one, other) && one.link === other.link && one.gateway === other.gateway;
}

function isSame(one: InterfaceAddress, other: InterfaceAddress): boolean {
  return one.address === other.address && one.prefixLength === other.prefixLength;
}

function keyOf({ destination, prefixLength, gateway, source }: Route): string {
  return `${destination}/${prefixLength} ${gateway ?? "-"} ${source ?? "-"}`;
}
