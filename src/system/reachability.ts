import { addressBytes } from "../lib/address.ts";
import { toHex } from "../lib/bytes.ts";

/** Of a network interface, what decides where packets go. */
export interface LinkFacts {
  readonly index: number;
  readonly isUp: boolean;
}

export interface AddressFacts {
  readonly link: number;
  readonly address: string;
}

export interface RouteFacts {
  readonly link: number;
  readonly destination: string;
  readonly prefixLength: number;
  readonly gateway?: string | undefined;
  readonly source?: string | undefined;
  readonly metric: number;
}

export interface NetworkFacts {
  readonly links: readonly LinkFacts[];
  readonly addresses: readonly AddressFacts[];
  readonly routes: readonly RouteFacts[];
}

export type NetworkFactChange =
  | { readonly type: "link" | "link-gone"; readonly link: LinkFacts }
  | { readonly type: "address" | "address-gone"; readonly address: AddressFacts }
  | { readonly type: "route" | "route-gone"; readonly route: RouteFacts }
  | { readonly type: "resynchronised" };

/** What a change means to those who are connected, or want to be. */
export interface Consequence {
  /** Connections may have lost their path: ask `whyGone` for each. */
  readonly mayBreak: boolean;
  /** Something can be reached that could not: who waits should try now. */
  readonly mayHelp: boolean;
  /** A route came or went, for the message `{"rt":...}`. */
  readonly route: "add" | "del" | undefined;
  /** The way to everything changed: the network may be another one. */
  readonly isDefaultRoute: boolean;
}

/** The addresses of a connection's two ends. */
export interface PathFacts {
  readonly local: string;
  readonly remote: string;
}

/** Why a connection can no longer work. */
export type PathFault = "address-gone" | "no-route" | "other-link";

const NO_CONSEQUENCE: Consequence = {
  mayBreak: false,
  mayHelp: false,
  route: undefined,
  isDefaultRoute: false,
};

interface Tables {
  readonly addresses: ReadonlyMap<string, AddressFacts>;
  readonly routes: ReadonlyMap<string, RouteFacts>;
}

const EMPTY: Tables = { addresses: new Map(), routes: new Map() };

/**
 * What the kernel's addresses and routes mean for connections: which lost their source address or their way by the
 * last change. It advises; what was never as it should be is left alone.
 */
export class Reachability {
  #now: Tables = EMPTY;
  #before: Tables = EMPTY;

  /** Begins anew with what the kernel has. */
  reset({ addresses, routes }: NetworkFacts): void {
    this.#now = {
      addresses: new Map(addresses.map((each) => [addressKey(each), each])),
      routes: new Map(routes.map((each) => [routeKey(each), each])),
    };
    this.#before = this.#now;
  }

  handle(change: NetworkFactChange): Consequence {
    this.#before = this.#now;
    switch (change.type) {
      case "address": {
        const isNew = !this.#now.addresses.has(addressKey(change.address));
        this.#put("addresses", addressKey(change.address), change.address);
        return { ...NO_CONSEQUENCE, mayHelp: isNew };
      }
      case "address-gone":
        return { ...NO_CONSEQUENCE, mayBreak: this.#drop("addresses", addressKey(change.address)) };
      case "route":
        return this.#routeAdded(change.route);
      case "route-gone":
        return this.#routeGone(change.route);
      case "link":
        return change.link.isUp ? NO_CONSEQUENCE : this.#linkDown(change.link, false);
      case "link-gone":
        return this.#linkDown(change.link, true);
      default:
        return NO_CONSEQUENCE;
    }
  }

  /** Whether the last change took a connection's path away, and how; undefined where it did not. */
  whyGone(path: PathFacts): PathFault | undefined {
    const fault = faultOf(path, this.#now);
    return fault === undefined || faultOf(path, this.#before) !== undefined ? undefined : fault;
  }

  #routeAdded(route: RouteFacts): Consequence {
    const old = this.#now.routes.get(routeKey(route));
    this.#put("routes", routeKey(route), route);
    if (old !== undefined && old.gateway === route.gateway && old.source === route.source)
      return NO_CONSEQUENCE;
    return { mayBreak: true, mayHelp: true, route: "add", isDefaultRoute: route.prefixLength === 0 };
  }

  /** The same destination by another gateway is another route. */
  #routeGone(route: RouteFacts): Consequence {
    const old = this.#now.routes.get(routeKey(route));
    if (old === undefined || old.gateway !== route.gateway) return NO_CONSEQUENCE;
    this.#drop("routes", routeKey(route));
    return { mayBreak: true, mayHelp: false, route: "del", isDefaultRoute: route.prefixLength === 0 };
  }

  /** The kernel drops the routes of a link that goes down, and says nothing of those of IPv4. */
  #linkDown({ index }: LinkFacts, isGone: boolean): Consequence {
    const { addresses, routes } = this.#now;
    const lost = [...routes.values()].filter(({ link }) => link === index);
    const staying = [...addresses].filter(([, { link }]) => !isGone || link !== index);
    if (lost.length === 0 && staying.length === addresses.size) return NO_CONSEQUENCE;
    this.#now = {
      addresses: new Map(staying),
      routes: new Map([...routes].filter(([, { link }]) => link !== index)),
    };
    const isDefaultRoute = lost.some(({ prefixLength }) => prefixLength === 0);
    return { mayBreak: true, mayHelp: false, route: lost.length > 0 ? "del" : undefined, isDefaultRoute };
  }

  #put<Table extends keyof Tables>(
    table: Table,
    key: string,
    value: Table extends "routes" ? RouteFacts : AddressFacts,
  ): void {
    this.#now = { ...this.#now, [table]: new Map<string, unknown>(this.#now[table]).set(key, value) };
  }

  #drop(table: keyof Tables, key: string): boolean {
    const rest = new Map<string, unknown>(this.#now[table]);
    const wasThere = rest.delete(key);
    this.#now = { ...this.#now, [table]: rest };
    return wasThere;
  }
}

