import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import { type Finding, MAX_HOPS } from "./answer.ts";
import type { Cache } from "./cache.ts";
import type { Timed } from "./deadlines.ts";
import { addressesOf, type Known } from "./known.ts";
import type { Name } from "./name.ts";
import type { Network } from "./network.ts";
import type { Outcome } from "./outcome.ts";
import { Query } from "./query.ts";
import type { Server } from "./server.ts";
import type { RecordType } from "./type.ts";
import type { DnsFailure } from "./words.ts";

/** Who waits for a fetch. */
export interface Waiter {
  fetched(type: RecordType, known: Known, now: Millis): void;
}

export interface FetchOptions {
  /** Where the answer is kept: the name, with the servers where a lookup named its own. */
  readonly key: string;
  readonly name: Name;
  readonly type: RecordType;
  readonly servers: readonly Server[];
  /** The servers are those that a lookup named itself. */
  readonly isForGuests: boolean;
  /** Counts failures in a row of each key, so that they are kept longer and longer. */
  readonly failures: Map<string, number>;
  readonly ended: (fetch: Fetch) => void;
}

/** Queries for one lookup beside the first, each for an alias's target: DNS-13. */
const MAX_EXTRA = 4;
/** RFC 8767, 5: the client's patience before it is given what is out of date, and how long that is then kept. */
const STALE_PATIENCE: Millis = 1800;
const STALE_TTL: Millis = seconds(30);
/** RFC 9520, 3.2: at least one second, growing. */
const MAX_FAILURE_TTL = 5;
const MAX_FAILURES_COUNTED = 1000;

/** The answer to one name and type, whatever aliases lead to it, asked once however many wait. */
export class Fetch implements Timed {
  deadline: Millis = NEVER;
  place = -1;
  readonly options: FetchOptions;
  readonly #network: Network;
  readonly #cache: Cache;
  #servers: readonly Server[];
  #waiters: Waiter[] = [];
  #query: Query | undefined;
  #extra = 0;
  /** Seconds; least of the aliases followed. */
  #ttl = Number.POSITIVE_INFINITY;

  constructor(options: FetchOptions, network: Network, cache: Cache) {
    this.options = options;
    this.#network = network;
    this.#cache = cache;
    this.#servers = options.servers;
  }

  /** Asks, unless that is already so. Waiters have joined before: the answer may come at once. */
  start(now: Millis): void {
    if (this.#query !== undefined) return;
    const { key, name, type } = this.options;
    const { work } = this.#network;
    if (work.options.cache.maxStale > 0 && this.#cache.stale(key, type, now) !== undefined) {
      work.deadlines.set(this, now + STALE_PATIENCE);
    }
    this.#ask(name, 0, now);
  }

  /** Asks these servers from now on: those of before may never answer. */
  renew(servers: readonly Server[], now: Millis): void {
    this.#servers = servers;
    this.#query?.renew(servers, now);
  }

  join(waiter: Waiter): void {
    // Most have one: an array that is written with it has no room to spare.
    if (this.#waiters.length === 0) this.#waiters = [waiter];
    else this.#waiters.push(waiter);
  }

  /** One waiter less; the last one takes the query with it. */
  leave(waiter: Waiter, now: Millis): void {
    this.#waiters = this.#waiters.filter((each) => each !== waiter);
    if (this.#waiters.length > 0) return;
    this.#query?.cancel(now);
    this.#close();
  }

  /** No server was in time: those who wait get what is out of date, and the query goes on. */
  expire(now: Millis): void {
    const { key, type } = this.options;
    const stale = this.#cache.stale(key, type, now);
    if (stale !== undefined) this.#deliver(revived(stale, now), now);
  }

  #ask(name: Name, hops: number, now: Millis): void {
    this.#query = new Query({ name, type: this.options.type }, this.#network, {
      servers: this.#servers,
      hops,
      done: (outcome, at) => this.#done(outcome, at),
    });
    this.#query.start(now);
  }

