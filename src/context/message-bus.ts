import type { Millis } from "../lib/millis.ts";
import { Bus, type BusMessage, type BusOptions, type PeerId, type SendResult } from "../system/index.ts";
import type { Clock } from "./ports.ts";

export interface BusPeerOptions {
  /** The classes it wants, or-ed: `MESSAGE_CLASSES.network | userClass(0)`. */
  readonly classes: number;
  /** What is waiting when it joins is delivered to it too. Default: false, and `missed` tells how much it was. */
  readonly catchUp?: boolean;
  /** A message, in a turn after it was sent; `at` is when, on the monotonic clock. */
  message(message: BusMessage, at: Millis): void;
  /** Messages it wanted and does not get. */
  missed?(count: number, why: "joined" | "expired"): void;
}

/** A place on the bus. */
export interface BusPeer {
  /** Sends; the peer itself hears it too unless `exceptMe`. */
  send(message: BusMessage, options?: { readonly exceptMe?: boolean }): SendResult;
  /** Delivers nothing until `resume`; what waits for longer than the bus allows is missed. */
  pause(): void;
  resume(): void;
  /** Leaves; nothing is delivered any more, not even what is on its way. */
  close(): void;
}

/**
 * Messages between the parts of a system and the program: delivered in a later turn, one for each peer in each round,
 * so that anybody may send, join and leave from inside a delivery.
 */
export class MessageBus {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #raise: (error: unknown) => void;
  readonly #peers = new Map<PeerId, BusPeerOptions>();
  #armed: { readonly at: Millis; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, raise: (error: unknown) => void, options: BusOptions = {}) {
    this.#clock = clock;
    this.#raise = raise;
    this.#bus = new Bus(options);
  }

  /** Messages that somebody has not got yet. */
  get length(): number {
    return this.#bus.length;
  }

  register(options: BusPeerOptions): BusPeer {
    const { classes, catchUp = false } = options;
    const id = this.#bus.register({ classes, catchUp });
    this.#peers.set(id, options);
    this.#arm();
    return {
      send: (message, { exceptMe = false } = {}) => this.#send(message, exceptMe ? id : undefined),
      pause: () => this.#change(() => this.#bus.pause(id)),
      resume: () => this.#change(() => this.#bus.resume(id)),
      close: () => {
        this.#peers.delete(id);
        this.#change(() => this.#bus.unregister(id));
      },
    };
  }

  /** Sends as nobody in particular. */
  send(message: BusMessage): SendResult {
    return this.#send(message, undefined);
  }

  #send(message: BusMessage, except: PeerId | undefined): SendResult {
    const result = this.#bus.send(message, { except }, this.#clock.now());
    this.#arm();
    return result;
  }

  #change(change: () => void): void {
    change();
    this.#arm();
  }

  #round(): void {
    for (const delivery of this.#bus.round(this.#clock.now())) {
      const peer = this.#peers.get(delivery.peer);
      try {
        if (delivery.type === "message") peer?.message(delivery.message, delivery.at);
        else peer?.missed?.(delivery.count, delivery.why);
      } catch (error) {
        this.#raise(error);
      }
    }
    this.#arm();
  }

  /** A timer that is too early is left alone. */
  #arm(): void {
    const now = this.#clock.now();
    const at = Math.max(now, this.#bus.deadline);
    if (this.#armed !== undefined && this.#armed.at <= at) return;
    this.#armed?.cancel();
    this.#armed = undefined;
    if (at === Number.POSITIVE_INFINITY) return;
    const run = (): void => {
      this.#armed = undefined;
      this.#round();
    };
    this.#armed = { at, cancel: this.#clock.wake(at, run, at <= now) };
  }
}
