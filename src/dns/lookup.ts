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
  /** Of each type what it waits for, and what is known by now. */
  readonly #fetches: (Fetch | undefined)[];
  readonly #known: (Known | undefined)[];
  #waits = 0;
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
    this.#fetches = new Array<Fetch | undefined>(request.types.length);
    this.#known = new Array<Known | undefined>(request.types.length);
  }

  /** Asks for the name whose turn it is, and for the next ones while the answers are known. */
  begin(now: Millis): void {
    let isNext = true;
    while (isNext) isNext = this.#ask(now) === 0 && this.#conclude(now);
  }

  fetched(type: RecordType, known: Known, now: Millis): void {
    const place = this.request.types.indexOf(type);
    this.#fetches[place] = undefined;
    this.#waits -= 1;
    this.#take(place, known);
    if (this.#waits === 0 && this.#conclude(now)) this.begin(now);
  }

  /** Its time is over. */
  expire(now: Millis): void {
    this.leave(now);
    this.#desk.failed(this, "timeout", now);
  }

  /** Lets go of all it waits for. */
  leave(now: Millis): void {
    for (const fetch of this.#fetches) fetch?.leave(this, now);
    this.#fetches.fill(undefined);
    this.#waits = 0;
  }

  /** Returns how many types had to be asked for. */
  #ask(now: Millis): number {
    const name = this.#names[this.#index] as Name;
    const { types } = this.request;
    for (let place = 0; place < types.length; place++) {
      const type = types[place] as RecordType;
      if (types.indexOf(type) < place) continue;
      const found = this.#desk.find(name, type, this, now);
      if ("failure" in found) this.#take(place, found);
      else {
        this.#cached = false;
        this.#fetches[place] = found;
        this.#waits += 1;
        found.join(this);
      }
    }
    const waits = this.#waits;
    // The answer may come while it is asked for, and take the fetch away.
    for (let place = 0; place < types.length; place++) this.#fetches[place]?.start(now);
    return waits;
  }

  #take(place: number, known: Known): void {
    this.#known[place] = known;
    if (known.failure === undefined) this.#part(place, known);
  }

  #part(place: number, known: Known): void {
    if (this.request.parts === true) this.#desk.part(this, this.request.types[place] as RecordType, known);
  }

  /** All is known of one name. Returns whether the next one is to be asked for. */
  #conclude(now: Millis): boolean {
    const answer = this.#answer(now);
    if (answer !== undefined) {
      for (const [place, known] of this.#known.entries()) {
        if (known?.failure !== undefined) this.#part(place, known);
      }
      this.#desk.answered(this, answer, now);
      return false;
    }
    const isCertain = this.#remember();
    this.#index += 1;
    if (this.#index < this.#names.length && (isCertain || this.#failure === "server-failure")) {
      this.#known.fill(undefined);
      return true;
    }
    this.#desk.failed(this, this.#failure, now);
    return false;
  }

  /** Returns whether it is certain that the name has none of the records. */
  #remember(): boolean {
    let isCertain = true;
    for (const known of this.#known) {
      if (known?.failure === undefined) continue;
      const weight = WEIGHT[known.failure] ?? 3;
      if (weight === 3) isCertain = false;
      if (weight <= this.#weight) continue;
      this.#weight = weight;
      this.#failure = known.failure;
    }
    return isCertain;
  }

  /** Undefined where no type has records. */
  #answer(now: Millis): Answer | undefined {
    let first: Known | undefined;
    let records: readonly DnsRecord[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    let stale = false;
    for (const known of this.#known) {
      if (known === undefined || known.failure !== undefined) continue;
      records = first === undefined ? recordsLeft(known, now) : [...records, ...recordsLeft(known, now)];
      first ??= known;
      ttl = Math.min(ttl, remainingTtl(known, now));
      stale ||= known.isStale;
    }
    if (first === undefined) return undefined;
    return {
      name: this.#names[this.#index] as Name,
      canonicalName: first.canonicalName,
      records,
      ttl,
      source: first.source,
      transport: first.transport,
      cached: this.#cached,
      stale,
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
