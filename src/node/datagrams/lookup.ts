import type { LookupAddress, LookupOptions } from "node:dns";
import { ADDRCONFIG, ALL, getDefaultResultOrder, V4MAPPED } from "node:dns";
import { promisify } from "node:util";
import { type AddressOptions, DnsError, type NameResolver } from "../../context/index.ts";
import { addressFamily } from "../../dns/index.ts";
import { HostFamilies } from "./host-families.ts";
import { toNodeError } from "./node-error.ts";

/** The callback of `dns.lookup`: one address, or with `all` a list. */
export type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** In the form of `dns.lookup`: for `net`, `tls`, `http`, `https`, `http2`, `ws` and undici. */
export interface LookupFunction {
  (hostname: string, options: LookupOptions | number, callback: LookupCallback): void;
  (hostname: string, callback: LookupCallback): void;
}

interface Wanted {
  readonly family: 0 | 4 | 6;
  readonly all: boolean;
  readonly order: AddressOptions["order"];
  readonly hints: number;
}

const FAMILIES: Readonly<Record<string, 0 | 4 | 6>> = { "0": 0, "4": 4, "6": 6, IPv4: 4, IPv6: 6 };
const HINTS = ADDRCONFIG | ALL | V4MAPPED;
/** How long the order of a host's addresses is taken for granted. */
const KEPT = 2000;
const MOST = 10_000;

/** A drop-in for `dns.lookup` that asks `resolver`. Calls back later, never before it has returned. */
export function createLookup(resolver: NameResolver): LookupFunction {
  const families = new HostFamilies();
  const ready = new Ready(resolver);
  const lookup = (
    hostname: string,
    given: LookupOptions | number | LookupCallback,
    last?: LookupCallback,
  ): void => {
    const callback = typeof given === "function" ? given : last;
    if (typeof callback !== "function") throw invalid("TYPE", "callback", "of type function", callback);
    const wanted = readOptions(typeof given === "function" ? {} : given);
    if (!hostname) {
      if (wanted.all) process.nextTick(callback, null, []);
      else process.nextTick(callback, null, null, wanted.family === 6 ? 6 : 4);
      return;
    }
    if (typeof hostname !== "string") throw invalid("TYPE", "hostname", "of type string", hostname);
    const cached = ready.find(hostname, wanted);
    if (cached !== undefined) {
      process.nextTick(deliver, cached, wanted, callback);
      return;
    }
    if (addressFamily(hostname) !== 0) {
      process.nextTick(deliver, [hostname], wanted, callback);
      return;
    }
    const { order, hints } = wanted;
    const family =
      (hints & ADDRCONFIG) === 0 ? wanted.family : narrowed(wanted.family, families.configured());
    if (family === undefined) {
      const error = toNodeError(new DnsError("no-data", hostname), "getaddrinfo", hostname);
      process.nextTick(callback, error);
      return;
    }
    resolver.addresses(hostname, { family, order, mapped: wanted.family === 6 && isMapped(hints) }).then(
      // Out of the promise, so that what a callback throws is an uncaught exception.
      (addresses) => {
        ready.remember(hostname, wanted, addresses);
        process.nextTick(deliver, addresses, wanted, callback);
      },
      (error: DnsError) => process.nextTick(callback, toNodeError(error, "getaddrinfo", hostname)),
    );
  };
  return Object.assign(lookup, { [promisify.custom]: promisedLookup(lookup) });
}

/** The form of `dns.promises.lookup`: resolves to `{ address, family }`, or with `all` to the list. */
export function promisedLookup(
  lookup: LookupFunction,
): (hostname: string, options?: LookupOptions | number) => Promise<unknown> {
  return (hostname, options = {}) =>
    new Promise((resolve, reject) => {
      lookup(hostname, options, (error, address, family) => {
        if (error !== null) reject(error);
        else resolve(Array.isArray(address) ? address : { address, family });
      });
    });
}

/** `ADDRCONFIG`: the family to ask for on a host with these; undefined where it has not the wanted one. */
function narrowed(wanted: 0 | 4 | 6, configured: readonly (4 | 6)[]): 0 | 4 | 6 | undefined {
  const [first] = configured;
  if (wanted === 0) return configured.length === 1 && first !== undefined ? first : 0;
  return configured.includes(wanted) ? wanted : undefined;
}

