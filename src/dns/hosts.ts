import { type Address, addressFamily, formatIpv6, parseIpv6, reverseName } from "./address.ts";
import { isHostname, type Name, parseName } from "./name.ts";

/** The addresses that hosts(5) gives to a name, by family, in the order of its lines. */
export interface HostsEntry {
  readonly four: readonly Address[];
  readonly six: readonly Address[];
}

export interface HostsTable {
  readonly byName: ReadonlyMap<Name, HostsEntry>;
  /** The names of an address, by the name of its PTR record. */
  readonly byReverse: ReadonlyMap<Name, readonly Name[]>;
}

export const NO_HOSTS: HostsTable = { byName: new Map(), byReverse: new Map() };

/** A file of blocked names may have a million lines; this is where reading stops. */
const MAX_NAMES = 1_000_000;
const MAX_NAMES_OF_ADDRESS = 16;

/** Reads hosts(5). Lines without an address or a host name are left out. */
export function parseHosts(text: string): HostsTable {
  const byName = new Map<Name, { four: Address[]; six: Address[] }>();
  const byReverse = new Map<Name, Name[]>();
  for (const line of text.split("\n")) {
    const [first = "", ...words] = withoutComment(line)
      .trim()
      .split(/[ \t\r]+/);
    const address = canonicalAddress(first);
    if (address === undefined) continue;
    for (const word of words) {
      const name = parseName(word);
      if (name === undefined || !isHostname(name) || byName.size >= MAX_NAMES) continue;
      let entry = byName.get(name);
      if (entry === undefined) {
        entry = { four: [], six: [] };
        byName.set(name, entry);
      }
      const list: Address[] = address.includes(":") ? entry.six : entry.four;
      if (!list.includes(address)) list.push(address);
      const reverse = reverseName(address) ?? address;
      const names = byReverse.get(reverse);
      if (names === undefined) byReverse.set(reverse, [name]);
      else if (names.length < MAX_NAMES_OF_ADDRESS && !names.includes(name)) names.push(name);
    }
  }
  return { byName, byReverse };
}

function withoutComment(line: string): string {
  const at = line.indexOf("#");
  return at < 0 ? line : line.slice(0, at);
}

function canonicalAddress(text: string): Address | undefined {
  if (addressFamily(text) === 0) return undefined;
  const six = parseIpv6(text);
  return six === undefined ? text : formatIpv6(six);
}
