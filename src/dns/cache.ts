import type { Millis } from "../lib/millis.ts";
import type { Known } from "./known.ts";
import type { Name } from "./name.ts";
import type { CacheOptions } from "./options.ts";
import type { DnsRecord } from "./record.ts";
import type { RecordType } from "./type.ts";

/** One line of the cache, for `inspect`. */
export interface CacheEntry {
  readonly name: Name;
  readonly type: RecordType;
  readonly known: Known;
  readonly bytes: number;
}

interface Entry extends CacheEntry {
  /** Answers other types too: the name does not exist. */
  readonly isForName: boolean;
  newer: Entry | undefined;
  older: Entry | undefined;
  /** The next and the previous one of the same name. */
  next: Entry | undefined;
  previous: Entry | undefined;
}

/** Rough sizes, of an entry and of a record with its strings. */
const ENTRY_BYTES = 300;
const RECORD_BYTES = 160;

/** Answers by name and type; the least recently used one leaves when there is no room. Never over its limits. */
export class Cache {
  readonly #options: CacheOptions;
  /** The first entry of each name, which leads to the others: most names have one or two. */
  readonly #byName = new Map<Name, Entry>();
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #size = 0;
  #bytes = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  /** Entries held. */
  get size(): number {
    return this.#size;
  }

  /** Their estimated size in bytes; at most `maxBytes`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is known and still true. */
  get(name: Name, type: RecordType, now: Millis): Known | undefined {
    const entry = this.#find(name, type);
    if (entry === undefined) return undefined;
    if (entry.known.expires <= now) {
      if (!this.#mayBeStale(entry, now)) this.#remove(entry);
      return undefined;
    }
    this.#touch(entry);
    return entry.known;
  }

  /** What was known, not too long ago; for when nothing better is to be had. */
  stale(name: Name, type: RecordType, now: Millis): Known | undefined {
    const entry = this.#find(name, type);
    return entry !== undefined && this.#mayBeStale(entry, now) ? entry.known : undefined;
  }

  /** Stores what is known in place of what was. What has no time to live is not stored. */
  put(name: Name, type: RecordType, known: Known, now: Millis): void {
    const { maxEntries, maxBytes } = this.#options;
    const { isForName } = known;
    const bytes = sizeOf(name, known);
    if (known.expires <= now || maxEntries === 0 || bytes > maxBytes) return;
    let first = this.#byName.get(name);
    for (let old = first; old !== undefined; old = old.next) {
      if (old.type !== type && !isForName && !old.isForName) continue;
      if (old === first) first = old.next;
      this.#remove(old);
    }
    this.#add({
      name,
      type,
      known,
      bytes,
      isForName,
      newer: undefined,
      older: undefined,
      next: first,
      previous: undefined,
    });
    while (this.#oldest !== undefined && (this.#size > maxEntries || this.#bytes > maxBytes)) {
      this.#remove(this.#oldest);
    }
  }

  /** Forgets what could not be found out; that there is no such name was. */
  clearFailures(): void {
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) {
      const { failure } = entry.known;
      if (failure !== undefined && failure !== "not-found" && failure !== "no-data") this.#remove(entry);
    }
  }

  /** Forgets one name, or all. */
  clear(name?: Name): void {
    if (name !== undefined) {
      for (let entry = this.#byName.get(name); entry !== undefined; entry = entry.next) this.#remove(entry);
      return;
    }
    this.#byName.clear();
    this.#newest = undefined;
    this.#oldest = undefined;
    this.#size = 0;
    this.#bytes = 0;
  }

  /** All entries, the most recently used first. */
  *entries(): Generator<CacheEntry> {
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) yield entry;
  }

  #find(name: Name, type: RecordType): Entry | undefined {
    let entry = this.#byName.get(name);
    while (entry !== undefined && entry.type !== type && !entry.isForName) entry = entry.next;
    return entry;
  }

  #mayBeStale({ known }: Entry, now: Millis): boolean {
    return known.failure === undefined && now < known.staleUntil;
  }

  #touch(entry: Entry): void {
    if (this.#newest === entry) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** As the first of its name. */
  #add(entry: Entry): void {
    if (entry.next !== undefined) entry.next.previous = entry;
    this.#byName.set(entry.name, entry);
    this.#size += 1;
    this.#bytes += entry.bytes;
    this.#link(entry);
  }

  /** The entry's own `next` stays, for who is walking along. */
  #remove(entry: Entry): void {
    const { name, next, previous } = entry;
    if (next !== undefined) next.previous = previous;
    if (previous !== undefined) previous.next = next;
    else if (next !== undefined) this.#byName.set(name, next);
    else this.#byName.delete(name);
    this.#size -= 1;
    this.#bytes -= entry.bytes;
    this.#unlink(entry);
  }

  #link(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
  }
}

function sizeOf(name: Name, { canonicalName, records }: Known): number {
  let bytes = ENTRY_BYTES + 2 * (name.length + canonicalName.length);
  for (const record of records) bytes += recordBytes(record);
  return bytes;
}

function recordBytes(record: DnsRecord): number {
  if (record.type === "A" || record.type === "AAAA") return RECORD_BYTES + record.name.length;
  let bytes = RECORD_BYTES;
  for (const value of Object.values(record) as unknown[]) {
    if (typeof value === "string") bytes += value.length;
    else if (value instanceof Uint8Array) bytes += value.length;
    else if (Array.isArray(value)) bytes += value.length * 100 + value.reduce(partBytes, 0);
  }
  return bytes;
}

function partBytes(sum: number, part: Uint8Array | { readonly value: Uint8Array }): number {
  return sum + (part instanceof Uint8Array ? part.length : part.value.length);
}
