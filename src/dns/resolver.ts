import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { TransientMap } from "../lib/transient-map.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { Address } from "./address.ts";
import { Cache, type CacheEntry } from "./cache.ts";
import { Fetch } from "./fetch.ts";
import { Fetches } from "./fetches.ts";
import { type HostsTable, NO_HOSTS } from "./hosts.ts";
import type { Known } from "./known.ts";
import { literalAnswer, localAnswer } from "./local.ts";
import { type Desk, Lookup } from "./lookup.ts";
import { isHostname, type Name } from "./name.ts";
import { Network } from "./network.ts";
import { DEFAULT_OPTIONS, type ResolverOptions } from "./options.ts";
import { DEFAULT_RESOLV_CONF, type ResolvConf } from "./resolv-conf.ts";
import { searchNames } from "./search.ts";
import type { Server } from "./server.ts";
import { formatServer } from "./server-address.ts";
import type { Statistics } from "./statistics.ts";
import type { RecordType } from "./type.ts";
import type { Answer, DnsFailure, LookupId, LookupRequest, ResolverInput, ResolverOutput } from "./words.ts";
import { Work } from "./work.ts";

/** The part of an entry's time in which a use asks for it again: the last tenth. */
const PREFETCH = 0.1;
const PREFETCH_LEAST: Millis = 10_000;

/** What there is of a lookup from its first moment. */
type Begun = Pick<Lookup, "id" | "request" | "start">;

/** Answers names: from literals, hosts file, special names and cache at once, from name servers when it must. */
export class ResolverMachine implements Machine<ResolverInput, ResolverOutput>, Desk {
  readonly #work: Work;
  readonly #network: Network;
  readonly #cache: Cache;
  readonly #lookups = new TransientMap<LookupId, Lookup>();
  readonly #fetches = new Fetches();
  readonly #failures = new Map<string, number>();
  #conf: ResolvConf = DEFAULT_RESOLV_CONF;
  #hosts: HostsTable = NO_HOSTS;
  #isClosed = false;

  constructor({ random, options = DEFAULT_OPTIONS }: { random: Random; options?: ResolverOptions }) {
    this.#work = new Work(options, random);
    this.#network = new Network(this.#work);
    this.#cache = new Cache(options.cache);
  }

  get deadline(): Millis {
    return this.#work.deadlines.next;
  }

  get statistics(): Statistics {
    return this.#work.statistics;
  }

  /** Whether the process should stay alive for the present deadline. */
  get holdsProcess(): boolean {
    return this.#lookups.size > 0;
  }

  /** Whether `trace` outputs are wanted. */
  set isTraced(isTraced: boolean) {
    this.#work.isTraced = isTraced;
  }

  get cache(): Pick<Cache, "size" | "bytes"> {
    return this.#cache;
  }

  get servers(): readonly Server[] {
    return this.#network.servers;
  }

  handle(input: ResolverInput | Timeout, now: Millis): readonly ResolverOutput[] {
    switch (input.type) {
      case "timeout":
        this.#work.deadlines.serve(now);
        break;
      case "lookup":
        this.#begin(input.lookup, input.request, now);
        break;
      case "abort":
        this.#abort(input.lookup, now);
        break;
      case "used":
        for (const type of input.types) this.#used(input.name, type, now);
        break;
      case "datagram":
      case "channel-failed":
      case "connected":
      case "stream":
      case "disconnected":
        this.#network.handle(input, now);
        break;
      case "configure":
        this.#configure(input.conf, now);
        break;
      case "network-changed":
        this.#askAnew(now);
        break;
      case "hosts":
        this.#hosts = input.hosts;
        this.clear(); // `peek` asks the cache alone.
        break;
      case "close":
        this.#close(now);
        break;
      default:
        return unreachable(input);
    }
    return this.#work.take();
  }

  /** The addresses that the cache holds now, none where it knows that there are none; undefined when it must be asked. */
  peek(name: Name, type: "A" | "AAAA", now: Millis): readonly Address[] | undefined {
    const known = this.#cache.get(name, type, now);
    if (known === undefined) return undefined;
    const { failure } = known;
    this.#work.statistics.cacheHits += 1;
    return failure === undefined || failure === "no-data" || failure === "not-found"
      ? known.addresses
      : undefined;
  }

  inspect(): readonly CacheEntry[] {
    return [...this.#cache.entries()];
  }

  clear(name?: Name): void {
    this.#cache.clear(name);
    this.#failures.clear();
  }

  find(name: Name, type: RecordType, { request }: Lookup, now: Millis): Known | Fetch {
    const local = this.#local(name, type, now);
    if (local !== undefined) return local;
    const servers = request.servers;
    const key = servers === undefined ? name : `${name} ${servers.map(formatServer).join(" ")}`;
    const known = request.fresh === true ? undefined : this.#cache.get(key, type, now);
    if (known !== undefined) {
      this.#work.statistics.cacheHits += 1;
      if (servers === undefined) this.#prefetch(known, name, type, now);
      return known;
    }
    this.#work.statistics.cacheMisses += 1;
    return this.#fetch(key, name, type, servers && this.#network.guests(servers));
  }

  part(lookup: Lookup, type: RecordType, known: Known): void {
    const { addresses, failure } = known;
    this.#work.emit({ type: "part", lookup: lookup.id, of: type, addresses, failure });
  }

  answered(lookup: Lookup, answer: Answer, now: Millis): void {
    this.#forget(lookup);
    if (answer.stale) this.#work.statistics.staleAnswers += 1;
    this.#answer(lookup, answer, now);
  }

  failed(lookup: Lookup, code: DnsFailure, now: Millis): void {
    this.#forget(lookup);
    this.#fail(lookup, code, now);
  }

  #begin(id: LookupId, request: LookupRequest, now: Millis): void {
    if (this.#isClosed) {
      this.#fail({ id, request, start: now }, "aborted", now);
      return;
    }
    this.#work.statistics.lookups += 1;
    const literal = literalAnswer(request);
    if (literal !== undefined) {
      if (literal === "no-data") this.#fail({ id, request, start: now }, literal, now);
      else this.#answer({ id, request, start: now }, literal, now);
      return;
    }
    const names = this.#namesOf(request, now);
    if (names.length === 0) {
      this.#fail({ id, request, start: now }, "bad-name", now);
      return;
    }
    const lookup = new Lookup({ id, request, names, start: now }, this);
    this.#lookups.set(id, lookup);
    this.#work.deadlines.set(lookup, request.deadline);
    lookup.begin(now);
  }

