import { type Millis, NEVER } from "../lib/millis.ts";
import type { Timed } from "./deadlines.ts";
import type { Fetch, Waiter } from "./fetch.ts";
import { type Known, remainingTtl } from "./known.ts";
import type { Name } from "./name.ts";
import type { DnsRecord } from "./record.ts";
import type { RecordType } from "./type.ts";
import type { Answer, DnsFailure, LookupId, LookupRequest } from "./words.ts";

/** What a lookup asks of its resolver. */
export interface Desk {
  /** What is known at once, or the fetch to wait for. */
  find(name: Name, type: RecordType, lookup: Lookup, now: Millis): Known | Fetch;
  part(lookup: Lookup, type: RecordType, known: Known): void;
  answered(lookup: Lookup, answer: Answer, now: Millis): void;
  failed(lookup: Lookup, code: DnsFailure, now: Millis): void;
}

export interface LookupOptions {
  readonly id: LookupId;
  readonly request: LookupRequest;
  /** To be tried in this order; at least one. */
  readonly names: readonly Name[];
  readonly start: Millis;
}

/** The failure to tell when no name of the list had records: the one that knows most. */
const WEIGHT: Partial<Record<DnsFailure, number>> = { "not-found": 1, "no-data": 2 };

/** One client's question: all its types, name after name of the search list. */
export class Lookup implements Timed, Waiter {
  deadline: Millis = NEVER;
  place = -1;
  readonly id: LookupId;
  readonly request: LookupRequest;
  /** When it began. */
  readonly start: Millis;
  readonly #names: readonly Name[];
  readonly #desk: Desk;
  readonly #fetches = new Map<RecordType, Fetch>();
  readonly #known = new Map<RecordType, Known>();
  #index = 0;
  #cached = true;
  #failure: DnsFailure = "not-found";
  #weight = 0;

  constructor({ id, request, names, start }: LookupOptions, desk: Desk) {
    this.id = id;
    this.request = request;
    this.start = start;
    this.#names = names;
    this.#desk = desk;
  }

  /** Asks for the name whose turn it is, and for the next ones while the answers are known. */
  begin(now: Millis): void {
    let isNext = true;
    while (isNext) isNext = this.#ask(now) === 0 && this.#conclude(now);
  }

  fetched(type: RecordType, known: Known, now: Millis): void {
    this.#fetches.delete(type);
    this.#take(type, known);
    if (this.#fetches.size === 0 && this.#conclude(now)) this.begin(now);
  }

  /** Its time is over. */
  expire(now: Millis): void {
    this.leave(now);
    this.#desk.failed(this, "timeout", now);
  }

  /** Lets go of all it waits for. */
  leave(now: Millis): void {
    for (const fetch of this.#fetches.values()) fetch.leave(this, now);
    this.#fetches.clear();
  }

  /** Returns how many types had to be asked for. */
  #ask(now: Millis): number {
    const name = this.#names[this.#index] as Name;
    for (const type of this.request.types) {
      const found = this.#desk.find(name, type, this, now);
      if ("failure" in found) this.#take(type, found);
      else {
        this.#cached = false;
        this.#fetches.set(type, found);
        found.join(this);
      }
    }
    const { size } = this.#fetches;
    // The answer may come while it is asked for, and take the fetch away.
    if (size === 1) (this.#fetches.values().next().value as Fetch).start(now);
    else for (const fetch of [...this.#fetches.values()]) fetch.start(now);
    return size;
  }

  #take(type: RecordType, known: Known): void {
    this.#known.set(type, known);
    if (this.request.parts === true && known.failure === undefined) this.#desk.part(this, type, known);
  }

  /** All is known of one name. Returns whether the next one is to be asked for. */
  #conclude(now: Millis): boolean {
    const all = this.request.types.map((type) => this.#known.get(type) as Known);
    const found = all.filter(({ failure }) => failure === undefined);
    const first = found[0];
    if (first !== undefined) {
      for (const [type, known] of this.#known) {
        if (this.request.parts === true && known.failure !== undefined) this.#desk.part(this, type, known);
      }
      this.#desk.answered(this, this.#answer(first, found, now), now);
      return false;
    }
    this.#remember(all);
    const isCertain = all.every(({ failure }) => failure === "not-found" || failure === "no-data");
    this.#index += 1;
    if (this.#index < this.#names.length && (isCertain || this.#failure === "server-failure")) {
      this.#known.clear();
      return true;
    }
    this.#desk.failed(this, this.#failure, now);
    return false;
  }

  #remember(all: readonly Known[]): void {
    for (const { failure } of all) {
      const weight = WEIGHT[failure as DnsFailure] ?? 3;
      if (weight <= this.#weight) continue;
      this.#weight = weight;
      this.#failure = failure as DnsFailure;
    }
  }

  #answer(first: Known, found: readonly Known[], now: Millis): Answer {
    let records = recordsLeft(first, now);
    let ttl = remainingTtl(first, now);
    for (const known of found) {
      if (known === first) continue;
      records = [...records, ...recordsLeft(known, now)];
      ttl = Math.min(ttl, remainingTtl(known, now));
    }
    return {
      name: this.#names[this.#index] as Name,
      canonicalName: first.canonicalName,
      records,
      ttl,
      source: first.source,
      transport: first.transport,
      cached: this.#cached,
      stale: found.some(({ isStale }) => isStale),
    };
  }
}

/** The records with the seconds that are left to them, and none of them copied that has them all. */
function recordsLeft(known: Known, now: Millis): readonly DnsRecord[] {
  const { records } = known;
  const ttl = remainingTtl(known, now);
  if (records.every((record) => record.ttl === ttl)) return records;
  return records.map((record) => (record.ttl === ttl ? record : { ...record, ttl }));
}
