import { type Millis, seconds } from "../lib/millis.ts";
import type { HostsTable } from "./hosts.ts";
import { addressesOf, type Known } from "./known.ts";
import type { Name } from "./name.ts";
import type { DnsRecord } from "./record.ts";
import { type Addresses, literalAddress, type SpecialOptions, specialName } from "./special-name.ts";
import type { RecordType } from "./type.ts";
import type { Answer, LookupRequest } from "./words.ts";

/** Seconds that an answer from this host is good for. */
const LOCAL_TTL = 3600;

/** The answer to an address that is asked for as if it were a name; undefined for names. It is never asked of a server. */
export function literalAnswer({ name, types }: LookupRequest): Answer | "no-data" | undefined {
  const literal = literalAddress(name);
  if (literal === undefined) return undefined;
  const records = types.flatMap((type) => addressRecords(name, type, literal));
  if (records.length === 0) return "no-data";
  return {
    name,
    canonicalName: name,
    records,
    ttl: LOCAL_TTL,
    source: "literal",
    transport: "none",
    cached: false,
    stale: false,
  };
}

/** What the hosts file and the special names say; undefined when a name server must be asked. */
export function localAnswer(
  name: Name,
  type: RecordType,
  { hosts, options }: { readonly hosts: HostsTable; readonly options: SpecialOptions },
  now: Millis,
): Known | undefined {
  const special = specialName(name, options);
  if (special === "not-found") return known(name, [], "special", now, true);
  if (special !== undefined) return known(name, addressRecords(name, type, special), "special", now);
  if (type === "PTR") {
    const names = hosts.byReverse.get(name);
    const records = names?.map((target): DnsRecord => ({ type, name, ttl: LOCAL_TTL, target }));
    return records === undefined ? undefined : known(name, records, "hosts", now);
  }
  const entry = type === "A" || type === "AAAA" ? hosts.byName.get(name) : undefined;
  return entry === undefined ? undefined : known(name, addressRecords(name, type, entry), "hosts", now);
}

function known(
  name: Name,
  records: readonly DnsRecord[],
  source: string,
  now: Millis,
  isMissing = false,
): Known {
  const none = isMissing ? "not-found" : "no-data";
  const expires = now + seconds(LOCAL_TTL);
  return {
    failure: records.length > 0 ? undefined : none,
    canonicalName: name,
    records,
    addresses: addressesOf(records),
    expires,
    staleUntil: expires,
    isStale: false,
    isForName: isMissing,
    lifetime: seconds(LOCAL_TTL),
    source,
    transport: "none",
  };
}

function addressRecords(name: Name, type: RecordType, { four, six }: Addresses): readonly DnsRecord[] {
  if (type !== "A" && type !== "AAAA") return [];
  const addresses = type === "A" ? four : six;
  return addresses.map((address) => ({ type, name, ttl: LOCAL_TTL, address }));
}
