import type {
  Address,
  Answer,
  CacheEntry,
  DnsFailure,
  LookupRequest,
  RecordType,
  Statistics,
  TraceEvent,
} from "../../dns/index.ts";
import type { Millis } from "../../lib/millis.ts";
import type { Abortable } from "../ports.ts";

export interface ResolveOptions {
  /** Default: A and AAAA. */
  readonly types?: readonly RecordType[];
  /** Gives up; the promise rejects with `aborted`. */
  readonly signal?: Abortable | undefined;
  /** Milliseconds for all of it; default 10 000. */
  readonly timeout?: Millis | undefined;
  /** Ask these servers: `"192.0.2.1"`, `"192.0.2.1:5353"`, `"[2001:db8::1]:53"`, `"192.0.2.1#5353"`. */
  readonly servers?: readonly string[] | undefined;
  /** Try the suffixes of the search list; default true for A and AAAA. */
  readonly search?: boolean;
  /** Do not read the cache. */
  readonly fresh?: boolean;
}

export interface AddressOptions extends Omit<ResolveOptions, "types"> {
  readonly family?: 0 | 4 | 6;
  /**
   * Give IPv4 addresses as `::ffff:a.b.c.d`: with family 6 where there is no IPv6 address, with `"all"` beside those.
   * Default: where IPv6 is the only family that leaves this host.
   */
  readonly mapped?: boolean | "all";
  /** Default `rfc6724`. */
  readonly order?: "rfc6724" | "ipv4first" | "ipv6first" | "as-received";
}

/** What a lookup is told; one of `answered` and `failed`, once, after `part` for each type where `parts` asks for it. */
export interface LookupEvents {
  answered(answer: Answer): void;
  failed(code: DnsFailure, name: string): void;
  part?(type: RecordType, addresses: readonly Address[], failure: DnsFailure | undefined): void;
}

/** Names to addresses and records. `context.resolver` is one, and so is what `createResolver()` makes. */
export interface NameResolver {
  /** All records of one name. Rejects with DnsError. */
  resolve(name: string, options?: ResolveOptions): Promise<Answer>;
  /** The addresses of a host, best first. Rejects with DnsError. */
  addresses(host: string, options?: AddressOptions): Promise<readonly Address[]>;
  /** The host names of an address. Rejects with DnsError. */
  reverse(address: string, options?: Omit<ResolveOptions, "types">): Promise<readonly string[]>;
  /** The form of `resolve` without promises. Nothing is told after the returned function was called. */
  ask(request: LookupRequest, events: LookupEvents): () => void;
  /**
   * The addresses that the cache holds now, none where it knows that there are none; undefined where a server would
   * have to be asked. Synchronous; `host` in lower case.
   */
  peek(host: string, family: 4 | 6): readonly Address[] | undefined;
  /** What `peek` says of both families; undefined unless both are known. */
  peekBoth(host: string): { readonly six: readonly Address[]; readonly four: readonly Address[] } | undefined;
  /** Asks these servers instead of the system's, until the returned function is called: a lease hands them over. */
  useServers(servers: readonly string[]): () => void;
  /** Tells every step of every query, until the returned function is called. */
  trace(tracer: (event: TraceEvent) => void): () => void;
  /** The cache's entries, the most recently used first. */
  inspect(): readonly CacheEntry[];
  /** Forgets what is cached of one name, or everything. */
  clear(name?: string): void;
  /** The servers asked now, the system's, given ones or a lease's; none before the first use. */
  readonly servers: readonly string[];
  /** Undefined before the first use. */
  readonly statistics: Readonly<Statistics> | undefined;
}
