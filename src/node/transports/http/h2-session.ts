import { type ClientHttp2Session, connect } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Millis } from "../../../lib/millis.ts";
import { ValidityWatch } from "../validity-watch.ts";
import type { H2Call, H2Line } from "./h2-call.ts";
import { goawayReason, sessionReason } from "./h2-reason.ts";
import { H2Watchdog } from "./h2-watchdog.ts";
import { validityReason } from "./reason.ts";

/** Megabytes a session may hold for frames, headers and streams together. */
const MAX_SESSION_MEMORY = 12;
const MAX_HEADER_LIST = 65_536;
const WINDOW = 262_144;
/** PING and SETTINGS frames a peer may send in one second. */
const MAX_CONTROL_FRAMES = 500;

export interface H2SessionOptions {
  readonly clock: Clock;
  /** How long the session is kept after its last stream. */
  readonly idle: Millis;
  /** How soon a session is looked after that has ended itself; see H2Watchdog. */
  readonly watch: Millis;
  /** The session takes no further call; those on it may go on. */
  readonly onDraining: (session: H2Session) => void;
  readonly onClosed: (session: H2Session, reason: Reason | undefined) => void;
}

/** One HTTP/2 connection. Calls beyond what the peer allows wait in order. */
export class H2Session implements H2Line {
  readonly peer: string;
  readonly #options: H2SessionOptions;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #validity: ValidityWatch;
  readonly #watchdog: H2Watchdog;
  readonly #waiting: H2Call[] = [];
  readonly #active = new Set<H2Call>();
  /** One stream may go before the peer's SETTINGS say how many it takes. */
  #limit = 1;
  #lastProcessed: number | undefined;
  #fault: Reason | undefined;
  #isDraining = false;
  #isClosed = false;
  #hasServed = false;
  #idleTimer: NodeJS.Timeout | undefined;
  #controlFrames = 0;
  #controlSince = 0;

  constructor(socket: Socket, peer: string, options: H2SessionOptions) {
    this.peer = peer;
    this.#socket = socket;
    this.#options = options;
    this.#validity = new ValidityWatch({
      clock: options.clock,
      probe: () => this.#probe(),
      hangUp: () => this.destroy(validityReason(peer)),
    });
    const session = connect("http://localhost", {
      createConnection: () => socket,
      maxSessionMemory: MAX_SESSION_MEMORY,
      maxSettings: 32,
      maxReservedRemoteStreams: 0,
      settings: { enablePush: false, initialWindowSize: WINDOW, maxHeaderListSize: MAX_HEADER_LIST },
    });
    this.#session = session;
    this.#watchdog = new H2Watchdog(session, socket, {
      first: options.watch,
      isUploading: () => [...this.#active].some((call) => call.isUploading),
      onDead: () => {
        const message = `Cannot go on with the session: ${peer} broke the HTTP/2 protocol`;
        this.destroy({ layer: "http", code: "http-protocol", message });
      },
    });
    // A TLS alert breaks the socket and leaves it open; the session would wait for its close for ever.
    socket.on("error", (error: unknown) => {
      this.#note(sessionReason(error, peer));
      socket.destroy();
    });
    session.on("error", (error: unknown) => this.#note(sessionReason(error, peer)));
    session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#countControl();
      this.#limit = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      this.#pump();
    });
    session.on("ping", () => this.#countControl());
    session.on("goaway", (code, lastProcessed) => this.#onGoaway(code, lastProcessed));
    session.on("close", () => this.#onClose());
  }

  /** node:http2 resets every stream with CANCEL when the connection goes, as a peer may that wants but one stream gone. */
  get fault(): Reason | undefined {
    return this.#fault ?? (this.#socket.destroyed ? sessionReason(undefined, this.peer) : undefined);
  }

  get isDraining(): boolean {
    return this.#isDraining || this.#isClosed;
  }

  get streams(): number {
    return this.#active.size + this.#waiting.length;
  }

  add(call: H2Call): void {
    if (this.#waiting.length === 0 && this.#hasRoom) this.#begin(call);
    else this.#waiting.push(call);
  }

  onAbandoned(call: H2Call): void {
    const index = this.#waiting.indexOf(call);
    if (index >= 0) this.#waiting.splice(index, 1);
    if (this.streams === 0) this.#rest();
  }

  isUnprocessed(id: number): boolean {
    return this.#lastProcessed !== undefined && id > this.#lastProcessed;
  }

  onAlive(): void {
    this.#watchdog.event();
    this.#validity.alive();
  }

  onOver(call: H2Call): void {
    this.#active.delete(call);
    this.#hasServed = true;
    this.#pump();
    if (this.streams === 0) this.#rest();
  }

  destroy(reason: Reason): void {
    this.#note(reason);
    this.#session.destroy();
  }

  get #hasRoom(): boolean {
    return !this.isDraining && this.#active.size < this.#limit;
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#hasRoom) {
      const call = this.#waiting.shift();
      if (call !== undefined) this.#begin(call);
    }
  }

  #begin(call: H2Call): void {
    const wasIdle = this.#active.size === 0;
    if (wasIdle) this.#work();
    this.#active.add(call);
    this.#validity.start(call.request.validityPing, call.request.validityHangup);
    try {
      call.begin(this.#session, wasIdle && this.#hasServed);
    } catch (error) {
      this.#active.delete(call);
      call.fail(sessionReason(error, this.peer), "unsent");
      if (this.streams === 0) this.#rest();
    }
  }

  #work(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#session.ref();
    this.#watchdog.start();
  }

  #rest(): void {
    this.#validity.stop();
    this.#watchdog.stop();
    if (this.#isClosed || this.#idleTimer !== undefined) return;
    this.#session.unref();
    if (this.#isDraining) this.#session.close();
    else this.#idleTimer = setTimeout(() => this.#session.close(), this.#options.idle).unref();
  }

  #probe(): void {
    if (this.#session.destroyed || this.#session.closed) return;
    this.#session.ping((error) => {
      if (error === null) this.#validity.alive();
    });
  }

  #onGoaway(code: number, lastProcessed: number): void {
    this.#lastProcessed = lastProcessed;
    if (code !== 0) this.#note(goawayReason(code, this.peer));
    this.#drain(goawayReason(code, this.peer));
  }

  /** Takes no more; what waits was never sent and may go elsewhere. */
  #drain(reason: Reason): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#options.onDraining(this);
    for (const call of this.#waiting.splice(0)) call.fail(reason, "unprocessed");
  }

  /** A peer that sends nothing but work for us is cut off. */
  #countControl(): void {
    this.#watchdog.event();
    const now = performance.now();
    if (now - this.#controlSince > 1000) {
      this.#controlSince = now;
      this.#controlFrames = 0;
    }
    if (++this.#controlFrames <= MAX_CONTROL_FRAMES) return;
    const message = `Cannot go on with the session: ${this.peer} floods it with PING or SETTINGS`;
    this.destroy({ layer: "http", code: "http-enhance-your-calm", message });
  }

  #note(reason: Reason): void {
    this.#fault ??= reason;
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#validity.stop();
    this.#watchdog.stop();
    const isOrderly = this.#fault === undefined && this.streams === 0;
    if (!isOrderly) this.#note(sessionReason(undefined, this.peer));
    const waiting = this.#waiting.splice(0);
    this.#options.onClosed(this, this.#fault);
    for (const call of waiting) call.fail(this.#fault ?? sessionReason(undefined, this.peer), "unsent");
  }
}
