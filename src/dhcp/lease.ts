import { Malformed } from "../lib/malformed.ts";
import { broadcastOf, type Ipv4, isHost, isWithin, networkOf } from "./address.ts";
import type { LeaseRoute } from "./classless-routes.ts";
import type { Options } from "./options.ts";
import type { Reply } from "./reply.ts";

/** What a server says of the network beside the address. Text is safe to print; addresses are those of hosts. */
export interface Configuration {
  /** The server that said so (option 54). */
  readonly server: Ipv4;
  readonly routers: readonly Ipv4[];
  /** In the order to ask them. */
  readonly dnsServers: readonly Ipv4[];
  /** Suffixes to try: option 119, or the domain name. */
  readonly searchDomains: readonly string[];
  readonly ntpServers: readonly Ipv4[];
  readonly domainName: string | undefined;
  /** The name that the server has for this host. */
  readonly hostname: string | undefined;
  /** The API of the captive portal (RFC 8910). */
  readonly captivePortal: string | undefined;
  readonly tftpServer: string | undefined;
  readonly bootFile: string | undefined;
  /** `TZ` as POSIX has it, and the zone's name (RFC 4833). */
  readonly posixTimezone: string | undefined;
  readonly timezone: string | undefined;
  /** Option 43 as it came. */
  readonly vendorSpecific: Uint8Array | undefined;
  /** Option 252: data, never fetched. */
  readonly wpad: string | undefined;
  /** What the server says to people. */
  readonly message: string | undefined;
  /** What was wrong with the reply and was left out. */
  readonly doubts: readonly string[];
}

/** An address on loan, with all that was checked of it. */
export interface Lease extends Configuration {
  readonly address: Ipv4;
  readonly prefixLength: number;
  /** Undefined for prefixes of 31 and 32 bits. */
  readonly broadcast: Ipv4 | undefined;
  /** Infinity for ever. */
  readonly leaseSeconds: number;
  /** T1 and T2 as they are in force, before their spread; Infinity for ever. */
  readonly renewSeconds: number;
  readonly rebindSeconds: number;
  readonly mtu: number | undefined;
  /** Routes to add, beside the one that comes with the prefix. */
  readonly routes: readonly LeaseRoute[];
}

export interface LeasePolicy {
  readonly linkMtu: number;
  /** Take routes shorter than /8 that are not the default route. */
  readonly allowWideRoutes: boolean;
  /** Whether option 108 was asked for. */
  readonly requestIpv6Only: boolean;
}

const FOREVER = 0xffffffff;
/** The smallest datagram that every host takes (RFC 791); below that a server means harm. */
const LEAST_MTU = 576;
const MOST_SECONDS = 0x7fffffff;

/** The lease that an OFFER or ACK speaks of. Throws Malformed where no host should use it. */
export function readLease(reply: Reply, policy: LeasePolicy): Lease {
  const { address, options } = reply;
  const { prefixLength, leaseSeconds } = options;
  if (!isHost(address)) throw new Malformed(`No host may have the address "${address}"`);
  if (leaseSeconds === undefined || leaseSeconds === 0) throw new Malformed("The lease time is missing or 0");
  if (prefixLength === undefined) throw new Malformed("The subnet mask is missing");
  if (address === reply.server) throw new Malformed("The address is the server's own");
  const doubts: string[] = [];
  const given = { address, prefixLength };
  const network = checkPlace(given);
  if (isWithin(address, "169.254.0.0", 16)) doubts.push("The address is link-local");
  if (leaseSeconds > MOST_SECONDS && leaseSeconds !== FOREVER) {
    doubts.push(`The lease time is ${leaseSeconds} s`);
  }
  if (options.ipv6OnlySeconds !== undefined && !policy.requestIpv6Only) {
    doubts.push("Option 108 was not asked for");
  }
  const routes = checkRoutes(options, given, { policy, doubts });
  const configuration = readConfiguration(reply);
  return {
    ...configuration,
    address,
    prefixLength,
    broadcast: checkBroadcast(options.broadcast, network, doubts),
    mtu: checkMtu(options.mtu, policy.linkMtu, doubts),
    routes,
    ...leaseSpans(options, leaseSeconds),
    doubts: [...reply.doubts, ...doubts],
  };
}

