import type {
  Frame,
  Link,
  LinkEvents,
  LinkRequest,
  SendOptions,
  Settled,
  StreamId,
} from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Member, Received } from "../../../mqtt/index.ts";
import type { MqttTarget, Target } from "../../../stream/index.ts";
import { LINK_CLOSED } from "../closed.ts";
import { Pieces } from "./pieces.ts";
import type { SharedSession } from "./shared-session.ts";

interface Held {
  readonly payload: Uint8Array;
  readonly frame: Frame;
}

/** One logical stream's place on a shared connection. */
export class MqttLink implements Link {
  readonly member: Member;
  readonly target: Target;
  readonly mqtt: MqttTarget;
  readonly #events: LinkEvents;
  readonly #shared: SharedSession;
  /** Messages that the reader does not take yet, at most `buffer.size` bytes and what was under way. */
  #held: Held[] = [];
  readonly #pieces = new Pieces();
  #heldBytes = 0;
  /** Nothing is passed on before `established`. */
  #isPaused = true;
  #holdsSocket = false;
  #isOver = false;

  constructor(id: number, request: LinkRequest, mqtt: MqttTarget, events: LinkEvents, shared: SharedSession) {
    const { subscribe: filter, qos, birth } = mqtt;
    const subscribe = filter === undefined ? undefined : { filter, qos };
    this.member = { id, stream: request.stream, subscribe, birth };
    this.target = request.target;
    this.mqtt = mqtt;
    this.#events = events;
    this.#shared = shared;
  }

  get stream(): StreamId {
    return this.member.stream;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  send(payload: Uint8Array, options: SendOptions, settle: (outcome: Settled) => void): boolean {
    const message = this.#pieces.next(payload, options, settle);
    if (typeof message === "object") return this.#shared.send(this, message.payload, options, message.settle);
    if (message !== undefined) {
      settle({
        type: "refused",
        reason: { layer: "mqtt", code: "usage", message: `Cannot send: ${message}` },
      });
    }
    return true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && !this.#isOver) {
      const next = this.#held.shift();
      if (next === undefined) break;
      this.#heldBytes -= next.payload.length;
      this.#isPaused = !this.#events.data(next.payload, next.frame);
    }
    if (this.#holdsSocket && this.#heldBytes * 2 <= this.target.streamtype.buffer.size) {
      this.#holdsSocket = false;
      this.#shared.release(this);
    }
  }

  close(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#pieces.lose(LINK_CLOSED);
    this.#shared.leave(this);
  }

  /** The stream may send again. */
  drained(): void {
    if (!this.#isOver) this.#events.drained();
  }

  establish(peer: string): void {
    if (this.#isOver) return;
    this.#events.established({ peer });
    this.resume();
  }

  /** A message for this stream. */
  deliver({ topic, payload }: Received): void {
    if (this.#isOver) return;
    const frame: Frame = { start: true, end: true, topic };
    if (!this.#isPaused) {
      this.#isPaused = !this.#events.data(payload, frame);
      return;
    }
    this.#held.push({ payload, frame });
    this.#heldBytes += payload.length;
    if (this.#heldBytes > this.target.streamtype.buffer.size && !this.#holdsSocket) {
      this.#holdsSocket = true;
      this.#shared.hold(this);
    }
  }

  /** The end of this place. What was received is passed on first: the server counts it as delivered. */
  end(reason: Reason): void {
    if (this.#isOver) return;
    for (const { payload, frame } of this.#held) {
      if (!this.#isOver) this.#events.data(payload, frame);
    }
    if (this.#isOver) return;
    this.#finish();
    this.#pieces.lose(reason);
    this.#events.closed({ type: "failed", reason, repeatable: true });
  }

  #finish(): void {
    this.#isOver = true;
    this.#held = [];
    if (this.#holdsSocket) this.#shared.release(this);
    this.#holdsSocket = false;
  }
}
