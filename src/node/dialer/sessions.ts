const MOST_SESSIONS = 100;

export interface Session {
  readonly bytes: Buffer;
  /** Wall time in ms at which the certificate behind it expires: a resumed handshake shows none. */
  readonly expires: number;
}

/**
 * TLS sessions to resume, the least recently used dropped first. A key must hold everything a certificate was judged by: a session
 * taken under one root would pass under any other.
 */
export class Sessions {
  readonly #most: number;
  readonly #kept = new Map<string, { readonly scope: string; readonly session: Session }>();

  constructor(most = MOST_SESSIONS) {
    this.#most = most;
  }

  get size(): number {
    return this.#kept.size;
  }

  /**
   * The session to offer; `wall` is the time now. It stays for the next time: servers such as Node's send a resumed
   * connection no new ticket, so using each once (RFC 8446, C.4) would resume every second connection alone.
   */
  find(scope: string, key: string, wall: number): Session | undefined {
    const name = `${scope}\n${key}`;
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    if (kept === undefined || kept.session.expires <= wall) return undefined;
    this.#kept.set(name, kept);
    return kept.session;
  }

  keep(scope: string, key: string, session: Session): void {
    const name = `${scope}\n${key}`;
    this.#kept.delete(name);
    this.#kept.set(name, { scope, session });
    if (this.#kept.size <= this.#most) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      return;
    }
  }

  /** Drops those of `scope`; without it, all. */
  forget(scope?: string): void {
    for (const [name, kept] of this.#kept) {
      if (scope === undefined || kept.scope === scope) this.#kept.delete(name);
    }
  }
}
