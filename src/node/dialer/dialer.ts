import type { Path } from "../../context/index.ts";
import type { HostResolver } from "../../dial/index.ts";
import type { Millis } from "../../lib/millis.ts";
import { Dialing } from "./dialing.ts";
import { OpenSockets } from "./open-sockets.ts";
import type { Dial, DialEvents, DialRequest } from "./request.ts";
import { SecureContexts } from "./secure-contexts.ts";
import { Sessions } from "./sessions.ts";
import { SystemResolver } from "./system-resolver.ts";

export interface DialerOptions {
  /** Default: the system's own, `dns.lookup`. */
  readonly resolver?: HostResolver;
  /** How far the right time is ahead of the system's, in ms; certificates are judged by it. Default: 0. */
  readonly clockOffset?: () => Millis;
}

/**
 * The one way to a connected socket: name, addresses, TCP or Unix socket, SOCKS5, TLS. One instance serves a context;
 * it holds the TLS sessions and secure contexts, both bounded.
 */
export class Dialer {
  readonly #resolver: HostResolver;
  readonly #contexts = new SecureContexts();
  readonly #sessions = new Sessions();
  readonly #clockOffset: () => Millis;
  readonly #sockets = new OpenSockets();

  constructor(options: DialerOptions = {}) {
    this.#resolver = options.resolver ?? new SystemResolver();
    this.#clockOffset = options.clockOffset ?? (() => 0);
  }

  /** Starts one dial. Calls nothing of `events` before it has returned. */
  dial(request: DialRequest, events: DialEvents): Dial {
    return new Dialing(request, events, {
      resolver: this.#resolver,
      contexts: this.#contexts,
      sessions: this.#sessions,
      sockets: this.#sockets,
      clockOffset: this.#clockOffset,
    });
  }

  /** Breaks the connections whose path is gone, each with the reason `network-changed`; returns how many. */
  abandon(isGone: (path: Path) => boolean): number {
    return this.#sockets.abandon(isGone);
  }

  /** Drops the TLS sessions of `scope`; without it, of all. */
  forgetSessions(scope?: string): void {
    this.#sessions.forget(scope);
  }
}
