import { isWithin, type Lease, type MtuChange } from "../../dhcp/index.ts";
import type { InterfaceAddress, Link, LinkIndex, Network, NetworkEvent, Route } from "../network-ports.ts";
import { isLasting, mtuTooSmall } from "./reason.ts";

/** IFA_PROTO of the addresses that a client of ours put there. */
const OURS = 68;
const LEAST_MTU_OF_IPV6 = 1280;
/** RTPROT_DHCP */
const BY_DHCP = 16;

/** A route as a lease tells it. */
type Way = Omit<Route, "metric">;

export interface TenancyOptions {
  readonly metric: number;
  /** The system refused a part that the lease can do without: a route, the MTU. */
  readonly warn: (error: unknown) => void;
}

/** What of a lease is on the interface. Nothing that it did not put there itself is touched. */
export class Tenancy {
  readonly #network: Network;
  readonly #link: LinkIndex;
  readonly #metric: number;
  readonly #warn: (error: unknown) => void;
  #address: InterfaceAddress | undefined;
  #routes: readonly Route[] = [];
  /** Set where a lease changed the MTU. The link's own event may still be on its way. */
  #mtu: MtuChange | undefined;

  constructor(network: Network, link: LinkIndex, { metric, warn }: TenancyOptions) {
    this.#network = network;
    this.#link = link;
    this.#metric = metric;
    this.#warn = warn;
  }

  /** What the lease did to the MTU of the link. */
  get mtu(): MtuChange | undefined {
    return this.#mtu;
  }

  /** A client before us changed the MTU, was killed, and nobody has changed it since. */
  adoptMtu(change: MtuChange | undefined, link: Link): void {
    if (change?.ours === link.mtu) this.#mtu = change;
  }

  /** The MTU of the link without a lease. */
  mtuOf({ mtu }: Link): number {
    return this.#mtu === undefined || mtu !== this.#mtu.ours ? mtu : this.#mtu.before;
  }

