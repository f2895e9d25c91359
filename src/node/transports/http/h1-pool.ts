import type { Socket } from "node:net";
import type { Clock, ConnectionInfo } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Target } from "../../../stream/index.ts";
import type { Dial } from "../../dialer/index.ts";
import { type DialerPort, dialRequest } from "../dialer-port.ts";
import type { Call, CallEvents, Carrier, HttpRequest } from "./call.ts";
import type { ConnectionEvent } from "./connection-event.ts";
import type { H1Call } from "./h1-call.ts";
import { H1Connection } from "./h1-connection.ts";

/** Idle connections kept for one place; the oldest goes when there would be more. */
const MAX_IDLE = 64;

export interface H1PoolOptions {
  readonly dialer: DialerPort;
  readonly clock: Clock;
  readonly idle: number;
  readonly observe: (event: ConnectionEvent) => void;
}

/** HTTP/1.1 connections by share key. A call takes the idle one used last, or a new one. */
export class H1Pool implements Carrier {
  readonly #options: H1PoolOptions;
  readonly #idle = new Map<string, H1Connection[]>();
  readonly #open = new Set<H1Connection>();
  /** How many connections each key has. */
  readonly #keys = new Map<string, number>();
  readonly #dialing = new Set<DialingCall>();
  readonly #waiters: (() => void)[] = [];

  constructor(options: H1PoolOptions) {
    this.#options = options;
  }

  call(target: Target, request: HttpRequest, events: CallEvents, isFresh: boolean): Call {
    const connection = isFresh ? undefined : this.#take(target.shareKey);
    if (connection !== undefined) return connection.send(request, events);
    const call = new DialingCall(request, events, (socket, peer) =>
      this.adopt(target.shareKey, socket, peer),
    );
    this.#dialing.add(call);
    call.start(this.#options.dialer, target, () => this.#dialing.delete(call));
    return call;
  }

  /** Makes a connection of a socket that somebody else dialled. */
  adopt(key: string, socket: Socket, peer: string): H1Connection {
    const connection = new H1Connection(socket, peer, {
      clock: this.#options.clock,
      idle: this.#options.idle,
      onIdle: (idle) => this.#release(key, idle),
      onClosed: (closed, reason) => this.#onClosed(key, closed, reason),
    });
    this.#open.add(connection);
    this.#keys.set(key, (this.#keys.get(key) ?? 0) + 1);
    this.#options.observe({ type: "opened", protocol: "h1", peer });
    return connection;
  }

  inspect(): readonly ConnectionInfo[] {
    const infos: ConnectionInfo[] = [];
    for (const call of this.#dialing) {
      infos.push({ protocol: "h1", peer: call.place, state: "connecting", streams: 1 });
    }
    for (const connection of this.#open) {
      infos.push({
        protocol: "h1",
        peer: connection.peer,
        state: "open",
        streams: connection.isBusy ? 1 : 0,
      });
    }
    return infos;
  }

  /** There are connections for this key: its peer speaks HTTP/1.1. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Ends everything with `reason`. Resolves when no socket is left. */
  async close(reason: Reason): Promise<void> {
    for (const call of this.#dialing) call.fail(reason);
    for (const connection of this.#open) connection.destroy(reason);
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #take(key: string): H1Connection | undefined {
    const idle = this.#idle.get(key);
    for (let connection = idle?.pop(); connection !== undefined; connection = idle?.pop()) {
      if (connection.isSound) return connection;
    }
    return undefined;
  }

  #release(key: string, connection: H1Connection): void {
    const idle = this.#idle.get(key);
    if (idle === undefined) this.#idle.set(key, [connection]);
    else if (idle.push(connection) > MAX_IDLE) idle.shift()?.destroy();
  }

  #onClosed(key: string, connection: H1Connection, reason: Reason | undefined): void {
    this.#open.delete(connection);
    const left = (this.#keys.get(key) ?? 1) - 1;
    if (left === 0) this.#keys.delete(key);
    else this.#keys.set(key, left);
    const idle = this.#idle.get(key);
    const index = idle?.indexOf(connection) ?? -1;
    if (index >= 0) idle?.splice(index, 1);
    if (idle?.length === 0) this.#idle.delete(key);
    this.#options.observe({ type: "closed", protocol: "h1", peer: connection.peer, reason });
    if (this.#open.size === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

/** A call that waits for its connection. */
class DialingCall implements Call {
  readonly #request: HttpRequest;
  readonly #events: CallEvents;
  readonly #adopt: (socket: Socket, peer: string) => H1Connection;
  #dial: Dial | undefined;
  #call: H1Call | undefined;
  #onSettled: () => void = () => undefined;
  place = "";

  constructor(
    request: HttpRequest,
    events: CallEvents,
    adopt: (socket: Socket, peer: string) => H1Connection,
  ) {
    this.#request = request;
    this.#events = events;
    this.#adopt = adopt;
  }

  start(dialer: DialerPort, target: Target, onSettled: () => void): void {
    this.#onSettled = onSettled;
    this.place = target.unixPath ?? `${target.host}:${target.port}`;
    this.#dial = dialer.dial(dialRequest(target, ["http/1.1"]), {
      connected: (socket, { peer }) => {
        onSettled();
        this.#call = this.#adopt(socket, peer).send(this.#request, this.#events);
      },
      failed: (reason) => {
        onSettled();
        this.#events.failed({ reason, progress: "unsent", wasReused: false });
      },
    });
  }

  resume(): void {
    this.#call?.resume();
  }

  abort(): void {
    if (this.#call !== undefined) {
      this.#call.abort();
      return;
    }
    this.#dial?.cancel();
    this.#onSettled();
  }

  fail(reason: Reason): void {
    this.abort();
    this.#events.failed({ reason, progress: "unsent", wasReused: false });
  }
}
