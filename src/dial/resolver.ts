import type { Reason } from "../lib/errors.ts";

export type Family = 4 | 6;

/** Finds the addresses of a host. Literal addresses and `localhost` are never asked of it. */
export interface HostResolver {
  /**
   * Asks for both families at once. Calls nothing of `events` before it has returned, and nothing after `cancel` of
   * what it returns. `host` is a name as the policy wrote it.
   */
  resolve(host: string, events: ResolveEvents): Resolution;
}

export interface ResolveEvents {
  /** Addresses of one family, best first; may come more than once. */
  addresses(family: Family, addresses: readonly string[]): void;
  /** Nothing more comes for this family, once each. `reason` where it has failed or has no address. */
  done(family: Family, reason: Reason | undefined): void;
}

export interface Resolution {
  cancel(): void;
}