  /** What to try, in order. What this host knows itself is never completed by the search list: DNS-50, DNS-51. */
  #namesOf({ name, types, search }: LookupRequest, now: Millis): readonly Name[] {
    const names = searchNames(name, search === false ? undefined : this.#conf) ?? [];
    const wantsHost = types.some((type) => type === "A" || type === "AAAA");
    const usable = wantsHost ? names.filter(isHostname) : names;
    if (usable.length < 2) return usable;
    const bare = searchNames(name, undefined) as readonly [Name];
    const isLocal = types.some((type) => this.#local(bare[0], type, now) !== undefined);
    return isLocal ? bare : usable;
  }

  #local(name: Name, type: RecordType, now: Millis): Known | undefined {
    return localAnswer(name, type, { hosts: this.#hosts, options: this.#work.options }, now);
  }

  #abort(id: LookupId, now: Millis): void {
    const lookup = this.#lookups.get(id);
    if (lookup === undefined) return;
    lookup.leave(now);
    this.#forget(lookup);
    this.#work.statistics.aborted += 1;
  }

  #configure(conf: ResolvConf, now: Millis): void {
    this.#conf = conf;
    const hadServers = this.#network.servers.length > 0;
    if (!this.#network.configure(conf)) return;
    // Other servers may see another world: split horizons, captive portals.
    if (hadServers) this.clear();
    this.#askAnew(now);
  }

  /** What waits need not wait for servers that are gone, or for a datagram that went nowhere. */
  #askAnew(now: Millis): void {
    this.#failures.clear();
    this.#cache.clearFailures();
    for (const fetch of this.#fetches.all()) {
      if (!fetch.options.isForGuests) fetch.renew(this.#network.servers, now);
    }
  }

  #fetch(key: string, name: Name, type: RecordType, guests: readonly Server[] | undefined): Fetch {
    const known = this.#fetches.get(type, key);
    if (known !== undefined) {
      this.#work.statistics.joined += 1;
      return known;
    }
    const servers = guests ?? this.#network.servers;
    const about = { key, name, type, servers, isForGuests: guests !== undefined };
    const options = { ...about, failures: this.#failures, ended: this.#ended };
    const fetch = new Fetch(options, this.#network, this.#cache);
    this.#fetches.set(type, key, fetch);
    return fetch;
  }

  readonly #ended = (fetch: Fetch): void => {
    const { key, name, type } = fetch.options;
    this.#work.shapes[2] = fetch;
    this.#fetches.delete(type, key);
    if (this.#hosts.byName.has(name)) this.#cache.clear(key);
  };

  #used(name: Name, type: RecordType, now: Millis): void {
    const known = this.#cache.get(name, type, now);
    if (known !== undefined) this.#prefetch(known, name, type, now);
  }

  #prefetch({ expires, lifetime, failure, isStale }: Known, name: Name, type: RecordType, now: Millis): void {
    const isWorth = failure === undefined && !isStale && lifetime >= PREFETCH_LEAST;
    if (!this.#work.options.cache.prefetch || !isWorth) return;
    if (expires - now >= lifetime * PREFETCH || this.#failures.has(`${name}|${type}`)) return;
    if (this.#fetches.get(type, name) !== undefined) return;
    this.#work.statistics.prefetches += 1;
    this.#fetch(name, name, type, undefined).start(now);
  }

  #close(now: Millis): void {
    this.#isClosed = true;
    for (const lookup of this.#lookups.values()) {
      lookup.leave(now);
      this.failed(lookup, "aborted", now);
    }
    this.#network.close(now);
    this.#work.deadlines.clear();
  }

  #forget(lookup: Lookup): void {
    this.#lookups.delete(lookup.id);
    this.#work.shapes[1] = lookup;
    this.#work.deadlines.set(lookup, NEVER);
  }

  #answer({ id, request, start }: Begun, answer: Answer, now: Millis): void {
    this.#work.statistics.answered += 1;
    if (this.#work.isTraced) {
      const { name, cached, transport, source, stale } = answer;
      const from = cached && transport !== "none" ? "cache" : source;
      const { types } = request;
      this.#work.trace({ step: "answered", name, types, source: from, stale, ms: now - start });
    }
    this.#work.emit({ type: "answer", lookup: id, answer });
  }

  #fail({ id, request, start }: Begun, code: DnsFailure, now: Millis): void {
    const { name, types } = request;
    this.#work.statistics.failed += 1;
    this.#work.trace({ step: "failed", name, types, code, ms: now - start });
    this.#work.emit({ type: "failed", lookup: id, code, name });
  }
}
