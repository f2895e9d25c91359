import { concat } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { isDomain, safeText } from "./text.ts";

const MAX_NAMES = 32;
const MAX_NAME = 253;

/**
 * The domains of option 119, its parts joined (RFC 3397). Pointers count from the start of the option and lead
 * backwards, each further than the one before; a name that is no domain makes the whole malformed. Throws Malformed.
 */
export function readDomainSearch(bytes: Uint8Array): readonly string[] {
  const names: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (names.length === MAX_NAMES) throw new Malformed(`More than ${MAX_NAMES} search domains`);
    const { name, end } = readName(bytes, at);
    if (!isDomain(name)) throw new Malformed("A search domain is no domain");
    names.push(name.toLowerCase());
    at = end;
  }
  return names;
}

/** The name in option 81 of a server (RFC 4702, 2): in wire form where the flag E is set, else text. Throws Malformed. */
export function readFqdn(bytes: Uint8Array): string | undefined {
  const flags = bytes[0] as number;
  const rest = bytes.subarray(3);
  if (rest.length === 0) return undefined;
  const name = (flags & 0x04) === 0 ? safeText(rest) : readWireName(rest);
  if (!isDomain(name)) throw new Malformed("The name is no domain");
  return name;
}

/** Without an end it is only part of a name (RFC 4702, 3.1). */
function readWireName(bytes: Uint8Array): string {
  const { name, end } = readName(
    bytes[bytes.length - 1] === 0 ? bytes : concat([bytes, Uint8Array.of(0)]),
    0,
  );
  if (end < bytes.length) throw new Malformed("Something follows the name");
  return name;
}

function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let lowest = start;
  let length = 0;
  let end: number | undefined;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw new Malformed("A search domain is cut off");
    if (size === 0) return { name: labels.join("."), end: end ?? at + 1 };
    if (size >= 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) throw new Malformed("A pointer is cut off");
      const target = ((size & 0x3f) << 8) | low;
      if (target >= lowest) throw new Malformed("A pointer does not go backwards");
      end ??= at + 2;
      lowest = target;
      at = target;
      continue;
    }
    if (size > 63) throw new Malformed("A label has a reserved type");
    length += size + 1;
    if (length > MAX_NAME || at + size >= bytes.length) throw new Malformed("A search domain is too long");
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + size)));
    at += size + 1;
  }
}
