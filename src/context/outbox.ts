import { type Reason, SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Acknowledgement } from "./events.ts";
import type { Link, SendOptions, Settled } from "./ports.ts";

interface Outgoing {
  readonly payload: Uint8Array;
  readonly options: SendOptions;
  readonly resolve: (acknowledgement: Acknowledgement) => void;
  readonly reject: (error: unknown) => void;
}

const BY_PEER: Acknowledgement = { by: "peer" };
const BY_KERNEL: Acknowledgement = { by: "kernel" };

const BEGINNING_LOST: Reason = {
  layer: "stream",
  code: "connection-lost",
  message: "The connection ended inside the message; send it again from its start",
};

/** What an outbox tells its stream about messages that were handed over. */
export interface OutboxEvents {
  settled(outcome: Settled, size: number): void;
}

/** Messages on their way out, in order: some wait for a connection, some are in the transport's hands. */
export class Outbox {
  readonly #streamtype: string;
  readonly #limit: number;
  readonly #events: OutboxEvents;
  #waiting: Outgoing[] = [];
  #size = 0;
  #link: Link | undefined;
  #blocked = false;
  /** The first pieces of a message are with the transport, its last is not. */
  #isInside = false;
  /** The rest of a message whose beginning was lost with its link. */
  #skips = false;
  readonly #inFlight = new Set<Outgoing>();

  constructor(streamtype: string, limit: number, events: OutboxEvents) {
    this.#streamtype = streamtype;
    this.#limit = limit;
    this.#events = events;
  }

  /** Messages and bytes that wait for a connection, and messages whose outcome is open. */
  inspect(): { readonly waiting: number; readonly bytes: number; readonly inFlight: number } {
    return { waiting: this.#waiting.length, bytes: this.#size, inFlight: this.#inFlight.size };
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.size === 0;
  }

  get isWritable(): boolean {
    return this.#link !== undefined && !this.#blocked && this.#waiting.length === 0;
  }

  send(payload: Uint8Array, options: SendOptions): Promise<Acknowledgement> {
    if (options.start) this.#skips = false;
    if (this.#skips) return Promise.reject(this.#error(BEGINNING_LOST));
    return new Promise((resolve, reject) => {
      const message = { payload, options, resolve, reject };
      if (this.isWritable) {
        this.#hand(message, this.#link as Link);
        return;
      }
      // A piece that waits alone may be of any size, as with a connection.
      if (this.#size > 0 && this.#size + payload.length > this.#limit) {
        reject(this.#error(this.#full(payload.length)));
        return;
      }
      this.#waiting.push(message);
      this.#size += payload.length;
    });
  }

  /** A link is up: what waits goes out. */
  attach(link: Link): void {
    this.#link = link;
    this.#blocked = false;
    this.flush();
  }

  /** The link is gone: what is not handed over waits for the next, but for the rest of a message begun on this one. */
  detach(): void {
    this.#link = undefined;
    if (!this.#isInside) return;
    this.#isInside = false;
    const next = this.#waiting.findIndex(({ options }) => options.start);
    const rest = this.#waiting.splice(0, next === -1 ? this.#waiting.length : next);
    this.#skips = next === -1 && rest.at(-1)?.options.end !== true;
    for (const message of rest) {
      this.#size -= message.payload.length;
      message.reject(this.#error(BEGINNING_LOST));
    }
  }

  /** The link takes more. */
  drained(): void {
    this.#blocked = false;
    this.flush();
  }

  flush(): void {
    let count = 0;
    for (const message of this.#waiting) {
      if (this.#link === undefined || this.#blocked) break;
      count += 1;
      this.#size -= message.payload.length;
      this.#hand(message, this.#link);
    }
    this.#waiting = this.#waiting.slice(count);
  }

  /** Gives up on every message: its promise rejects with `reason`. */
  fail(reason: Reason, cause?: unknown): void {
    const messages = [...this.#inFlight, ...this.#waiting];
    this.#inFlight.clear();
    this.#waiting = [];
    this.#size = 0;
    for (const message of messages) message.reject(this.#error(reason, cause));
  }

  #hand(message: Outgoing, link: Link): void {
    this.#inFlight.add(message);
    this.#isInside = !message.options.end;
    const goOn = link.send(message.payload, message.options, (outcome) => this.#settle(message, outcome));
    if (!goOn) this.#blocked = true;
  }

  #settle(message: Outgoing, outcome: Settled): void {
    if (!this.#inFlight.delete(message)) return;
    if (outcome.type === "acknowledged") message.resolve(outcome.by === "peer" ? BY_PEER : BY_KERNEL);
    else message.reject(this.#error(outcome.reason));
    this.#events.settled(outcome, message.payload.length);
  }

  #full(length: number): Reason {
    const message = `Cannot send: ${this.#size} bytes wait already, and ${length} more exceed the limit of ${this.#limit}; await earlier sends first`;
    return { layer: "stream", code: "queue-full", message };
  }

  #error(reason: Reason, cause?: unknown): SecureStreamsError {
    if (reason.code === "usage") return new UsageError(reason.message, reason.code, reason.layer);
    return new SecureStreamsError(reason, { cause, streamtype: this.#streamtype });
  }
}
