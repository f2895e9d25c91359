import { type Millis, NEVER } from "../lib/millis.ts";
import type { Lease } from "./lease.ts";

/** A lease with faults that its offer did not have: it waits in case a better answer comes. */
export interface Held {
  readonly lease: Lease;
  readonly until: Millis;
}

/** One question under one transaction id, and its repetitions. */
export class Exchange {
  readonly xid: number;
  readonly #begun: Millis;
  readonly #secs: number | undefined;
  /** When the question goes out next. */
  sendAt: Millis;
  /** When it went out last: leases count from there (RFC 2131, 4.4.1). */
  sentAt: Millis;
  attempts = 0;
  held: Held | undefined;
  /** The system said that the server cannot be reached. */
  isUnreachable = false;

  /** `secs` is fixed where a REQUEST must repeat that of its DISCOVER. */
  constructor(xid: number, now: Millis, options: { readonly sendAt: Millis; readonly secs?: number }) {
    this.xid = xid;
    this.#begun = now;
    this.#secs = options.secs;
    this.sendAt = options.sendAt;
    this.sentAt = now;
  }

  get due(): Millis {
    return Math.min(this.sendAt, this.held?.until ?? NEVER);
  }

  /** Seconds since the exchange began, when it went out last. */
  get secs(): number {
    return this.#secs ?? Math.min(Math.floor((this.sentAt - this.#begun) / 1000), 0xffff);
  }

  sent(now: Millis): void {
    this.attempts += 1;
    this.sentAt = now;
  }
}
