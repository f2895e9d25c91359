import type { Socket } from "node:net";
import type { Clock } from "../../../context/index.ts";
import type { Millis } from "../../../lib/millis.ts";
import type { Outbound } from "../../../mqtt/index.ts";
import { encode } from "./encode.ts";
import { LazyTimer } from "./timer.ts";

/** Unwritten bytes at which a connection stops reading: a peer that does not read gets no more answers. */
const CONGESTED = 1_048_576;

/**
 * A write and the server's answer to it wake both sides, which costs more than the messages in it. While many messages
 * are unacknowledged, new ones therefore wait until they are one in `SHARE` of all, but not longer than `PATIENCE`. With no
 * more than `SHARE` of them nothing waits.
 */
const SHARE = 8;
const PATIENCE: Millis = 1;

export interface OutboxParts {
  readonly socket: Socket;
  readonly version: 4 | 5;
  readonly clock: Clock;
  /** Messages of QoS 1 and 2 handed over and not acknowledged, written or not. */
  readonly unacknowledged: () => number;
  /** Hears which messages of QoS 0 the kernel has taken. */
  readonly written: (tickets: readonly number[]) => void;
}

/** Collects what one turn of the event loop sends, or several when there is much under way, and writes it at once. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #timer: LazyTimer;
  #packets: Buffer[] = [];
  #tickets: number[] = [];
  /** Something here does not wait. */
  #isUrgent = false;
  #turn: NodeJS.Immediate | undefined;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#timer = new LazyTimer(parts.clock, () => this.flush());
  }

  /** Whether the peer leaves so much unread that reading from it should wait. */
  get isCongested(): boolean {
    return this.#parts.socket.writableLength > CONGESTED;
  }

  push(packet: Outbound): void {
    this.#packets.push(encode(packet, this.#parts.version));
    this.#isUrgent ||= packet.type !== "publish" || packet.qos === 0;
    if (this.#isDue || !this.#timer.isArmed) this.#turn ??= setImmediate(this.#endTurn);
  }

  /** The message of QoS 0 that was just pushed is settled once it is written. */
  await(ticket: number): void {
    this.#tickets.push(ticket);
  }

  flush(): void {
    if (this.#packets.length === 0) return;
    const { socket, written } = this.#parts;
    const bytes = this.#packets.length === 1 ? this.#packets[0] : Buffer.concat(this.#packets);
    const tickets = this.#tickets;
    this.#packets = [];
    this.#tickets = [];
    this.#isUrgent = false;
    if (bytes === undefined || !socket.writable) return;
    if (tickets.length === 0) socket.write(bytes);
    else socket.write(bytes, (error) => error ?? written(tickets));
  }

  /** Writes what is left, then closes. */
  end(): void {
    this.flush();
    clearImmediate(this.#turn);
    this.#timer.stop();
    const { socket } = this.#parts;
    socket.end(() => socket.destroy());
  }

  get #isDue(): boolean {
    return this.#isUrgent || this.#packets.length * SHARE >= this.#parts.unacknowledged();
  }

  readonly #endTurn = (): void => {
    this.#turn = undefined;
    if (this.#isDue) this.flush();
    else this.#timer.by(this.#parts.clock.now() + PATIENCE);
  };
}
