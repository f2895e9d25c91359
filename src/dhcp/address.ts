/** An IPv4 address in canonical dotted decimal. */
export type Ipv4 = string;

export const UNSPECIFIED: Ipv4 = "0.0.0.0";
export const BROADCAST: Ipv4 = "255.255.255.255";

const DECIMAL = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** The text itself where it is an address in canonical form; undefined for anything else. */
export function parseIpv4(text: string): Ipv4 | undefined {
  return DECIMAL.test(text) ? text : undefined;
}

/** The address in the four bytes at `offset`. */
export function readIpv4(bytes: Uint8Array, offset = 0): Ipv4 {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** The four bytes of an address. */
export function ipv4Bytes(address: Ipv4): Uint8Array {
  return Uint8Array.from(address.split("."), Number);
}

/** The address as an integer in [0, 2^32). */
export function ipv4Number(address: Ipv4): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The address of an integer in [0, 2^32). */
export function ipv4Of(value: number): Ipv4 {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** The first address of the prefix that `address` lies in. */
export function networkOf(address: Ipv4, prefixLength: number): Ipv4 {
  return ipv4Of((ipv4Number(address) & maskOf(prefixLength)) >>> 0);
}

/** The last address of the prefix that `address` lies in. */
export function broadcastOf(address: Ipv4, prefixLength: number): Ipv4 {
  return ipv4Of((ipv4Number(address) | ~maskOf(prefixLength)) >>> 0);
}

export function isWithin(address: Ipv4, network: Ipv4, prefixLength: number): boolean {
  return networkOf(address, prefixLength) === networkOf(network, prefixLength);
}

/** The prefix length that a mask stands for; undefined where its ones are not contiguous. */
export function prefixLengthOf(mask: Ipv4): number | undefined {
  const hosts = ~ipv4Number(mask) >>> 0;
  return (hosts & (hosts + 1)) === 0 ? Math.clz32(hosts) : undefined;
}

/** Whether one host may have this address: not of 0/8 or 127/8, no multicast, not reserved, not broadcast. */
export function isHost(address: Ipv4): boolean {
  const first = ipv4Number(address) >>> 24;
  return first !== 0 && first !== 127 && first < 224;
}

function maskOf(prefixLength: number): number {
  return prefixLength === 0 ? 0 : -1 << (32 - prefixLength);
}
