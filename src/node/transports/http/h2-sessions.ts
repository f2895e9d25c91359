import type { Socket } from "node:net";
import type { Clock, ConnectionInfo } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Millis } from "../../../lib/millis.ts";
import type { Target } from "../../../stream/index.ts";
import type { Dial } from "../../dialer/index.ts";
import { type DialerPort, dialRequest } from "../dialer-port.ts";
import type { Call, CallEvents, Carrier, HttpRequest } from "./call.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import type { H1Pool } from "./h1-pool.ts";
import { H2Call } from "./h2-call.ts";
import { H2Session } from "./h2-session.ts";

export interface H2SessionsOptions {
  readonly dialer: DialerPort;
  readonly clock: Clock;
  readonly idle: Millis;
  readonly watch: Millis;
  readonly observe: (event: ConnectionEvent) => void;
  /** Serves the peers that choose HTTP/1.1. */
  readonly h1: H1Pool;
}

/** Where the calls of one share key go now. */
type Place = Dialing | { readonly name: "open"; readonly session: H2Session };

interface Dialing {
  readonly name: "dialing";
  readonly target: Target;
  readonly waiting: Set<WaitingCall>;
  dial: Dial | undefined;
}

/**
 * HTTP/2 sessions by share key: calls to the same place share one, also while it is still connecting. Without TLS the
 * peer is taken to speak HTTP/2 from the first byte (prior knowledge, RFC 9113, 3.3). A peer that chooses HTTP/1.1
 * under TLS is served by the HTTP/1.1 pool, beginning with that very connection.
 */
export class H2Sessions implements Carrier {
  readonly #options: H2SessionsOptions;
  readonly #places = new Map<string, Place>();
  readonly #sessions = new Set<H2Session>();
  readonly #waiters: (() => void)[] = [];

  constructor(options: H2SessionsOptions) {
    this.#options = options;
  }

  call(target: Target, request: HttpRequest, events: CallEvents, isFresh: boolean): Call {
    const { shareKey: key } = target;
    const place = this.#places.get(key);
    if (place?.name === "open") {
      const call = new H2Call(request, events, place.session);
      place.session.add(call);
      return call;
    }
    if (place === undefined && this.#options.h1.has(key)) {
      return this.#options.h1.call(target, request, events, isFresh);
    }
    const dialing = place ?? this.#dial(key, target);
    const call = new WaitingCall(request, events, (gone) => this.#onAbandoned(key, dialing, gone));
    dialing.waiting.add(call);
    return call;
  }

  inspect(): readonly ConnectionInfo[] {
    const infos: ConnectionInfo[] = [];
    for (const place of this.#places.values()) {
      if (place.name !== "dialing") continue;
      const { host, port, unixPath } = place.target;
      const peer = unixPath ?? `${host}:${port}`;
      infos.push({ protocol: "h2", peer, state: "connecting", streams: place.waiting.size });
    }
    for (const session of this.#sessions) {
      const state = session.isDraining ? "draining" : "open";
      infos.push({ protocol: "h2", peer: session.peer, state, streams: session.streams });
    }
    return infos;
  }

  /** Ends everything with `reason`. Resolves when no socket is left. */
  async close(reason: Reason): Promise<void> {
    for (const [key, place] of [...this.#places]) {
      if (place.name !== "dialing") continue;
      place.dial?.cancel();
      this.#onDialFailed(key, place, reason);
    }
    for (const session of [...this.#sessions]) session.destroy(reason);
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #dial(key: string, target: Target): Dialing {
    const place: Dialing = { name: "dialing", target, waiting: new Set(), dial: undefined };
    this.#places.set(key, place);
    place.dial = this.#options.dialer.dial(dialRequest(target, ["h2", "http/1.1"]), {
      connected: (socket, { peer, alpn }) => this.#onConnected(key, place, socket, peer, alpn),
      failed: (reason) => this.#onDialFailed(key, place, reason),
    });
    return place;
  }

  #onConnected(key: string, place: Dialing, socket: Socket, peer: string, alpn: string | undefined): void {
    if (place.target.tls !== undefined && alpn !== "h2") {
      this.#places.delete(key);
      const connection = this.#options.h1.adopt(key, socket, peer);
      let isTaken = false;
      for (const call of place.waiting) {
        const { request, events } = call;
        if (isTaken) call.proceed(this.#options.h1.call(place.target, request, events, false));
        else call.proceed(connection.send(request, events));
        isTaken = true;
      }
      return;
    }
    const session = new H2Session(socket, peer, {
      clock: this.#options.clock,
      idle: this.#options.idle,
      watch: this.#options.watch,
      onDraining: () => this.#leave(key, session),
      onClosed: (_, reason) => this.#onClosed(key, session, reason),
    });
    this.#sessions.add(session);
    this.#places.set(key, { name: "open", session });
    this.#options.observe({ type: "opened", protocol: "h2", peer });
    for (const call of place.waiting) {
      const next = new H2Call(call.request, call.events, session);
      call.proceed(next);
      session.add(next);
    }
  }

  #onDialFailed(key: string, place: Dialing, reason: Reason): void {
    this.#places.delete(key);
    for (const call of place.waiting) {
      call.events.failed({ reason, progress: "unsent", wasReused: false });
    }
    place.waiting.clear();
  }

  #onAbandoned(key: string, place: Dialing, call: WaitingCall): void {
    place.waiting.delete(call);
    if (place.waiting.size > 0) return;
    place.dial?.cancel();
    if (this.#places.get(key) === place) this.#places.delete(key);
  }

  #leave(key: string, session: H2Session): void {
    const place = this.#places.get(key);
    if (place?.name === "open" && place.session === session) this.#places.delete(key);
  }

  #onClosed(key: string, session: H2Session, reason: Reason | undefined): void {
    this.#leave(key, session);
    this.#sessions.delete(session);
    this.#options.observe({ type: "closed", protocol: "h2", peer: session.peer, reason });
    if (this.#sessions.size === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

/** A call that waits for the connection, whose protocol is not known yet. */
class WaitingCall implements Call {
  readonly request: HttpRequest;
  readonly events: CallEvents;
  readonly #onAbandoned: (call: WaitingCall) => void;
  #call: Call | undefined;

  constructor(request: HttpRequest, events: CallEvents, onAbandoned: (call: WaitingCall) => void) {
    this.request = request;
    this.events = events;
    this.#onAbandoned = onAbandoned;
  }

  proceed(call: Call): void {
    this.#call = call;
  }

  resume(): void {
    this.#call?.resume();
  }

  abort(): void {
    if (this.#call === undefined) this.#onAbandoned(this);
    else this.#call.abort();
  }
}
