import { UsageError } from "../../lib/errors.ts";
import { formatIpv6, parseIpv4, parseIpv6 } from "../../lib/ip-address.ts";
import { Malformed } from "../../lib/malformed.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

export type AddressFamily = typeof AF_INET | typeof AF_INET6;

/** The bytes of a literal address. Throws UsageError. */
export function ipBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new UsageError(`Cannot use "${text}": not an IP address`, "usage", "system");
  return bytes;
}

export function ipFamily(text: string): AddressFamily {
  return text.includes(":") ? AF_INET6 : AF_INET;
}

/** The text of an address. Throws Malformed where the number of bytes is not the family's. */
export function ipText(family: number, bytes: Uint8Array): string {
  const length = family === AF_INET ? 4 : 16;
  if (bytes.length !== length) throw new Malformed(`An address of ${length} bytes has ${bytes.length}`);
  return family === AF_INET ? bytes.join(".") : formatIpv6(bytes);
}
