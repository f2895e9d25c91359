import { type Millis, NEVER } from "../lib/millis.ts";
import type { Lease } from "./lease.ts";

/** A lease that a server would give, or has given in answer to a DISCOVER (RFC 4039). */
export interface Offer {
  readonly lease: Lease;
  readonly isRapid: boolean;
  /** The address had a conflict before. */
  readonly isDeclined: boolean;
  /** The address is the one we had before. */
  readonly isRemembered: boolean;
}

/** How long something doubtful is kept in case something without fault comes. */
export const GRACE: Millis = 500;

/**
 * Chooses between offers. The first good one is taken at once, or when `wait` is over. One with faults waits for a
 * better one, and an address that was declined is taken only when the DISCOVER would be repeated.
 */
export class Offers {
  readonly #wait: Millis;
  #firstAt: Millis = NEVER;
  #best: { readonly offer: Offer; readonly rank: number; readonly at: Millis } | undefined;

  constructor(wait: Millis) {
    this.#wait = wait;
  }

  get best(): Offer | undefined {
    return this.#best?.offer;
  }

  /** When the best is to be taken. */
  get decideAt(): Millis {
    if (this.#best === undefined) return NEVER;
    const { offer, rank, at } = this.#best;
    if (rank === 0) return at;
    if (offer.isDeclined) return NEVER;
    return Math.max(this.#firstAt + this.#wait, offer.lease.doubts.length > 0 ? at + GRACE : at);
  }

  add(offer: Offer, now: Millis): void {
    this.#firstAt = Math.min(this.#firstAt, now);
    const rank = rankOf(offer);
    if (this.#best === undefined || rank < this.#best.rank) this.#best = { offer, rank, at: now };
  }
}

/** Less is better. */
function rankOf({ lease, isDeclined, isRemembered }: Offer): number {
  return (isDeclined ? 4 : 0) + (lease.doubts.length > 0 ? 2 : 0) + (isRemembered ? 0 : 1);
}
