import type { ConnectionInfo } from "../../context/index.ts";
import type { Reason } from "../../lib/errors.ts";

/** One link with a connection of its own, from its dial until its socket is gone. */
export interface Member {
  readonly info: ConnectionInfo;
  /** Ends it from outside: its stream is told `reason`. */
  abandon(reason: Reason): void;
}

/** The links of one transport whose sockets are not gone yet. */
export class Roster {
  readonly #members = new Set<Member>();
  #waiters: (() => void)[] = [];
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  add(member: Member): void {
    this.#members.add(member);
  }

  /** The socket of `member` is gone, or there never was one. */
  delete(member: Member): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    for (const resolve of this.#waiters) resolve();
    this.#waiters = [];
  }

  inspect(): readonly ConnectionInfo[] {
    return [...this.#members].map(({ info }) => info);
  }

  /** Abandons every member. Resolves when no socket is left. */
  async close(reason: Reason): Promise<void> {
    this.#isClosed = true;
    for (const member of [...this.#members]) member.abandon(reason);
    if (this.#members.size === 0) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}