  /**
   * Finds what a client before us left when it was killed. The address `keep` stays, and is ours from now on; the rest
   * goes. True where it stayed. `known` is ours even where the kernel does not tell who put it there, unless it is there
   * for ever: such a one was set by hand.
   */
  adopt(keep: string | undefined, known: string | undefined): boolean {
    const { addresses, routes } = this.#network.snapshot();
    const left = addresses.filter(
      ({ link, address, protocol, validSeconds }) =>
        link === this.#link &&
        (protocol === OURS || (protocol === 0 && address === known && Number.isFinite(validSeconds))),
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

  /**
   * Puts the lease there, or what is missing of it: a renewal only prolongs, a new address comes before the old one goes.
   * A route whose metric another route to the same destination has gets the next free one: it would take that one's
   * place. Throws what leaves the lease without an address.
   */
  apply(lease: Lease, validSeconds: number, link: Link): void {
    const found = this.#network.snapshot();
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
    this.#setMtu(this.#bearable(lease.mtu, found.addresses, link), link);
    if (isForeign(found.addresses, address, before.address)) this.#address = undefined;
    else {
      this.#network.putAddress(address);
      this.#address = address;
    }
    const wanted = withMetrics(waysOf(lease, this.#link), {
      metric: this.#metric,
      ours: before.routes,
      others: found.routes.filter((route) => !before.routes.some((each) => isSameRoute(each, route))),
    });
    const isThere = (route: Route): boolean =>
      isIn(before.routes, route) && found.routes.some((each) => isSameRoute(each, route));
    this.#routes = [...before.routes, ...wanted];
    const put = wanted.filter(
      (route) => isThere(route) || this.#attempt(() => this.#network.putRoute(route)),
    );
    this.#routes = put;
    for (const route of before.routes) if (!isIn(put, route)) this.#network.dropRoute(route);
    if (before.address !== undefined && !isSame(before.address, address)) {
      this.#network.dropAddress(before.address);
    }
  }

  /** Whether an event tells that something of ours is gone, and it has not come back since. */
  isLossOf(event: NetworkEvent): boolean {
    if (event.type === "address-gone") {
      const gone = event.address;
      if (this.#address === undefined || !isSame(this.#address, gone)) return false;
      return !this.#network.snapshot().addresses.some((each) => isSame(each, gone));
    }
    if (event.type !== "route-gone" || !isIn(this.#routes, event.route)) return false;
    return !isIn(this.#network.snapshot().routes, event.route);
  }

  /** Whether all of it is there. */
  isWhole(): boolean {
    const { addresses, routes } = this.#network.snapshot();
    const address = this.#address;
    const hasAddress = address === undefined || addresses.some((each) => isSame(each, address));
    return hasAddress && this.#routes.every((route) => isIn(routes, route));
  }

  /** Takes everything back, as far as the system lets; throws the first refusal. */
  withdraw(link: Link): void {
    const address = this.#address;
    const works = [
      ...this.#routes.map((route) => () => this.#network.dropRoute(route)),
      ...(address === undefined ? [] : [() => this.#network.dropAddress(address)]),
      () => this.#setMtu(undefined, link),
    ];
    this.#address = undefined;
    this.#routes = [];
    const failures: unknown[] = [];
    for (const work of works) {
      try {
        work();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#mtu = undefined;
    if (failures.length > 0) throw failures[0];
  }

  /** The kernel takes IPv6 off a link with a smaller MTU (RFC 8200, 5), and what was set by hand does not come back. */
  #bearable(mtu: number | undefined, addresses: readonly InterfaceAddress[], link: Link): number | undefined {
    if (mtu === undefined || mtu >= LEAST_MTU_OF_IPV6) return mtu;
    const hasIpv6 = addresses.some((each) => each.link === this.#link && each.address.includes(":"));
    if (!hasIpv6) return mtu;
    if (link.mtu !== LEAST_MTU_OF_IPV6) this.#warn(mtuTooSmall(link.name, mtu));
    return LEAST_MTU_OF_IPV6;
  }

  /** Undefined sets the one that the link had before. Where somebody else set another meanwhile, that one stays. */
  #setMtu(wanted: number | undefined, link: Link): void {
    const set = this.#mtu;
    const isOurs = set !== undefined && (link.mtu === set.ours || link.mtu === set.before);
    const before = isOurs ? set.before : link.mtu;
    const present = isOurs ? set.ours : link.mtu;
    const mtu = wanted ?? before;
    if (mtu !== present && !this.#attempt(() => this.#network.setMtu(this.#link, mtu))) return;
    this.#mtu = mtu === before ? undefined : { before, ours: mtu };
  }

  /** False where the system refused for a reason that concerns this one thing. */
  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (isLasting(error)) throw error;
      this.#warn(error);
      return false;
    }
  }
}

/** The way to a gateway must be there before the route over it. */
function waysOf({ address, prefixLength, routes }: Lease, link: LinkIndex): readonly Way[] {
  const isOnLink = (gateway: string): boolean => isWithin(gateway, address, prefixLength);
  const all = routes.map(
    ({ destination, prefixLength: length, gateway }): Way => ({
      link,
      destination,
      prefixLength: length,
      gateway,
      source: address,
      protocol: BY_DHCP,
      ...(gateway === undefined || isOnLink(gateway) ? {} : { isOnLink: true }),
    }),
  );
  return all
    .filter((way, index) => all.findIndex((each) => isSameWay(each, way)) === index)
    .toSorted((one, other) => Number(other.gateway === undefined) - Number(one.gateway === undefined));
}

/** Routes that were there keep their metric; a new one gets the least that no other route to its destination has. */
function withMetrics(
  ways: readonly Way[],
  {
    metric,
    ours,
    others,
  }: { readonly metric: number; readonly ours: readonly Route[]; readonly others: readonly Route[] },
): readonly Route[] {
  const kept = ways.flatMap((way) => ours.find((route) => isSameWay(route, way)) ?? []);
  const chosen: Route[] = [];
  for (const way of ways) {
    const had = kept.find((route) => isSameWay(route, way));
    const taken = new Set(
      [...others, ...kept, ...chosen]
        .filter((route) => isSameDestination(route, way))
        .map((route) => route.metric),
    );
    let free = metric;
    while (taken.has(free)) free += 1;
    chosen.push({ ...way, metric: had?.metric ?? free });
  }
  return chosen;
}

/** Whether somebody else put this address on the link. */
function isForeign(
  addresses: readonly InterfaceAddress[],
  address: InterfaceAddress,
  ours: InterfaceAddress | undefined,
): boolean {
  if (ours !== undefined && isSame(ours, address)) return false;
  return addresses.some(
    (each) => each.link === address.link && isSame(each, address) && each.protocol !== OURS,
  );
}

function isSame(one: InterfaceAddress, other: InterfaceAddress): boolean {
  return one.link === other.link && one.address === other.address && one.prefixLength === other.prefixLength;
}

function isSameDestination(one: Way, other: Way): boolean {
  return one.destination === other.destination && one.prefixLength === other.prefixLength;
}

function isSameWay(one: Way, other: Way): boolean {
  return isSameDestination(one, other) && one.gateway === other.gateway && one.source === other.source;
}

function isSameRoute(one: Route, other: Route): boolean {
  return one.link === other.link && one.metric === other.metric && isSameWay(one, other);
}

function isIn(routes: readonly Route[], route: Route): boolean {
  return routes.some((each) => isSameRoute(each, route));
}
