import type { NetworkLink as Link, LinkIndex } from "../../context/index.ts";
import { Malformed } from "../../lib/malformed.ts";
import { AF_INET } from "./ip-bytes.ts";
import {
  decodeAttributes,
  encodeAttribute,
  encodeBody,
  encodeUint32,
  fixedPart,
  IS_LITTLE_ENDIAN,
  uint32,
  viewOf,
} from "./netlink-bytes.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_EXT_MASK = 29;
const IFLA_CARRIER_DOWN_COUNT = 48;
const IFLA_AF_SPEC = 26;
const IFLA_INET_CONF = 1;
const IPV4_DEVCONF_PROMOTE_SECONDARIES = 20;
const NLA_F_NESTED = 0x8000;
const RTEXT_FILTER_SKIP_STATS = 8;
const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x10000;
/** struct ifinfomsg */
const FIXED = 16;

const text = new TextDecoder();

/**
 * The link of RTM_NEWLINK and RTM_DELLINK; undefined where the message is not about the link itself: a port of a bridge
 * coming or going (AF_BRIDGE), a word of a wireless driver. Throws Malformed.
 */
export function decodeLink(body: Uint8Array): Link | undefined {
  const fixed = fixedPart(body, FIXED);
  const attributes = decodeAttributes(body.subarray(FIXED));
  const name = attributes.get(IFLA_IFNAME);
  if (fixed.getUint8(0) !== 0 || name === undefined) return undefined;
  const flags = fixed.getUint32(8, IS_LITTLE_ENDIAN);
  return {
    index: fixed.getInt32(4, IS_LITTLE_ENDIAN),
    name: linkName(name),
    hardwareType: fixed.getUint16(2, IS_LITTLE_ENDIAN),
    hardwareAddress: Uint8Array.from(attributes.get(IFLA_ADDRESS) ?? []),
    mtu: uint32(attributes, IFLA_MTU) ?? 0,
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & IFF_LOWER_UP) !== 0,
    carrierLosses: uint32(attributes, IFLA_CARRIER_DOWN_COUNT),
  };
}

/** For RTM_GETLINK; every link where none is named. */
export function encodeLinkQuery(link: LinkIndex = 0): Uint8Array {
  return encodeBody(linkHeader(link, 0), [[IFLA_EXT_MASK, encodeUint32(RTEXT_FILTER_SKIP_STATS)]]);
}

/** For RTM_NEWLINK on a link that exists. */
export function encodeLinkChange(
  link: LinkIndex,
  change: { readonly isUp?: true; readonly mtu?: number },
): Uint8Array {
  const mtu = change.mtu === undefined ? undefined : encodeUint32(change.mtu);
  return encodeBody(linkHeader(link, change.isUp === true ? IFF_UP : 0), [[IFLA_MTU, mtu]]);
}

/** The link's own setting promote_secondaries, in the answer to a query; undefined where it has no IPv4. Throws Malformed. */
export function readLinkPromotion(body: Uint8Array): number | undefined {
  fixedPart(body, FIXED);
  const families = decodeAttributes(body.subarray(FIXED)).get(IFLA_AF_SPEC);
  const inet = families && decodeAttributes(families).get(AF_INET);
  return inet && uint32(decodeAttributes(inet), IFLA_INET_CONF, IPV4_DEVCONF_PROMOTE_SECONDARIES - 1);
}

/** For RTM_NEWLINK on a link that exists. */
export function encodeLinkPromotion(link: LinkIndex, value: number): Uint8Array {
  const setting = encodeAttribute(IPV4_DEVCONF_PROMOTE_SECONDARIES, encodeUint32(value));
  const inet = encodeAttribute(IFLA_INET_CONF | NLA_F_NESTED, setting);
  const families = encodeAttribute(AF_INET | NLA_F_NESTED, inet);
  return encodeBody(linkHeader(link, 0), [[IFLA_AF_SPEC | NLA_F_NESTED, families]]);
}

/** `flags` are set, all others stay as they are. */
function linkHeader(link: LinkIndex, flags: number): Uint8Array {
  const bytes = new Uint8Array(FIXED);
  const view = viewOf(bytes);
  view.setInt32(4, link, IS_LITTLE_ENDIAN);
  view.setUint32(8, flags, IS_LITTLE_ENDIAN);
  view.setUint32(12, flags, IS_LITTLE_ENDIAN);
  return bytes;
}

function linkName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  if (end < 1) throw new Malformed("A link's name is empty or does not end");
  return text.decode(bytes.subarray(0, end));
}
