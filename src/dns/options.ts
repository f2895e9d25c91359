import type { Millis } from "../lib/millis.ts";

/** How a resolver works; what resolv.conf says goes before the figures here where it says something. */
export interface ResolverOptions {
  /** Sends of one query to one server over one transport; RFC 9520, 3.1 allows 3. */
  readonly attempts: number;
  /** Longest wait for one try in ms. */
  readonly timeout: Millis;
  /** Size announced in the OPT record; 0 sends none. DNS flag day 2020: 1232; RFC 9715, 3.2 allows up to 1400. */
  readonly ednsSize: number;
  /** Letters of random case (0x20). */
  readonly casing: boolean;
  /** DNS cookies (RFC 7873). */
  readonly cookies: boolean;
  /** Queries that leave from a port of their own: so many at once, refilled by so many a second; the others share. */
  readonly freshPorts: { readonly burst: number; readonly perSecond: number };
  /** Sockets to one server that share the other queries, and the uses after which each is replaced. */
  readonly sharedPorts: { readonly count: number; readonly uses: number };
  /** Queries under way to one server at a time; more than its or our receive buffer holds are lost. */
  readonly window: number;
  readonly cache: CacheOptions;
  /** Answer names below `.test` with not-found instead of asking (RFC 6761, 6.2). */
  readonly blockTest: boolean;
  /** Ask name servers for `.local` (RFC 6762, 22.1). */
  readonly askLocal: boolean;
}

export interface CacheOptions {
  /** 0 turns the cache off. */
  readonly maxEntries: number;
  /** Estimated size of all entries. */
  readonly maxBytes: number;
  /** Seconds; records with a longer TTL are kept so long. */
  readonly maxTtl: number;
  readonly maxNegativeTtl: number;
  /** Answer from expired entries when no server answers (RFC 8767), for so many seconds; 0 never does. */
  readonly maxStale: number;
  /** Ask again, in the background, for a name that is used in the last tenth of its time. */
  readonly prefetch: boolean;
}

export const DEFAULT_OPTIONS: ResolverOptions = {
  attempts: 3,
  timeout: 5000,
  ednsSize: 1232,
  casing: true,
  cookies: false,
  freshPorts: { burst: 5000, perSecond: 500 },
  sharedPorts: { count: 32, uses: 128 },
  window: 128,
  cache: {
    maxEntries: 10_000,
    maxBytes: 16_000_000,
    maxTtl: 86_400,
    maxNegativeTtl: 10_800,
    maxStale: 0,
    prefetch: false,
  },
  blockTest: false,
  askLocal: false,
};
