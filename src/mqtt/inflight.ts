import { type Millis, NEVER } from "../lib/millis.ts";
import { BIRTH_STREAM, type Entry, type Outgoing } from "./entry.ts";
import { MAX_IN_FLIGHT } from "./limits.ts";
import { Trial } from "./trial.ts";

/**
 * The messages that a client owes the server: those waiting, in order, and those sent and not acknowledged. It
 * outlives network connections (MQTT 3.1.1, 4.1) and hands out every packet identifier.
 */
export class Inflight {
  readonly trial = new Trial();
  #queue: Entry[] = [];
  #head = 0;
  #order = 0;
  #inFlight = 0;
  #nextId: number;
  /** In the order of the last write. */
  readonly #byId = new Map<number, Entry>();
  /** Identifiers of SUBSCRIBE and UNSUBSCRIBE under way. */
  readonly #control = new Set<number>();
  /**
   * Identifiers whose message is settled and whose repetitions may still be acknowledged: such an acknowledgement
   * must not be taken for that of a later message.
   */
  readonly #echoes = new Map<number, number>();

  /** `firstId`: where packet identifiers begin, 1 to 65535; a random one keeps clear of what an earlier process left. */
  constructor(firstId: number) {
    this.#nextId = firstId;
  }

  /** Messages that are not settled. */
  get size(): number {
    return this.#queue.length - this.#head + this.#inFlight;
  }

  /** Messages handed out to be written and not yet acknowledged. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a message into custody behind all others, or before all others. */
  add(message: Outgoing, place: "first" | "last" = "last"): void {
    const entry: Entry = {
      message,
      order: ++this.#order,
      released: 0,
      id: 0,
      phase: "publish",
      wasSent: false,
      isInFlight: false,
      resends: 0,
      due: NEVER,
      isAbandoned: false,
      hangUps: 0,
    };
    if (place === "last") {
      this.#queue.push(entry);
      return;
    }
    this.#queue.splice(this.#head, 0, entry);
    this.trial.born(entry);
  }

