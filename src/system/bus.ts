import { encodeUtf8 } from "../lib/bytes.ts";
import { UsageError } from "../lib/errors.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { BusMessage } from "./messages.ts";

/** Who sends and receives; unique in its bus. */
export type PeerId = number;

export interface BusOptions {
  /** Messages that may wait. Default: 40. */
  readonly depth?: number;
  /** How long one may wait. Default: 2 s. */
  readonly ttl?: Millis;
  /** UTF-8 bytes of one. Default: 384. */
  readonly size?: number;
}

export interface PeerOptions {
  /** The classes it wants, or-ed. */
  readonly classes: number;
  /** What is waiting when it joins is delivered to it too; else it is told how much it missed. Default: false. */
  readonly catchUp?: boolean;
}

/** `nobody`: no peer wants that class, so it is not kept. */
export type SendResult = "queued" | "nobody" | "full" | "too-large";

export type Delivery =
  | { readonly type: "message"; readonly peer: PeerId; readonly message: BusMessage; readonly at: Millis }
  /** Messages that this peer wanted and does not get: they were sent before it joined, or waited too long for it. */
  | {
      readonly type: "missed";
      readonly peer: PeerId;
      readonly count: number;
      readonly why: "joined" | "expired";
    };

interface Peer {
  readonly classes: number;
  /** In order of sending; from the front on. */
  readonly waiting: Queued[];
  readonly missed: { joined: number; expired: number };
  isPaused: boolean;
}

interface Queued {
  readonly message: BusMessage;
  readonly at: Millis;
  /** Peers that have not got it. */
  pending: number;
}

/**
 * Messages from everybody to whoever wants their class: bounded in number, size and age, one message for each peer in
 * each round, and nothing is missed without being told. It is a queue only: who holds it calls `round` when
 * `deadline` has come, and the peers after it.
 */
export class Bus {
  readonly #options: Required<BusOptions>;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #queue = new Set<Queued>();
  #lastPeer: PeerId = 0;

  constructor(options: BusOptions = {}) {
    this.#options = { depth: 40, ttl: seconds(2), size: 384, ...options };
  }

  /** Messages that somebody has not got yet. */
  get length(): number {
    return this.#queue.size;
  }

  /** When the next round is due: at once where there is something to deliver or to tell. */
  get deadline(): Millis {
    let expires = NEVER;
    for (const peer of this.#peers.values()) {
      if (peer.missed.joined > 0 || peer.missed.expired > 0) return 0;
      const first = peer.waiting[0];
      if (first === undefined) continue;
      if (!peer.isPaused) return 0;
      expires = Math.min(expires, first.at + this.#options.ttl);
    }
    return expires;
  }

  isRegistered(peer: PeerId): boolean {
    return this.#peers.has(peer);
  }

  /** Adds a peer. What waits and is of its classes it gets, or is told that it missed. */
  register({ classes, catchUp = false }: PeerOptions): PeerId {
    this.#lastPeer += 1;
    const wanted = [...this.#queue].filter(({ message }) => (message.class & classes) !== 0);
    const peer: Peer = {
      classes,
      waiting: catchUp ? wanted : [],
      missed: { joined: catchUp ? 0 : wanted.length, expired: 0 },
      isPaused: false,
    };
    if (catchUp) for (const queued of wanted) queued.pending += 1;
    this.#peers.set(this.#lastPeer, peer);
    return this.#lastPeer;
  }

  /** Takes a peer out, and what waits for it alone. */
  unregister(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    for (const queued of peer.waiting) this.#settle(queued);
  }

  /** A peer that is busy gets nothing until it resumes; what waits too long for it, it misses. */
  pause(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.isPaused = true;
  }

  resume(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) peer.isPaused = false;
  }

  /** Puts a message into the queue of every peer that wants its class, but for `except`. */
  send(message: BusMessage, options: { readonly except?: PeerId | undefined }, now: Millis): SendResult {
    if (!isOneBit(message.class))
      throw new UsageError("Cannot send: a message has exactly one class", "usage", "system");
    if (encodeUtf8(message.text).length > this.#options.size) return "too-large";
    const wanting = [...this.#peers].filter(
      ([id, { classes }]) => id !== options.except && (message.class & classes) !== 0,
    );
    if (wanting.length === 0) return "nobody";
    if (this.#queue.size >= this.#options.depth) this.#expire(now);
    if (this.#queue.size >= this.#options.depth) return "full";
    const queued: Queued = { message, at: now, pending: wanting.length };
    this.#queue.add(queued);
    for (const [, peer] of wanting) peer.waiting.push(queued);
    return "queued";
  }

  /** One thing for each peer: what it missed, else its next message. In the order in which they registered. */
  round(now: Millis): readonly Delivery[] {
    this.#expire(now);
    return [...this.#peers].flatMap(([id, peer]): Delivery[] => {
      const { missed } = peer;
      for (const why of ["joined", "expired"] as const) {
        const count = missed[why];
        if (count === 0) continue;
        missed[why] = 0;
        return [{ type: "missed", peer: id, count, why }];
      }
      const queued = peer.isPaused ? undefined : peer.waiting.shift();
      if (queued === undefined) return [];
      this.#settle(queued);
      return [{ type: "message", peer: id, message: queued.message, at: queued.at }];
    });
  }

  #expire(now: Millis): void {
    const oldest = now - this.#options.ttl;
    for (const peer of this.#peers.values()) {
      const kept = peer.waiting.findIndex(({ at }) => at > oldest);
      const gone = peer.waiting.splice(0, kept === -1 ? peer.waiting.length : kept);
      peer.missed.expired += gone.length;
      for (const queued of gone) this.#settle(queued);
    }
  }

  #settle(queued: Queued): void {
    queued.pending -= 1;
    if (queued.pending === 0) this.#queue.delete(queued);
  }
}

function isOneBit(bits: number): boolean {
  const mask = bits >>> 0;
  return mask !== 0 && (mask & (mask - 1)) === 0;
}
