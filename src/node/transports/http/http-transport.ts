import type {
  Clock,
  ConnectionInfo,
  Link,
  LinkEvents,
  LinkRequest,
  StreamId,
  Transport,
} from "../../../context/index.ts";
import { type Reason, SecureStreamsError } from "../../../lib/errors.ts";
import type { Millis } from "../../../lib/millis.ts";
import { systemClock } from "../../clock.ts";
import type { DialerPort } from "../dialer-port.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import { CookieJar } from "./cookies.ts";
import { Exchange } from "./exchange.ts";
import { H1Pool } from "./h1-pool.ts";
import { H2Sessions } from "./h2-sessions.ts";

export interface HttpTransportOptions {
  readonly dialer: DialerPort;
  /** Node's own by default. */
  readonly clock?: Clock;
  /** How long a connection without work is kept; 5 s by default. */
  readonly idle?: Millis;
  /** How soon an HTTP/2 session is noticed that ended itself over a breach of protocol; 1 s by default. */
  readonly watch?: Millis;
  /** Told of every connection that comes or goes. */
  readonly observe?: (event: ConnectionEvent) => void;
}

const IDLE: Millis = 5000;
const WATCH: Millis = 1000;

/** The transport of h1 and h2: one link is one transaction. */
export class HttpTransport implements Transport {
  readonly #h1: H1Pool;
  readonly #h2: H2Sessions;
  #cookies: CookieJar | undefined;
  #isClosed = false;

  constructor(options: HttpTransportOptions) {
    const { dialer, clock = systemClock, idle = IDLE, watch = WATCH, observe = () => undefined } = options;
    this.#h1 = new H1Pool({ dialer, clock, idle, observe });
    this.#h2 = new H2Sessions({ dialer, clock, idle, watch, observe, h1: this.#h1 });
  }

  open(request: LinkRequest, events: LinkEvents): Link {
    const { http, streamtype } = request.target;
    if (http === undefined) throw new TypeError("Cannot open: the target has no http");
    if (this.#isClosed) return refused(events, CLOSED);
    let cookies: CookieJar | undefined;
    try {
      if (streamtype.http.cookies) cookies = this.#cookies ??= new CookieJar();
    } catch (error) {
      if (!(error instanceof SecureStreamsError)) throw error;
      return refused(events, { layer: error.layer, code: error.code, message: error.message });
    }
    const carrier = request.target.protocol === "h2" ? this.#h2 : this.#h1;
    const exchange = new Exchange(request, http, events, { carrier, cookies });
    exchange.start();
    return exchange;
  }

  forget(_: StreamId): void {}

  inspect(): readonly ConnectionInfo[] {
    return [...this.#h1.inspect(), ...this.#h2.inspect()];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#h1.close(CLOSED), this.#h2.close(CLOSED)]);
  }
}

const CLOSED: Reason = { layer: "stream", code: "closed", message: "Cannot go on: the context was closed" };

/** A link that fails as soon as it may. */
function refused(events: LinkEvents, reason: Reason): Link {
  let isClosed = false;
  queueMicrotask(() => {
    if (!isClosed) events.closed({ type: "failed", reason, repeatable: false });
  });
  return {
    send: () => true,
    resume: () => undefined,
    close: () => {
      isClosed = true;
    },
  };
}
