import type { Frame, Link, LinkEvents, SendOptions, Settled } from "../context/index.ts";
import { encodeUtf8 } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Target } from "../stream/index.ts";
import type { Custody, Kept } from "./custody.ts";
import { type AttemptParts, type Reached, reach } from "./reach.ts";
import type { SimClock } from "./sim-clock.ts";
import { HUNG_UP, type SimConnection, type SimPeer } from "./sim-peer.ts";
import { watchValidity } from "./watch-validity.ts";

const BY_PEER: Settled = { type: "acknowledged", by: "peer" };
const BY_KERNEL: Settled = { type: "acknowledged", by: "kernel" };
const NOT_ACKNOWLEDGED: Reason = {
  layer: "mqtt",
  code: "mqtt-publish-refused",
  message: "The peer refused the message",
};

/** The program's end of a simulated connection of ws, mqtt or raw. */
export class SimLink implements Link {
  readonly target: Target;
  readonly #clock: SimClock;
  readonly #events: LinkEvents;
  readonly #custody: Custody;
  readonly #connection: SimConnection;
  readonly #left: () => void;
  #peer: SimPeer | undefined;
  #latency: Millis = 0;
  #isOver = false;
  #isPaused = false;
  /** A message has begun whose last piece has not come. */
  #isInside = false;
  #unread: { readonly payload: Uint8Array; readonly frame: Frame }[] = [];
  #cleanUp: (() => void)[] = [];

  constructor(parts: AttemptParts<SimLink>, custody: Custody) {
    this.target = parts.target;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#custody = custody;
    this.#left = () => parts.left(this);
    this.#connection = {
      target: this.target,
      send: (payload, frame) => this.#fromPeer(payload, frame),
      close: (reason = HUNG_UP) => this.#end(reason),
    };
    this.#cleanUp.push(reach(parts, (reached) => this.#reached(reached)));
  }

  get isOpen(): boolean {
    return this.#peer !== undefined;
  }

  send(payload: Uint8Array, options: SendOptions, settle: (outcome: Settled) => void): boolean {
    const { mqtt, protocol } = this.target;
    if (protocol !== "raw" && options.start === this.#isInside) {
      settle({ type: "refused", reason: misplaced(protocol === "mqtt" ? "mqtt" : "ws", options.start) });
      return true;
    }
    this.#isInside = !options.end;
    const message: Kept = { payload, options, settle, sent: 0 };
    if (mqtt !== undefined && mqtt.qos > 0) {
      this.#custody.keep(message);
      this.#transmit(message);
    } else {
      this.#transmit(message);
      settle(BY_KERNEL);
    }
    return this.#peer?.isHeld !== true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && !this.#isOver) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      this.#deliver(next.payload, next.frame);
    }
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const clean of this.#cleanUp.splice(0)) clean();
    this.#left();
  }

  #reached(reached: Reached): void {
    if (reached.type === "failed") {
      this.#end(reached.reason);
      return;
    }
    const { peer, latency } = reached;
    this.#peer = peer;
    this.#latency = latency;
    const drain = (): void => this.#events.drained();
    this.#cleanUp.push(peer.add(this.#connection, drain));
    this.#cleanUp.push(
      watchValidity(this.target.retry, this.#clock, {
        probe: (answered) => this.#later(2 * latency, () => peer.mode.name === "up" && answered()),
        hangUp: (reason) => this.#end(reason),
      }),
    );
    if (reached.type === "open") for (const message of this.#custody.messages) this.#transmit(message);
    const head = this.target.protocol === "ws" ? peer.options.upgrade : undefined;
    this.#events.established({ peer: peer.name, head });
    if (this.#isOver) return;
    if (reached.type === "slammed") {
      this.#cleanUp.push(this.#clock.wake(this.#clock.now() + reached.after, () => this.#end(HUNG_UP)));
      return;
    }
    peer.options.connected?.(this.#connection);
  }

  #transmit(message: Kept): void {
    message.sent += 1;
    const repeated = message.sent > 1;
    this.#later(this.#latency, () => this.#atPeer(message, repeated));
  }

  #atPeer(message: Kept, repeated: boolean): void {
    const peer = this.#peer;
    if (peer === undefined || peer.mode.name !== "up") return;
    const { payload, options } = message;
    const { start, end, binary } = options;
    const topic = options.topic ?? this.target.mqtt?.topic;
    const seen = { payload, start, end, binary, topic, repeated, at: this.#clock.now() };
    const verdict = peer.options.message?.(seen, this.#connection) ?? "acknowledge";
    if (verdict === "ignore") return;
    this.#later(this.#latency, () =>
      this.#custody.settle(
        message,
        verdict === "acknowledge" ? BY_PEER : { type: "refused", reason: NOT_ACKNOWLEDGED },
      ),
    );
  }

  #fromPeer(payload: string | Uint8Array, frame: Partial<Frame> = {}): void {
    const bytes = typeof payload === "string" ? encodeUtf8(payload) : payload;
    const isWhole = this.target.protocol !== "raw";
    this.#later(this.#latency, () => this.#deliver(bytes, { start: isWhole, end: isWhole, ...frame }));
  }

  #deliver(payload: Uint8Array, frame: Frame): void {
    if (this.#isPaused) this.#unread.push({ payload, frame });
    else if (!this.#events.data(payload, frame)) this.#isPaused = true;
  }

  /** What is on the way when the connection ends is lost. */
  #later(span: Millis, run: () => void): void {
    this.#clock.wake(this.#clock.now() + span, () => {
      if (!this.#isOver) run();
    });
  }

  #end(reason: Reason): void {
    if (this.#isOver) return;
    this.close();
    this.#events.closed({ type: "failed", reason, repeatable: true });
  }
}

function misplaced(layer: "mqtt" | "ws", start: boolean): Reason {
  const why = start
    ? "the message before has not ended; pieces of two messages cannot be interleaved"
    : "no message has been started";
  return { layer, code: "usage", message: `Cannot send: ${why}` };
}
