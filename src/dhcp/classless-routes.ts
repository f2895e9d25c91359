import { Malformed } from "../lib/malformed.ts";
import { type Ipv4, isHost, networkOf, readIpv4, UNSPECIFIED } from "./address.ts";

const MAX_ROUTES = 64;

/** A destination and the way to it. */
export interface LeaseRoute {
  readonly destination: Ipv4;
  /** 0 is the default route. */
  readonly prefixLength: number;
  /** Undefined where the destination is on the link itself. */
  readonly gateway: Ipv4 | undefined;
}

/** The routes of option 121, its parts joined (RFC 3442). Throws Malformed. */
export function readClasslessRoutes(bytes: Uint8Array): readonly LeaseRoute[] {
  const routes: LeaseRoute[] = [];
  for (let at = 0; at < bytes.length; ) {
    const prefixLength = bytes[at++] as number;
    if (prefixLength > 32) throw new Malformed(`A route has a prefix of ${prefixLength} bits`);
    const significant = Math.ceil(prefixLength / 8);
    if (at + significant + 4 > bytes.length) throw new Malformed("A route is cut off");
    if (routes.length === MAX_ROUTES) throw new Malformed(`More than ${MAX_ROUTES} routes`);
    const destination = new Uint8Array(4);
    destination.set(bytes.subarray(at, at + significant));
    at += significant;
    const router = readIpv4(bytes, at);
    at += 4;
    if (router !== UNSPECIFIED && !isHost(router)) throw new Malformed(`A route leads over "${router}"`);
    routes.push({
      // Bits beyond the prefix mean nothing, and the kernel refuses them.
      destination: networkOf(readIpv4(destination), prefixLength),
      prefixLength,
      gateway: router === UNSPECIFIED ? undefined : router,
    });
  }
  return routes;
}