function isMapped(hints: number): boolean | "all" {
  if ((hints & V4MAPPED) === 0) return false;
  return (hints & ALL) === 0 ? true : "all";
}

/** Answers at once what is cached and whose order is known. */
class Ready {
  readonly #resolver: NameResolver;
  readonly #ordered = new Map<string, Ordered>();

  constructor(resolver: NameResolver) {
    this.#resolver = resolver;
  }

  find(hostname: string, { family, order, hints }: Wanted): readonly string[] | undefined {
    if (order !== "rfc6724" || hints !== 0) return undefined;
    if (family !== 0) {
      const known = this.#resolver.peek(hostname, family);
      return known?.length === 1 ? known : undefined;
    }
    const both = this.#resolver.peekBoth(hostname);
    if (both === undefined) return undefined;
    const { six, four } = both;
    if (six.length + four.length === 1) return six.length === 1 ? six : four;
    const ordered = this.#ordered.get(hostname);
    if (ordered === undefined || ordered.six !== six || ordered.four !== four) return undefined;
    return performance.now() < ordered.until ? ordered.addresses : undefined;
  }

  /** Keeps the order of a host's addresses as long as the cache keeps these. */
  remember(hostname: string, { family, order }: Wanted, addresses: readonly string[]): void {
    const both = family === 0 && order === "rfc6724" ? this.#resolver.peekBoth(hostname) : undefined;
    if (both === undefined) return;
    if (this.#ordered.size >= MOST) this.#ordered.clear();
    this.#ordered.set(hostname, { ...both, addresses, until: performance.now() + KEPT });
  }
}

interface Ordered {
  readonly six: readonly string[];
  readonly four: readonly string[];
  readonly addresses: readonly string[];
  readonly until: number;
}

function deliver(addresses: readonly string[], { all }: Wanted, callback: LookupCallback): void {
  if (all) {
    callback(
      null,
      addresses.map((address) => ({ address, family: addressFamily(address) })),
    );
    return;
  }
  const address = addresses[0] ?? "";
  callback(null, address, address.includes(":") ? 6 : 4);
}

function readOptions(options: LookupOptions | number | null | undefined): Wanted {
  if (typeof options === "number" || options == null) {
    return { family: readFamily(options ?? 0), all: false, order: readOrder({}), hints: 0 };
  }
  const { all = false, hints = 0 } = options;
  if (typeof all !== "boolean") throw invalid("TYPE", "options.all", "of type boolean", all);
  if (typeof hints !== "number") throw invalid("TYPE", "options.hints", "of type number", hints);
  if ((hints & ~HINTS) !== 0) throw invalid("VALUE", "options.hints", "made of flags", hints);
  return { family: readFamily(options.family ?? 0), all, order: readOrder(options), hints };
}

function readFamily(family: unknown): 0 | 4 | 6 {
  const known = FAMILIES[String(family)];
  if (known === undefined) throw invalid("VALUE", "options.family", "one of 0, 4, 6", family);
  return known;
}

function readOrder(options: LookupOptions & { readonly order?: string }): AddressOptions["order"] {
  const { verbatim, order } = options;
  if (verbatim != null && typeof verbatim !== "boolean")
    throw invalid("TYPE", "options.verbatim", "of type boolean", verbatim);
  const byVerbatim = verbatim == null ? getDefaultResultOrder() : verbatim ? "verbatim" : "ipv4first";
  switch (order ?? byVerbatim) {
    case "verbatim":
      return "rfc6724";
    case "ipv4first":
      return "ipv4first";
    case "ipv6first":
      return "ipv6first";
    default:
      throw invalid("VALUE", "options.order", "one of verbatim, ipv4first, ipv6first", options.order);
  }
}

function invalid(kind: "TYPE" | "VALUE", name: string, wanted: string, given: unknown): TypeError {
  const error = new TypeError(`Cannot look up: "${name}" must be ${wanted}, not ${String(given)}`);
  return Object.assign(error, { code: `ERR_INVALID_ARG_${kind}` });
}
