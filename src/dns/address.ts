import { parseIpv4, parseIpv6 } from "../lib/ip-address.ts";
import type { Name } from "./name.ts";

export { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../lib/ip-address.ts";

/** An IP address in its usual text form. */
export type Address = string;

/** 4 or 6 for a literal address (a zone such as `%eth0` allowed on IPv6), 0 for anything else. */
export function addressFamily(text: string): 0 | 4 | 6 {
  const last = text.charCodeAt(text.length - 1);
  if (last >= 0x30 && last <= 0x39 && !text.includes(":")) return parseIpv4(text) === undefined ? 0 : 4;
  if (!text.includes(":")) return 0;
  const zone = text.indexOf("%");
  if (zone === text.length - 1) return 0;
  return parseIpv6(zone < 0 ? text : text.slice(0, zone)) === undefined ? 0 : 6;
}

/** An IPv4 address as IPv6 sockets take it; anything else unchanged. */
export function mapped(address: Address): Address {
  return parseIpv4(address) === undefined ? address : `::ffff:${address}`;
}

/** The name whose PTR record names an address (RFC 1035, 3.5; RFC 3596, 2.5); undefined when it is no address. */
export function reverseName(address: Address): Name | undefined {
  const four = parseIpv4(address);
  if (four !== undefined) return `${[...four].reverse().join(".")}.in-addr.arpa`;
  const six = parseIpv6(address);
  if (six === undefined) return undefined;
  const nibbles = [...six].reverse().flatMap((byte) => [hex(byte & 0x0f), hex(byte >> 4)]);
  return `${nibbles.join(".")}.ip6.arpa`;
}

function hex(value: number): string {
  return value.toString(16);
}
