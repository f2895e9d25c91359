import type { InterfaceAddress } from "../../context/index.ts";
import { Malformed } from "../../lib/malformed.ts";
import { AF_INET, AF_INET6, ipBytes, ipFamily, ipText } from "./ip-bytes.ts";
import {
  decodeAttributes,
  encodeBody,
  encodeUint32,
  fixedPart,
  IS_LITTLE_ENDIAN,
  uint32,
  viewOf,
} from "./netlink-bytes.ts";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_RT_PRIORITY = 9;
const IFA_PROTO = 11;
/** struct ifaddrmsg */
const FIXED = 8;
const FOREVER = 0xffffffff;

/** The address of RTM_NEWADDR and RTM_DELADDR; undefined for families other than IPv4 and IPv6. Throws Malformed. */
export function decodeAddress(body: Uint8Array): InterfaceAddress | undefined {
  const fixed = fixedPart(body, FIXED);
  const family = fixed.getUint8(0);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const attributes = decodeAttributes(body.subarray(FIXED));
  // On a point-to-point link IFA_ADDRESS is the other end.
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (address === undefined) throw new Malformed("An address message has no address");
  const broadcast = attributes.get(IFA_BROADCAST);
  return {
    link: fixed.getUint32(4, IS_LITTLE_ENDIAN),
    address: ipText(family, address),
    prefixLength: fixed.getUint8(1),
    broadcast: broadcast === undefined ? undefined : ipText(family, broadcast),
    preferredSeconds: lifetime(uint32(attributes, IFA_CACHEINFO, 0)),
    validSeconds: lifetime(uint32(attributes, IFA_CACHEINFO, 1)),
    protocol: attributes.get(IFA_PROTO)?.[0] ?? 0,
    prefixMetric: uint32(attributes, IFA_RT_PRIORITY),
  };
}

/** For RTM_GETADDR: every address of both families. */
export function encodeAddressQuery(): Uint8Array {
  return new Uint8Array(FIXED);
}

/** For RTM_NEWADDR and RTM_DELADDR. Throws UsageError for what is no address. */
export function encodeAddress(address: InterfaceAddress): Uint8Array {
  const bytes = ipBytes(address.address);
  const fixed = new Uint8Array(FIXED);
  const view = viewOf(fixed);
  view.setUint8(0, ipFamily(address.address));
  view.setUint8(1, address.prefixLength);
  view.setUint32(4, address.link, IS_LITTLE_ENDIAN);
  const { broadcast, prefixMetric } = address;
  return encodeBody(fixed, [
    [IFA_LOCAL, bytes],
    [IFA_ADDRESS, bytes],
    [IFA_BROADCAST, broadcast === undefined ? undefined : ipBytes(broadcast)],
    [IFA_CACHEINFO, encodeUint32(ticks(address.preferredSeconds), ticks(address.validSeconds), 0, 0)],
    [IFA_RT_PRIORITY, prefixMetric === undefined ? undefined : encodeUint32(prefixMetric)],
    [IFA_PROTO, Uint8Array.of(address.protocol)],
  ]);
}

function lifetime(seconds: number | undefined): number {
  return seconds === undefined || seconds === FOREVER ? Number.POSITIVE_INFINITY : seconds;
}

function ticks(seconds: number): number {
  if (seconds === Number.POSITIVE_INFINITY) return FOREVER;
  return Math.min(Math.max(Math.floor(seconds), 0), FOREVER - 1);
}
