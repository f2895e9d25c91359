import type { Socket } from "node:net";
import type { Outbound } from "../../../mqtt/index.ts";
import { encode } from "./encode.ts";

/** Unwritten bytes at which a connection stops reading: a peer that does not read gets no more answers. */
const CONGESTED = 1_048_576;

/** Collects what one turn of the event loop sends and writes it at once. */
export class Outbox {
  readonly #socket: Socket;
  readonly #version: 4 | 5;
  readonly #flushed: (tickets: readonly number[]) => void;
  #packets: Buffer[] = [];
  #tickets: number[] = [];
  #flush: NodeJS.Immediate | undefined;

  /** `flushed` hears which messages of QoS 0 the kernel has taken. */
  constructor(socket: Socket, version: 4 | 5, flushed: (tickets: readonly number[]) => void) {
    this.#socket = socket;
    this.#version = version;
    this.#flushed = flushed;
  }

  /** Whether the peer leaves so much unread that reading from it should wait. */
  get isCongested(): boolean {
    return this.#socket.writableLength > CONGESTED;
  }

  push(packet: Outbound): void {
    this.#packets.push(encode(packet, this.#version));
    this.#flush ??= setImmediate(() => this.flush());
  }

  /** The message of QoS 0 that was just pushed is settled once it is written. */
  await(ticket: number): void {
    this.#tickets.push(ticket);
  }

  flush(): void {
    if (this.#flush !== undefined) clearImmediate(this.#flush);
    this.#flush = undefined;
    if (this.#packets.length === 0) return;
    const bytes = this.#packets.length === 1 ? this.#packets[0] : Buffer.concat(this.#packets);
    const tickets = this.#tickets;
    this.#packets = [];
    this.#tickets = [];
    if (bytes === undefined || !this.#socket.writable) return;
    if (tickets.length === 0) this.#socket.write(bytes);
    else this.#socket.write(bytes, (error) => error ?? this.#flushed(tickets));
  }

  /** Writes what is left, then closes. */
  end(): void {
    this.flush();
    this.#socket.end(() => this.#socket.destroy());
  }
}