  #done(outcome: Outcome, now: Millis): void {
    if (outcome.type === "failed") {
      this.#failed(outcome.code, now);
      return;
    }
    const { finding } = outcome;
    if (finding.type === "alias") {
      this.#extra += 1;
      if (this.#extra > MAX_EXTRA || finding.hops > MAX_HOPS) {
        this.#failed("cname-loop", now);
        return;
      }
      this.#ttl = Math.min(this.#ttl, finding.ttl);
      this.#ask(finding.target, finding.hops, now);
      return;
    }
    if (finding.type === "cname-loop" || finding.type === "bad-name") {
      this.#failed(finding.type, now);
      return;
    }
    this.#forgetFailures();
    this.#end(this.#known(finding, outcome, now), now);
  }

  #failed(code: DnsFailure, now: Millis): void {
    const { key, type, failures } = this.options;
    const id = `${key}|${type}`;
    const count = (failures.get(id) ?? 0) + 1;
    failures.delete(id);
    failures.set(id, count);
    if (failures.size > MAX_FAILURES_COUNTED) failures.delete(failures.keys().next().value as string);
    const ttl = code === "no-servers" || code === "too-many-files" ? 0 : Math.min(count, MAX_FAILURE_TTL);
    const failure: Known = { ...this.#nothing(code, ttl, now), source: "none", transport: "none" };
    const known = this.#cache.get(key, type, now);
    if (known !== undefined && known.failure === undefined) {
      // Asked early, or anew on request: what is known is still true.
      this.#close();
      this.#deliver(failure, now);
      return;
    }
    const stale = this.#cache.stale(key, type, now);
    this.#end(stale === undefined ? failure : revived(stale, now), now);
  }

  #forgetFailures(): void {
    const { key, type, failures } = this.options;
    if (failures.size > 0) failures.delete(`${key}|${type}`);
  }

  #known(
    finding: Extract<Finding, { readonly type: "records" | "no-data" | "not-found" }>,
    { server, transport }: { readonly server: Server; readonly transport: "udp" | "tcp" },
    now: Millis,
  ): Known {
    const { cache } = this.#network.work.options;
    const from = { source: server.label, transport };
    if (finding.type !== "records") {
      const ttl = Math.min(finding.ttl ?? 0, this.#ttl, cache.maxNegativeTtl);
      // An alias may lead to a name that does not exist; the alias itself does.
      const isForName =
        finding.type === "not-found" && finding.name === this.options.name && this.#extra === 0;
      return { ...this.#nothing(finding.type, ttl, now), ...from, isForName };
    }
    const lifetime = seconds(Math.min(finding.ttl, this.#ttl, cache.maxTtl));
    return {
      failure: undefined,
      canonicalName: finding.canonicalName,
      records: finding.records,
      addresses: addressesOf(finding.records),
      expires: now + lifetime,
      staleUntil: now + lifetime + seconds(cache.maxStale),
      isStale: false,
      isForName: false,
      lifetime,
      ...from,
    };
  }

  #nothing(failure: DnsFailure, ttl: number, now: Millis): Omit<Known, "source" | "transport"> {
    return {
      failure,
      canonicalName: this.options.name,
      records: [],
      addresses: [],
      expires: now + seconds(ttl),
      staleUntil: now,
      isStale: false,
      isForName: false,
      lifetime: seconds(ttl),
    };
  }

  #end(known: Known, now: Millis): void {
    const { key, type } = this.options;
    this.#cache.put(key, type, known, now);
    this.#close();
    this.#deliver(known, now);
  }

  #close(): void {
    this.#network.work.deadlines.set(this, NEVER);
    this.options.ended(this);
  }

  #deliver(known: Known, now: Millis): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.fetched(this.options.type, known, now);
  }
}

/** RFC 8767, 4: what is out of date is given with a short time to live, but never with none. */
function revived(stale: Known, now: Millis): Known {
  return { ...stale, expires: Math.min(now + STALE_TTL, stale.staleUntil), isStale: true };
}
