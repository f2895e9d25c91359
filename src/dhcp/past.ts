import { type Millis, seconds } from "../lib/millis.ts";
import type { Ipv4 } from "./address.ts";

/** At least so long after a DECLINE (RFC 2131, 3.1). */
const DECLINE_WAIT = seconds(10);
/** From so many conflicts on there is one attempt a minute (RFC 5227, 2.1.1). */
const MAX_CONFLICTS = 10;
const RATE_LIMIT_INTERVAL = seconds(60);
const LONGEST_WAIT = seconds(60);
const MOST_DECLINED = 16;

/** What went before and matters for what comes: the address we had, addresses with conflicts, refusals. */
export class Past {
  readonly #declined = new Set<Ipv4>();
  #address: Ipv4 | undefined;
  #until: Millis = 0;
  #refusals = 0;
  #conflicts = 0;

  /** The address we had, a wish once its lease has ended. */
  get address(): Ipv4 | undefined {
    return this.#address;
  }

  /** The address we had, where its lease has not ended. */
  held(now: Millis): Ipv4 | undefined {
    return this.#until > now ? this.#address : undefined;
  }

  had(address: Ipv4, until: Millis): void {
    this.#address = address;
    this.#until = until;
  }

  /** The address is no more than a wish. */
  ended(): void {
    this.#until = 0;
  }

  slept(span: Millis): void {
    this.#until -= span;
  }

  forget(): void {
    this.#address = undefined;
    this.#until = 0;
  }

  /** An address is in use: whatever went wrong on the way to it is over. */
  succeeded(): void {
    this.#conflicts = 0;
  }

  acknowledged(): void {
    this.#refusals = 0;
  }

  /** A server refused. Returns the wait before the next attempt: 1, 2, 4 s and so on to a minute. */
  refused(): Millis {
    this.forget();
    this.#refusals += 1;
    return Math.min(seconds(2 ** (this.#refusals - 1)), LONGEST_WAIT);
  }

  /** Another host has the address. Returns the wait before the next attempt. */
  declined(address: Ipv4): Millis {
    this.forget();
    this.#declined.delete(address);
    this.#declined.add(address);
    for (const oldest of this.#declined) {
      if (this.#declined.size <= MOST_DECLINED) break;
      this.#declined.delete(oldest);
    }
    this.#conflicts += 1;
    return this.#conflicts < MAX_CONFLICTS ? DECLINE_WAIT : RATE_LIMIT_INTERVAL;
  }

  wasDeclined(address: Ipv4): boolean {
    return this.#declined.has(address);
  }
}