  /**
   * A network connection begins: everything unsettled is sent again in its order. A server that has kept the session
   * gets the same identifiers and goes on with QoS 2 where it stood; one that has not gets everything anew. Returns the
   * message that is given up because the broker hangs up on it.
   */
  restart(sessionPresent: boolean): Outgoing | undefined {
    const guilty = this.trial.verdict();
    if (guilty !== undefined) guilty.isAbandoned = true;
    this.forget(BIRTH_STREAM);
    const waiting = this.#queue.slice(this.#head).filter((entry) => entry.id === 0);
    const entries = [...this.#byId.values()].filter((entry) => sessionPresent || !entry.isAbandoned);
    this.#byId.clear();
    this.#control.clear();
    this.#echoes.clear();
    this.#inFlight = 0;
    const again: Entry[] = [];
    for (const entry of entries) {
      // An identifier of QoS 2 that the server may hold is released, or it would swallow the next message with it.
      if (entry.isAbandoned && entry.message.qos === 2) entry.phase = "release";
      else if (entry.isAbandoned) continue;
      if (sessionPresent) this.#byId.set(entry.id, entry);
      else {
        entry.id = 0;
        entry.phase = "publish";
      }
      entry.isInFlight = false;
      entry.resends = 0;
      entry.due = NEVER;
      again.push(entry);
    }
    this.#queue = [...again, ...waiting].sort(byPhaseAndOrder);
    this.#head = 0;
    this.trial.resume();
    return guilty?.message;
  }

  /** The broker has ended the connection. */
  hungUp(): void {
    this.trial.hungUp([...this.#byId.values()].filter(({ isInFlight }) => isInFlight));
  }

  /** The next entry to write, marked as in flight, while fewer than `limit` are. */
  next(limit: number): Entry | undefined {
    if (this.#inFlight >= limit) return undefined;
    const entry = this.#queue[this.#head];
    if (entry === undefined) return undefined;
    if (entry.id === 0) {
      const id = this.#freeId();
      if (id === undefined) return undefined;
      entry.id = id;
    } else {
      this.#byId.delete(entry.id);
    }
    this.#byId.set(entry.id, entry);
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    this.#inFlight += 1;
    entry.isInFlight = true;
    return entry;
  }

  /** The entry in flight with this identifier. */
  get(id: number): Entry | undefined {
    const entry = this.#byId.get(id);
    return entry?.isInFlight ? entry : undefined;
  }

  /** PUBREC came: what remains is the release. */
  release(entry: Entry): void {
    entry.phase = "release";
    entry.released = ++this.#order;
    this.touch(entry);
  }

  /** The entry is written (again) just now: it moves behind the others that wait for an answer. */
  touch(entry: Entry): void {
    this.#byId.delete(entry.id);
    this.#byId.set(entry.id, entry);
  }

  /** The last acknowledgement came: the identifier is free, unless repetitions are still to be acknowledged. */
  settle(entry: Entry): void {
    this.#byId.delete(entry.id);
    this.#inFlight -= 1;
    if (entry.resends > 0) this.#echoes.set(entry.id, entry.resends);
    if (this.trial.isOn) this.trial.settled(entry);
  }

  /** Whether this acknowledgement is that of a repetition whose message is settled. */
  isEcho(id: number): boolean {
    const left = this.#echoes.get(id);
    if (left === undefined) return false;
    if (left > 1) this.#echoes.set(id, left - 1);
    else this.#echoes.delete(id);
    return true;
  }

  /** Entries in flight whose time is up at `now`, and when the next one's is. */
  overdue(now: Millis): { readonly entries: readonly Entry[]; readonly next: Millis } {
    const entries: Entry[] = [];
    for (const entry of this.#byId.values()) {
      if (entry.due === NEVER) continue;
      if (entry.due > now) return { entries, next: entry.due };
      entries.push(entry);
    }
    return { entries, next: NEVER };
  }

  /** Drops what a stream has handed over. What is in flight keeps its identifier until it is acknowledged. */
  forget(stream: number): void {
    const kept = this.#queue.slice(this.#head).filter((entry) => {
      if (entry.message.stream !== stream) return true;
      entry.isAbandoned = true;
      if (entry.id !== 0) return true;
      this.trial.settled(entry);
      return false;
    });
    this.#queue = kept;
    this.#head = 0;
    for (const entry of this.#byId.values()) if (entry.message.stream === stream) entry.isAbandoned = true;
  }

  /** Gives up a stream's messages, in order, for another session to send. */
  take(stream: number): readonly Outgoing[] {
    const entries = new Set([...this.#byId.values(), ...this.#queue.slice(this.#head)]);
    const own = [...entries].filter((entry) => entry.message.stream === stream && !entry.isAbandoned);
    own.sort((a, b) => a.order - b.order);
    this.forget(stream);
    return own.map((entry) => entry.message);
  }

  /** An identifier for SUBSCRIBE or UNSUBSCRIBE; undefined when all are in use. */
  takeControlId(): number | undefined {
    const id = this.#freeId();
    if (id !== undefined) this.#control.add(id);
    return id;
  }

  freeControlId(id: number): void {
    this.#control.delete(id);
  }

  #freeId(): number | undefined {
    if (this.#byId.size + this.#control.size + this.#echoes.size >= MAX_IN_FLIGHT) return undefined;
    while (
      this.#byId.has(this.#nextId) ||
      this.#control.has(this.#nextId) ||
      this.#echoes.has(this.#nextId)
    ) {
      this.#advance();
    }
    const id = this.#nextId;
    this.#advance();
    return id;
  }

  #advance(): void {
    this.#nextId = this.#nextId === MAX_IN_FLIGHT ? 1 : this.#nextId + 1;
  }
}

/** PUBRELs in the order of their PUBRECs, then PUBLISHes in the order they were handed over (MQTT 3.1.1, 4.6). */
function byPhaseAndOrder(a: Entry, b: Entry): number {
  if (a.phase !== b.phase) return a.phase === "release" ? -1 : 1;
  return a.phase === "release" ? a.released - b.released : a.order - b.order;
}
