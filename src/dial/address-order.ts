import { addressBytes } from "../lib/address.ts";

/** A destination with what this machine would send from. */
export interface Candidate {
  readonly address: string;
  /** Undefined where there is no route to it. */
  readonly source: SourceAddress | undefined;
}

export interface SourceAddress {
  readonly address: string;
  /** Length of its network's prefix in bits of its own family; 0 where it is not known. */
  readonly prefixLength: number;
  readonly isDeprecated?: boolean;
  /** Packets from it travel in a tunnel. */
  readonly isEncapsulated?: boolean;
}

interface Judged<Item> {
  readonly item: Item;
  readonly isUsable: boolean;
  readonly matchesScope: boolean;
  readonly isDeprecated: boolean;
  readonly matchesLabel: boolean;
  readonly precedence: number;
  readonly isEncapsulated: boolean;
  readonly scope: number;
  readonly commonPrefix: number;
  readonly isIpv4: boolean;
}

interface PolicyRow {
  readonly prefix: Uint8Array;
  readonly length: number;
  readonly precedence: number;
  readonly label: number;
}

const LINK_LOCAL = 0x2;
const SITE_LOCAL = 0x5;
const GLOBAL = 0xe;

/** The default policy table (RFC 6724, 2.1), longest prefix first. */
const POLICY_TABLE: readonly PolicyRow[] = [
  row([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
  row([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 96, 35, 4),
  row([], 96, 1, 3),
  row([0x20, 0x01, 0, 0], 32, 5, 5),
  row([0x20, 0x02], 16, 30, 2),
  row([0x3f, 0xfe], 16, 1, 12),
  row([0xfe, 0xc0], 10, 1, 11),
  row([0xfc], 7, 3, 13),
];
const ANY = row([], 0, 40, 1);

/**
 * Destinations in the order to try them (RFC 6724, 6). Rule 4 (home addresses) does not apply to hosts like these.
 * What is not an address counts as unusable and goes last.
 */
export function orderAddresses<Item extends Candidate>(candidates: readonly Item[]): readonly Item[] {
  return candidates
    .map(judge)
    .sort(compare)
    .map(({ item }) => item);
}

function compare(a: Judged<Candidate>, b: Judged<Candidate>): number {
  return (
    prefer(a.isUsable, b.isUsable) ||
    prefer(a.matchesScope, b.matchesScope) ||
    prefer(!a.isDeprecated, !b.isDeprecated) ||
    prefer(a.matchesLabel, b.matchesLabel) ||
    b.precedence - a.precedence ||
    prefer(!a.isEncapsulated, !b.isEncapsulated) ||
    a.scope - b.scope ||
    (a.isIpv4 === b.isIpv4 ? b.commonPrefix - a.commonPrefix : 0)
  );
}

function judge<Item extends Candidate>(item: Item): Judged<Item> {
  const destination = addressBytes(item.address);
  const source = item.source === undefined ? undefined : addressBytes(item.source.address);
  const scope = destination === undefined ? GLOBAL : scopeOf(destination);
  const row = destination === undefined ? ANY : policyOf(destination);
  const isIpv4 = !item.address.includes(":");
  const isUsable = destination !== undefined && source !== undefined;
  return {
    item,
    isUsable,
    matchesScope: isUsable && scopeOf(source) === scope,
    isDeprecated: item.source?.isDeprecated ?? false,
    matchesLabel: isUsable && policyOf(source).label === row.label,
    precedence: row.precedence,
    isEncapsulated: item.source?.isEncapsulated ?? false,
    scope,
    commonPrefix: isUsable
      ? commonPrefix(source, destination, prefixBits(Number(item.source?.prefixLength), isIpv4))
      : 0,
    isIpv4,
  };
}

/** Only bits of the source's network count: a common interface identifier says nothing (RFC 6724, 2.2). */
function prefixBits(length: number, isIpv4: boolean): number {
  return isIpv4 && length > 0 ? 96 + length : length;
}

function prefer(a: boolean, b: boolean): number {
  return Number(b) - Number(a);
}

/** RFC 6724, 3.1 and 3.2; RFC 4291, 2.7. */
function scopeOf(address: Uint8Array): number {
  const [first = 0, second = 0] = address;
  if (first === 0xff) return second & 0x0f;
  if (first === 0xfe && (second & 0xc0) === 0x80) return LINK_LOCAL;
  if (first === 0xfe && (second & 0xc0) === 0xc0) return SITE_LOCAL;
  const row = policyOf(address);
  if (row.precedence === 50) return LINK_LOCAL;
  if (row.label !== 4) return GLOBAL;
  return address[12] === 127 || (address[12] === 169 && address[13] === 254) ? LINK_LOCAL : GLOBAL;
}

function policyOf(address: Uint8Array): PolicyRow {
  return POLICY_TABLE.find((each) => commonPrefix(each.prefix, address, each.length) === each.length) ?? ANY;
}

function commonPrefix(a: Uint8Array, b: Uint8Array, most: number): number {
  for (let bit = 0; bit < most; bit++) {
    if (bitAt(a, bit) !== bitAt(b, bit)) return bit;
  }
  return most;
}

function bitAt(bytes: Uint8Array, bit: number): number {
  return Number(bytes[bit >> 3]) & (0x80 >> (bit & 7));
}

function row(prefix: readonly number[], length: number, precedence: number, label: number): PolicyRow {
  const bytes = new Uint8Array(16);
  bytes.set(prefix);
  return { prefix: bytes, length, precedence, label };
}
