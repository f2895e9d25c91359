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
  #first: Attempt | undefined;
  #last: Attempt | undefined;
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
    this.#remove(attempt);
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
    const at = this.#waiting.size > 0 ? (this.#first?.leaseUntil ?? NEVER) : NEVER;
    this.#work.deadlines.set(this, at);
  }

  #admit(attempt: Attempt, now: Millis): void {
    this.#reclaim(now);
    this.#add(attempt, now + attempt.server.lease);
    attempt.sender.transmit(attempt, now);
  }

  #reclaim(now: Millis): void {
    while (this.#first !== undefined && this.#first.leaseUntil <= now) this.#remove(this.#first);
  }

  #add(attempt: Attempt, leaseUntil: Millis): void {
    attempt.isInWindow = true;
    attempt.leaseUntil = leaseUntil;
    attempt.ahead = this.#last;
    if (this.#last === undefined) this.#first = attempt;
    else this.#last.behind = attempt;
    this.#last = attempt;
    this.#under += 1;
  }

  #remove(attempt: Attempt): void {
    const { ahead, behind } = attempt;
    attempt.isInWindow = false;
    attempt.ahead = undefined;
    attempt.behind = undefined;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    this.#under -= 1;
  }
}
