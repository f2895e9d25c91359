import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { Address } from "./address.ts";
import { Cache, type CacheEntry } from "./cache.ts";
import { Fetch } from "./fetch.ts";
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

/** Answers names: from literals, hosts file, special names and cache at once, from name servers when it must. */
export class ResolverMachine implements Machine<ResolverInput, ResolverOutput>, Desk {
  readonly #work: Work;
  readonly #network: Network;
  readonly #cache: Cache;
  readonly #lookups = new Map<LookupId, Lookup>();
  readonly #fetches = new Map<string, Fetch>();
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

  /** Lookups that have no answer yet. */
  get pending(): number {
    return this.#lookups.size;
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

  get sockets(): { readonly udp: number; readonly tcp: number } {
    return { udp: this.#network.channels.size, tcp: this.#network.connections.size };
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
      case "datagram":
        this.#network.datagram(input.channel, input.bytes, now);
        break;
      case "channel-failed":
        this.#network.channelFailed(input.channel, now);
        break;
      case "connected":
        break;
      case "stream":
        this.#network.stream(input.connection, input.bytes, now);
        break;
      case "disconnected":
        this.#network.disconnected(input.connection, now);
        break;
      case "configure":
        this.#configure(input.conf);
        break;
      case "hosts":
        this.#hosts = input.hosts;
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
    const local = localAnswer(name, type, { hosts: this.#hosts, options: this.#work.options }, now);
    if (local !== undefined) return local;
    const servers = request.servers;
    const key = servers === undefined ? name : `${name} ${servers.map(formatServer).join(" ")}`;
    const known = request.fresh === true ? undefined : this.#cache.get(key, type, now);
    if (known !== undefined) {
      this.#work.statistics.cacheHits += 1;
      const { prefetch } = this.#work.options.cache;
      if (prefetch && servers === undefined && this.#isEnding(known, now))
        this.#prefetch(key, name, type, now);
      return known;
    }
    this.#work.statistics.cacheMisses += 1;
    return this.#fetch(key, name, type, servers && this.#network.guests(servers));
  }

  part(lookup: Lookup, type: RecordType, known: Known): void {
    const { addresses, failure } = known;
    this.#work.emit({ type: "part", lookup: lookup.id, of: type, addresses, failure });
  }

  answered(lookup: Lookup, answer: Answer): void {
    this.#forget(lookup);
    this.#work.statistics.answered += 1;
    if (answer.stale) this.#work.statistics.staleAnswers += 1;
    this.#work.emit({ type: "answer", lookup: lookup.id, answer });
  }

  failed(lookup: Lookup, code: DnsFailure): void {
    this.#forget(lookup);
    this.#fail(lookup.id, code, lookup.request.name);
  }

  #begin(id: LookupId, request: LookupRequest, now: Millis): void {
    if (this.#isClosed) {
      this.#fail(id, "aborted", request.name);
      return;
    }
    this.#work.statistics.lookups += 1;
    const literal = literalAnswer(request);
    if (literal === "no-data") {
      this.#fail(id, literal, request.name);
      return;
    }
    if (literal !== undefined) {
      this.#work.statistics.answered += 1;
      this.#work.emit({ type: "answer", lookup: id, answer: literal });
      return;
    }
    const names = searchNames(request.name, request.search === false ? undefined : this.#conf);
    const wantsHost = request.types.some((type) => type === "A" || type === "AAAA");
    const usable = wantsHost ? names?.filter(isHostname) : names;
    if (usable === undefined || usable.length === 0) {
      this.#fail(id, "bad-name", request.name);
      return;
    }
    const lookup = new Lookup(id, request, usable, this);
    this.#lookups.set(id, lookup);
    this.#work.deadlines.set(lookup, request.deadline);
    lookup.begin(now);
  }

  #abort(id: LookupId, now: Millis): void {
    const lookup = this.#lookups.get(id);
    if (lookup === undefined) return;
    lookup.leave(now);
    this.#forget(lookup);
    this.#work.statistics.aborted += 1;
  }

  #configure(conf: ResolvConf): void {
    const before = this.#network.servers.map(({ label }) => label).join(" ");
    this.#conf = conf;
    this.#network.configure(conf);
    const after = this.#network.servers.map(({ label }) => label).join(" ");
    // Other servers may see another world: split horizons, captive portals.
    if (before !== "" && before !== after) this.clear();
  }

  #fetch(key: string, name: Name, type: RecordType, guests: readonly Server[] | undefined): Fetch {
    const id = `${key}|${type}`;
    const known = this.#fetches.get(id);
    if (known !== undefined) {
      this.#work.statistics.joined += 1;
      return known;
    }
    const servers = guests ?? this.#network.servers;
    const fetch = new Fetch(
      { key, name, type, servers, failures: this.#failures, ended: () => this.#fetches.delete(id) },
      this.#network,
      this.#cache,
    );
    this.#fetches.set(id, fetch);
    return fetch;
  }

  #prefetch(key: string, name: Name, type: RecordType, now: Millis): void {
    if (this.#fetches.has(`${key}|${type}`)) return;
    this.#work.statistics.prefetches += 1;
    this.#fetch(key, name, type, undefined).start(now);
  }

  #isEnding({ expires, lifetime, failure }: Known, now: Millis): boolean {
    return failure === undefined && lifetime >= PREFETCH_LEAST && expires - now < lifetime * PREFETCH;
  }

  #close(now: Millis): void {
    this.#isClosed = true;
    for (const lookup of [...this.#lookups.values()]) {
      lookup.leave(now);
      this.failed(lookup, "aborted");
    }
    this.#network.close(now);
    this.#work.deadlines.clear();
  }

  #forget(lookup: Lookup): void {
    this.#lookups.delete(lookup.id);
    this.#work.deadlines.set(lookup, NEVER);
  }

  #fail(id: LookupId, code: DnsFailure, name: string): void {
    this.#work.statistics.failed += 1;
    this.#work.emit({ type: "failed", lookup: id, code, name });
  }
}
