import { type Millis, NEVER } from "../lib/millis.ts";
import type { Attempt } from "./attempt.ts";
import type { Timed } from "./deadlines.ts";
import { Fifo } from "./fifo.ts";
import type { Work } from "./work.ts";

/**
 * Bounds how many questions are under way to one server, so that their answers do not overrun a receive buffer.
 * A question leaves with its answer, or after a lease of a few latencies: what is silent so long does not burst.
 */
export class Window implements Timed {
  deadline: Millis = NEVER;
  place = -1;
  readonly #work: Work;
  readonly #leases = new Fifo<Attempt>();
  readonly #waiting = new Fifo<Attempt>();
  #under = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  /** Has the attempt transmitted, now or when there is room. */
  enter(attempt: Attempt, now: Millis): void {
    if (this.#under < this.#work.options.window) {
      this.#admit(attempt, now);
      return;
    }
    this.#waiting.push(attempt);
    this.#pump(now);
  }

  /** The attempt has its answer, or needs none any more. */
  leave(attempt: Attempt, now: Millis): void {
    if (!attempt.isInWindow) return;
    attempt.isInWindow = false;
    this.#under -= 1;
    if (this.#waiting.size > 0) this.#pump(now);
  }

  expire(now: Millis): void {
    this.#pump(now);
  }

  #pump(now: Millis): void {
    this.#reclaim(now);
    while (this.#under < this.#work.options.window) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (next.state === "waiting") this.#admit(next, now);
    }
    const first = this.#leases.first;
    const at = this.#waiting.size > 0 && first !== undefined ? first.leaseUntil : NEVER;
    this.#work.deadlines.set(this, at);
  }

  #admit(attempt: Attempt, now: Millis): void {
    attempt.isInWindow = true;
    attempt.leaseUntil = now + attempt.server.lease;
    this.#under += 1;
    this.#reclaim(now);
    this.#leases.push(attempt);
    attempt.sender.transmit(attempt, now);
  }

  #reclaim(now: Millis): void {
    for (let first = this.#leases.first; first !== undefined; first = this.#leases.first) {
      if (first.isInWindow && first.leaseUntil > now) return;
      this.#leases.shift();
      if (!first.isInWindow) continue;
      first.isInWindow = false;
      this.#under -= 1;
    }
  }
}
