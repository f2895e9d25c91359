import type { Route } from "../../context/index.ts";
import { concat } from "../../lib/bytes.ts";
import { Malformed } from "../../lib/malformed.ts";
import { AF_INET, AF_INET6, ipBytes, ipFamily, ipText } from "./ip-bytes.ts";
import {
  type Attributes,
  decodeAttributes,
  encodeBody,
  encodeUint32,
  fixedPart,
  IS_LITTLE_ENDIAN,
  uint32,
  viewOf,
} from "./netlink-bytes.ts";

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RT_TABLE_MAIN = 254;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const RTM_F_CLONED = 0x200;
const RTNH_F_ONLINK = 4;
/** struct rtmsg */
const FIXED = 12;
/** struct rtnexthop */
const HOP = 8;

/** A gateway of one link. */
type Hop = Pick<Route, "link" | "gateway" | "isOnLink">;

/**
 * The routes of RTM_NEWROUTE and RTM_DELROUTE, one for each next hop; none where it is not a unicast route of the main
 * table, depends on the source or the type of service, or is a cached one. Throws Malformed.
 */
export function decodeRoutes(body: Uint8Array): readonly Route[] {
  const fixed = fixedPart(body, FIXED);
  const family = fixed.getUint8(0);
  const flags = fixed.getUint32(8, IS_LITTLE_ENDIAN);
  if ((family !== AF_INET && family !== AF_INET6) || fixed.getUint8(7) !== RTN_UNICAST) return [];
  if (fixed.getUint8(2) !== 0 || fixed.getUint8(3) !== 0 || (flags & RTM_F_CLONED) !== 0) return [];
  const attributes = decodeAttributes(body.subarray(FIXED));
  if ((uint32(attributes, RTA_TABLE) ?? fixed.getUint8(4)) !== RT_TABLE_MAIN) return [];
  const source = attributes.get(RTA_PREFSRC);
  const shared = {
    destination: decodeDestination(family, attributes),
    prefixLength: fixed.getUint8(1),
    source: source === undefined ? undefined : ipText(family, source),
    metric: uint32(attributes, RTA_PRIORITY) ?? 0,
    protocol: fixed.getUint8(5),
  };
  const several = attributes.get(RTA_MULTIPATH);
  const link = uint32(attributes, RTA_OIF);
  const single = link === undefined ? [] : [hop(family, attributes, { link, flags })];
  return (several === undefined ? single : decodeHops(family, several)).map((each) => ({
    ...shared,
    ...each,
  }));
}

/** For RTM_GETROUTE: every route of both families. */
export function encodeRouteQuery(): Uint8Array {
  return new Uint8Array(FIXED);
}

/** For RTM_NEWROUTE and RTM_DELROUTE. Throws UsageError for what is no address. */
export function encodeRoute(route: Route): Uint8Array {
  const family = ipFamily(route.destination);
  const { gateway, source, metric } = route;
  const destination = ipBytes(route.destination);
  const fixed = new Uint8Array(FIXED);
  const view = viewOf(fixed);
  view.setUint8(0, family);
  view.setUint8(1, route.prefixLength);
  view.setUint8(4, RT_TABLE_MAIN);
  view.setUint8(5, route.protocol);
  view.setUint8(6, family === AF_INET && gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  view.setUint8(7, RTN_UNICAST);
  view.setUint32(8, route.isOnLink === true ? RTNH_F_ONLINK : 0, IS_LITTLE_ENDIAN);
  const isVia = gateway !== undefined && ipFamily(gateway) !== family;
  return encodeBody(fixed, [
    [RTA_DST, route.prefixLength === 0 ? undefined : destination],
    [RTA_GATEWAY, gateway === undefined || isVia ? undefined : ipBytes(gateway)],
    [RTA_VIA, isVia ? encodeVia(gateway) : undefined],
    [RTA_OIF, encodeUint32(route.link)],
    [RTA_PRIORITY, metric === 0 ? undefined : encodeUint32(metric)],
    [RTA_PREFSRC, source === undefined ? undefined : ipBytes(source)],
  ]);
}

function decodeDestination(family: number, attributes: Attributes): string {
  const bytes = attributes.get(RTA_DST);
  if (bytes !== undefined) return ipText(family, bytes);
  return family === AF_INET ? "0.0.0.0" : "::";
}

function decodeHops(family: number, bytes: Uint8Array): readonly Hop[] {
  const hops: Hop[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const view = fixedPart(bytes.subarray(offset), HOP);
    const length = view.getUint16(0, IS_LITTLE_ENDIAN);
    if (length < HOP || length > bytes.length - offset) {
      throw new Malformed(`A next hop says it has ${length} bytes of ${bytes.length - offset}`);
    }
    const attributes = decodeAttributes(bytes.subarray(offset + HOP, offset + length));
    hops.push(hop(family, attributes, { link: view.getInt32(4, IS_LITTLE_ENDIAN), flags: view.getUint8(2) }));
    offset += (length + 3) & ~3;
  }
  return hops;
}

function hop(family: number, attributes: Attributes, { link, flags }: { link: number; flags: number }): Hop {
  const gateway = attributes.get(RTA_GATEWAY);
  const via = attributes.get(RTA_VIA);
  return {
    link,
    gateway: gateway !== undefined ? ipText(family, gateway) : via === undefined ? undefined : decodeVia(via),
    isOnLink: (flags & RTNH_F_ONLINK) !== 0,
  };
}

/** struct rtvia: a gateway of another family than the destination's (RFC 5549). */
function decodeVia(bytes: Uint8Array): string {
  return ipText(fixedPart(bytes, 2).getUint16(0, IS_LITTLE_ENDIAN), bytes.subarray(2));
}

function encodeVia(gateway: string): Uint8Array {
  const family = new Uint8Array(2);
  viewOf(family).setUint16(0, ipFamily(gateway), IS_LITTLE_ENDIAN);
  return concat([family, ipBytes(gateway)]);
}
