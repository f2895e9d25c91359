import type { Lease } from "../../dhcp/index.ts";
import { isWithin } from "../../dhcp/index.ts";
import type { InterfaceAddress, Link, LinkIndex, Network, Route } from "../network-ports.ts";

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
  /** The MTU that the link had before a lease set another. */
  #mtuBefore: number | undefined;

  constructor(network: Network, link: LinkIndex, metric: number) {
    this.#network = network;
    this.#link = link;
    this.#metric = metric;
  }

  /** The MTU of the link without a lease. */
  mtuOf({ mtu }: Link): number {
    return this.#mtuBefore ?? mtu;
  }

  /**
   * Finds what a client before us left when it was killed. The address `keep` stays, and is ours from now on; the rest
   * goes. True where it stayed. `known` is ours even where the kernel does not tell who put it there.
   */
  adopt(keep: string | undefined, known: string | undefined): boolean {
    const { addresses, routes } = this.#network.snapshot();
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
    const routes = this.#routesOf(lease);
    const had = new Set(before.routes.map(keyOf));
    const has = new Set(routes.map(keyOf));
    this.#routes = routes;
    for (const route of routes) if (!had.has(keyOf(route))) this.#network.putRoute(route);
    for (const route of before.routes) if (!has.has(keyOf(route))) this.#network.dropRoute(route);
    if (before.address !== undefined && !isSame(before.address, address)) {
      this.#network.dropAddress(before.address);
    }
  }

  /** Takes everything back. */
  withdraw(link: Link | undefined): void {
    const address = this.#address;
    const routes = this.#routes;
    this.#address = undefined;
    this.#routes = [];
    for (const route of routes) this.#network.dropRoute(route);
    if (address !== undefined) this.#network.dropAddress(address);
    if (link !== undefined && this.#mtuBefore !== undefined) this.#setMtu(this.#mtuBefore, link);
    this.#mtuBefore = undefined;
  }

  #setMtu(mtu: number, link: Link): void {
    const before = this.mtuOf(link);
    if (mtu !== link.mtu) this.#network.setMtu(this.#link, mtu);
    this.#mtuBefore = mtu === before ? undefined : before;
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

function isSame(one: InterfaceAddress, other: InterfaceAddress): boolean {
  return one.address === other.address && one.prefixLength === other.prefixLength;
}

function keyOf({ destination, prefixLength, gateway, source }: Route): string {
  return `${destination}/${prefixLength} ${gateway ?? "-"} ${source ?? "-"}`;
}
