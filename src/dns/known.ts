import type { Millis } from "../lib/millis.ts";
import type { Address } from "./address.ts";
import type { Name } from "./name.ts";
import type { DnsRecord } from "./record.ts";
import type { DnsFailure } from "./words.ts";

/** What is known of one name and type: records, or why there are none. */
export interface Known {
  /** Undefined where there are records. */
  readonly failure: DnsFailure | undefined;
  readonly canonicalName: Name;
  readonly records: readonly DnsRecord[];
  /** The addresses among the records. */
  readonly addresses: readonly Address[];
  /** Monotonic; when it is no longer true. */
  readonly expires: Millis;
  /** Until then it may be told when no server answers (RFC 8767). */
  readonly staleUntil: Millis;
  readonly isStale: boolean;
  /** The name does not exist, so that there is nothing of any other type either (RFC 2308, 5). */
  readonly isForName: boolean;
  /** Its whole time, in ms. */
  readonly lifetime: Millis;
  readonly source: string;
  readonly transport: "udp" | "tcp" | "none";
}

/** Seconds that are left of it. */
export function remainingTtl(known: Known, now: Millis): number {
  return Math.max(0, Math.ceil((known.expires - now) / 1000));
}

export function addressesOf(records: readonly DnsRecord[]): readonly Address[] {
  const [first] = records;
  if (records.length === 1 && first !== undefined && "address" in first) return [first.address];
  return records.flatMap((record) => ("address" in record ? [record.address] : []));
}
