import type {
  InterfaceAddress,
  NetworkEvent,
  NetworkLink,
  NetworkSnapshot,
  Route,
} from "../../context/index.ts";
import { equalBytes } from "../../lib/bytes.ts";
import type { Millis } from "../../lib/millis.ts";
import { unreachable } from "../../lib/unreachable.ts";

/** An address that lives this much longer or shorter than expected has changed. */
const DRIFT: Millis = 2000;

interface KnownAddress {
  readonly address: InterfaceAddress;
  readonly validUntil: Millis;
  readonly preferredUntil: Millis;
}

/** What the listeners have been told. Gives what they have not been told yet. */
export class NetworkMirror {
  readonly #links = new Map<number, NetworkLink>();
  readonly #addresses = new Map<string, KnownAddress>();
  readonly #routes = new Map<string, Route>();

  constructor(snapshot: NetworkSnapshot, now: Millis) {
    this.compare(snapshot, now);
  }

  /** The event, if it is news; before it those that it implies. `replaces`: the kernel says NLM_F_REPLACE. */
  apply(event: NetworkEvent, replaces: boolean, now: Millis): readonly NetworkEvent[] {
    switch (event.type) {
      case "link":
        return this.#link(event.link);
      case "link-gone":
        return this.#links.delete(event.link.index) ? [event] : [];
      case "address":
        return this.#address(event.address, now);
      case "address-gone":
        return this.#addresses.delete(addressKey(event.address)) ? [event] : [];
      case "route":
        return [...(replaces ? this.#replaced(event.route) : []), ...this.#route(event.route)];
      case "route-gone":
        return this.#routes.delete(routeKey(event.route)) ? [event] : [];
      case "resynchronised":
        return [event];
      default:
        return unreachable(event);
    }
  }

  /** The differences to `snapshot`, what is gone first; from now on it counts as told. */
  compare({ links, addresses, routes }: NetworkSnapshot, now: Millis): readonly NetworkEvent[] {
    const found = {
      links: new Set(links.map(({ index }) => index)),
      addresses: new Set(addresses.map(addressKey)),
      routes: new Set(routes.map(routeKey)),
    };
    return [
      ...goneFrom(this.#routes, found.routes).map((route) => ({ type: "route-gone", route }) as const),
      ...goneFrom(this.#addresses, found.addresses).map(
        ({ address }) => ({ type: "address-gone", address }) as const,
      ),
      ...goneFrom(this.#links, found.links).map((link) => ({ type: "link-gone", link }) as const),
      ...links.flatMap((link) => this.#link(link)),
      ...addresses.flatMap((address) => this.#address(address, now)),
      ...routes.flatMap((route) => this.#route(route)),
    ];
  }

  #link(link: NetworkLink): readonly NetworkEvent[] {
    const known = this.#links.get(link.index);
    if (known !== undefined && isSameLink(known, link)) return [];
    this.#links.set(link.index, link);
    const told = { type: "link", link } as const;
    return hasLostCarrier(known, link)
      ? [{ type: "link", link: { ...link, hasCarrier: false } }, told]
      : [told];
  }

  #address(address: InterfaceAddress, now: Millis): readonly NetworkEvent[] {
    const key = addressKey(address);
    const known = this.#addresses.get(key);
    const next = {
      address,
      validUntil: now + address.validSeconds * 1000,
      preferredUntil: now + address.preferredSeconds * 1000,
    };
    if (known !== undefined && isSameAddress(known, next)) return [];
    this.#addresses.set(key, next);
    return [{ type: "address", address }];
  }

  #route(route: Route): readonly NetworkEvent[] {
    const key = routeKey(route);
    const known = this.#routes.get(key);
    if (known !== undefined && isSameRoute(known, route)) return [];
    this.#routes.set(key, route);
    return [{ type: "route", route }];
  }

  /** Routes whose place this one takes. */
  #replaced(route: Route): readonly NetworkEvent[] {
    const gone: NetworkEvent[] = [];
    for (const [key, known] of this.#routes) {
      const isSamePlace =
        known.destination === route.destination &&
        known.prefixLength === route.prefixLength &&
        known.metric === route.metric;
      if (!isSamePlace || key === routeKey(route)) continue;
      this.#routes.delete(key);
      gone.push({ type: "route-gone", route: known });
    }
    return gone;
  }
}

function goneFrom<Key, Value>(known: Map<Key, Value>, found: ReadonlySet<Key>): readonly Value[] {
  const gone: Value[] = [];
  for (const [key, value] of known) {
    if (found.has(key)) continue;
    known.delete(key);
    gone.push(value);
  }
  return gone;
}

function addressKey({ link, address, prefixLength }: InterfaceAddress): string {
  return `${link} ${address}/${prefixLength}`;
}

/** Also what tells one route from another when one is dropped. */
export function routeKey({ destination, prefixLength, metric, link, gateway }: Route): string {
  return `${destination}/${prefixLength} ${metric} ${link} ${gateway ?? ""}`;
}

/** The kernel collects changes of the carrier for up to a second: behind a cable that was out that long may be another network. */
function hasLostCarrier(known: NetworkLink | undefined, link: NetworkLink): boolean {
  if (known?.hasCarrier !== true || !link.hasCarrier) return false;
  return known.carrierLosses !== undefined && known.carrierLosses !== link.carrierLosses;
}

function isSameLink(one: NetworkLink, other: NetworkLink): boolean {
  return (
    one.name === other.name &&
    one.mtu === other.mtu &&
    one.isUp === other.isUp &&
    one.hasCarrier === other.hasCarrier &&
    one.carrierLosses === other.carrierLosses &&
    equalBytes(one.hardwareAddress, other.hardwareAddress)
  );
}

function isSameAddress(one: KnownAddress, other: KnownAddress): boolean {
  return (
    one.address.broadcast === other.address.broadcast &&
    one.address.protocol === other.address.protocol &&
    one.address.prefixMetric === other.address.prefixMetric &&
    isSameMoment(one.validUntil, other.validUntil) &&
    isSameMoment(one.preferredUntil, other.preferredUntil)
  );
}

function isSameMoment(one: Millis, other: Millis): boolean {
  return one === other || Math.abs(one - other) < DRIFT;
}

function isSameRoute(one: Route, other: Route): boolean {
  return one.source === other.source && one.protocol === other.protocol && one.isOnLink === other.isOnLink;
}