/** What an ACK says of the network; all that there is in the answer to an INFORM. */
export function readConfiguration({ server, options, doubts }: Reply): Configuration {
  const { domainName, searchDomains } = options;
  const search = searchDomains.length === 0 && domainName !== undefined ? [domainName] : searchDomains;
  return {
    server,
    routers: options.routers,
    dnsServers: options.dnsServers,
    searchDomains: search,
    ntpServers: options.ntpServers,
    domainName,
    hostname: options.hostname ?? options.fqdn,
    captivePortal: options.captivePortal,
    tftpServer: options.tftpServer,
    bootFile: options.bootFile,
    posixTimezone: options.posixTimezone,
    timezone: options.timezone,
    vendorSpecific: options.vendorSpecific,
    wpad: options.wpad,
    message: options.message,
    doubts,
  };
}

interface Place {
  readonly address: Ipv4;
  readonly prefixLength: number;
}

/** The prefix's broadcast address; undefined where it has none. */
function checkPlace({ address, prefixLength }: Place): Ipv4 | undefined {
  if (prefixLength > 30) return undefined;
  const broadcast = broadcastOf(address, prefixLength);
  if (address === broadcast || address === networkOf(address, prefixLength)) {
    throw new Malformed(
      `The address "${address}" is the first or last of its prefix of ${prefixLength} bits`,
    );
  }
  return broadcast;
}

function checkBroadcast(told: Ipv4 | undefined, right: Ipv4 | undefined, doubts: string[]): Ipv4 | undefined {
  if (told !== undefined && right !== undefined && told !== right) {
    doubts.push(`The broadcast address is "${told}"`);
  }
  return right;
}

function checkMtu(mtu: number | undefined, linkMtu: number, doubts: string[]): number | undefined {
  if (mtu === undefined || (mtu >= LEAST_MTU && mtu <= linkMtu)) return mtu;
  doubts.push(`The MTU is ${mtu}`);
  return undefined;
}

/** Classless routes are taken instead of the router (RFC 3442). Those that would do harm are left out. */
function checkRoutes(
  { routes, routers }: Options,
  place: Place,
  { policy, doubts }: { readonly policy: LeasePolicy; readonly doubts: string[] },
): readonly LeaseRoute[] {
  const [router] = routers.filter((each) => each !== place.address);
  const fallback = router === undefined ? [] : [{ destination: "0.0.0.0", prefixLength: 0, gateway: router }];
  const wanted = routes ?? fallback;
  return wanted.filter((route) => {
    const fault = faultOf(route, place, { allowWideRoutes: policy.allowWideRoutes, wanted });
    if (fault !== undefined) doubts.push(`The route to ${route.destination}/${route.prefixLength} ${fault}`);
    return fault === undefined;
  });
}

function faultOf(
  { destination, prefixLength, gateway }: LeaseRoute,
  place: Place,
  options: { readonly allowWideRoutes: boolean; readonly wanted: readonly LeaseRoute[] },
): string | undefined {
  if (prefixLength > 0 && prefixLength < 8) {
    // 0/1 and 128/1 win over the default route of a VPN (CVE-2024-3661).
    if (!options.allowWideRoutes) return "is wider than a prefix of 8 bits";
  } else if (prefixLength > 0 && !isHost(destination)) return "is to no host";
  if (gateway === undefined) return undefined;
  if (gateway === place.address) return "leads over the address itself";
  const isReachable =
    isWithin(gateway, place.address, place.prefixLength) ||
    place.prefixLength === 32 ||
    options.wanted.some(
      (each) => each.gateway === undefined && isWithin(gateway, each.destination, each.prefixLength),
    );
  return isReachable ? undefined : `leads over "${gateway}", which is not on the link`;
}

/** T1 and T2 with their defaults (RFC 2131, 4.4.5) where they are missing, 0 or out of order. */
function leaseSpans(
  options: Options,
  seconds: number,
): Pick<Lease, "leaseSeconds" | "renewSeconds" | "rebindSeconds"> {
  if (seconds === FOREVER) {
    const never = Number.POSITIVE_INFINITY;
    return { leaseSeconds: never, renewSeconds: never, rebindSeconds: never };
  }
  const { renewalSeconds: t1 = seconds / 2, rebindingSeconds: t2 = seconds * 0.875 } = options;
  if (t1 > 0 && t1 < t2 && t2 < seconds)
    return { leaseSeconds: seconds, renewSeconds: t1, rebindSeconds: t2 };
  return { leaseSeconds: seconds, renewSeconds: seconds / 2, rebindSeconds: seconds * 0.875 };
}