function faultOf({ local, remote }: PathFacts, { addresses, routes }: Tables): PathFault | undefined {
  const from = addressBytes(local);
  const to = addressBytes(remote);
  if (from === undefined || to === undefined || isLoopback(from)) return undefined;
  const links = [...addresses.values()]
    .filter(({ address }) => isSame(address, from))
    .map(({ link }) => link);
  if (links.length === 0) return "address-gone";
  const best = bestRoutes(to, routes);
  if (best.length === 0) return "no-route";
  const fits = best.some(
    ({ link, source }) => links.includes(link) || (source !== undefined && isSame(source, from)),
  );
  return fits ? undefined : "other-link";
}

/** The longest prefix wins, then the least metric; of what is left the kernel may take any. */
function bestRoutes(to: Uint8Array, routes: ReadonlyMap<string, RouteFacts>): readonly RouteFacts[] {
  let best: RouteFacts[] = [];
  for (const route of routes.values()) {
    if (!covers(route, to)) continue;
    const [first] = best;
    const rank =
      first === undefined ? 1 : route.prefixLength - first.prefixLength || first.metric - route.metric;
    if (rank > 0) best = [route];
    else if (rank === 0) best.push(route);
  }
  return best;
}

function covers({ destination, prefixLength }: RouteFacts, to: Uint8Array): boolean {
  const network = addressBytes(destination);
  if (network === undefined || isFour(network) !== isFour(to)) return false;
  const bits = isFour(network) ? prefixLength + 96 : prefixLength;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    const index = bit >> 3;
    if (((Number(network[index]) ^ Number(to[index])) & mask) !== 0) return false;
  }
  return true;
}

/** IPv4 is kept as `::ffff:a.b.c.d`. */
function isFour(bytes: Uint8Array): boolean {
  return bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

function isLoopback(bytes: Uint8Array): boolean {
  if (isFour(bytes)) return bytes[12] === 127;
  return bytes[15] === 1 && bytes.subarray(0, 15).every((byte) => byte === 0);
}

function isSame(text: string, bytes: Uint8Array): boolean {
  return canonical(text) === toHex(bytes);
}

function addressKey({ link, address }: AddressFacts): string {
  return `${canonical(address)} ${link}`;
}

function routeKey({ link, destination, prefixLength, metric }: RouteFacts): string {
  return `${canonical(destination)}/${prefixLength} ${metric} ${link}`;
}

function canonical(text: string): string {
  const bytes = addressBytes(text);
  return bytes === undefined ? text : toHex(bytes);
}
