import { type Millis, NEVER } from "../lib/millis.ts";
import type { Attempt } from "./attempt.ts";
import type { Network } from "./network.ts";
import type { Server } from "./server.ts";

/** The attempts of one query that are under way. */
export class Flight {
  readonly #network: Network;
  #attempts: Attempt[] = [];

  constructor(network: Network) {
    this.#network = network;
  }

  /** Whether a wait of one of them can still run out. What only listens does not count. */
  get isUnderWay(): boolean {
    for (const { state, until } of this.#attempts) if (state === "waiting" || until !== NEVER) return true;
    return false;
  }

  /** When the first wait runs out. */
  get due(): Millis {
    let due = NEVER;
    for (const { until } of this.#attempts) if (until < due) due = until;
    return due;
  }

  /** Those whose wait has run out. */
  overdue(now: Millis): readonly Attempt[] {
    return this.#attempts.filter(({ state, until }) => state === "open" && until <= now);
  }

  /** The one to `server` that got a datagram which was no answer. */
  suspect(server: Server): Attempt | undefined {
    for (const attempt of this.#attempts) {
      if (attempt.server === server && attempt.forgeries > 0) return attempt;
    }
    return undefined;
  }

  /** Three answers in a row that only TCP or lower case could get: the server does not keep letters. */
  learnCasing({ server, usesCasing, transport }: Attempt, isPlain: boolean): void {
    const hasChanged = this.suspect(server)?.isCasing === true;
    if (isPlain || hasChanged) server.casingFailed();
    else if (usesCasing && transport === "udp") server.casingHeld();
  }

  /** Sends when the server's window has room. */
  enter(attempt: Attempt, now: Millis): void {
    // Most have one: an array that is written with it has no room to spare.
    if (this.#attempts.length === 0) this.#attempts = [attempt];
    else this.#attempts.push(attempt);
    attempt.server.window.enter(attempt, now);
  }

  /** Nothing can come for it: its server counts as silent, unless it was never asked. */
  lose(attempt: Attempt, now: Millis): void {
    this.#network.work.statistics.unreachable += 1;
    this.end(attempt, now);
    if (!attempt.isWithoutSocket) attempt.server.silent(attempt.sentAt, now);
  }

  /** Expects nothing more of it. */
  end(attempt: Attempt, now: Millis): void {
    attempt.state = "over";
    this.#attempts = this.#attempts.filter((each) => each !== attempt);
    this.#network.channels.release(attempt);
    this.#network.connections.release(attempt, now);
    attempt.server.window.leave(attempt, now);
  }

  /** Lets go of all but what can still teach something about another server than the one that answered. */
  settle(by: Server | undefined, now: Millis): void {
    for (const attempt of [...this.#attempts]) {
      const canTeach = attempt.state === "open" && attempt.until !== NEVER && attempt.transport === "udp";
      if (!canTeach || attempt.server === by) this.end(attempt, now);
    }
  }
}
