import type { Socket } from "node:net";
import type { Reason } from "../../../lib/errors.ts";
import { TIMEOUT } from "../../../lib/machine.ts";
import { Malformed } from "../../../lib/malformed.ts";
import { type Millis, NEVER, seconds } from "../../../lib/millis.ts";
import {
  MqttSession,
  mqttReason,
  type Outcome,
  type Outgoing,
  type Received,
  type Receivers,
  type SessionInput,
  type SessionMemory,
  type SessionOutput,
  type SessionSettings,
} from "../../../mqtt/index.ts";
import type { Retry } from "../../../policy/index.ts";
import type { Target } from "../../../stream/index.ts";
import type { Dial } from "../../dialer/index.ts";
import { dialRequest } from "../dialer-port.ts";
import type { TransportParts } from "../index.ts";
import { ValidityWatch } from "../validity-watch.ts";
import { Decoder } from "./decode.ts";
import { closedReason, failedReason, isReset, silentReason } from "./ending.ts";
import { Framer } from "./framer.ts";
import { Outbox } from "./outbox.ts";
import { LazyTimer } from "./timer.ts";

/** How long a connection that either side has closed may take to write what is left. */
const CLOSE_WAIT = seconds(1);

/** What a connection tells those who share it. */
export interface ConnectionEvents {
  /** There is a socket; CONNECT is on its way. */
  opened(): void;
  established(member: number): void;
  refused(member: number, reason: Reason): void;
  message(packet: Received, receivers: Receivers): void;
  settled(ticket: number, outcome: Outcome): void;
  /** The kernel has taken messages of QoS 0. */
  written(tickets: readonly number[]): void;
  /** Nothing comes after it. Without a reason every member had left. */
  ended(reason: Reason | undefined): void;
  /** The socket is gone. */
  closed(): void;
}

/** One network connection to a broker: dials, moves bytes between socket and session, keeps the session's time. */
export class Connection {
  readonly #parts: TransportParts;
  readonly #events: ConnectionEvents;
  readonly #session: MqttSession;
  readonly #framer: Framer;
  readonly #decoder: Decoder;
  readonly #timer: LazyTimer;
  readonly #validity: ValidityWatch;
  readonly #version: 4 | 5;
  readonly #holds = new Set<unknown>();
  readonly #unwritten = new Set<number>();
  #dial: Dial | undefined;
  #socket: Socket | undefined;
  #outbox: Outbox | undefined;
  #ping: Millis | undefined;
  #hangup: Millis | undefined;
  #cause: Reason | undefined;
  #isEnded = false;
  #hasHeard = false;
  /** Whatever ends the connection now is the broker's doing. */
  #isHangUp = true;
  #peer = "";

  constructor(
    parts: TransportParts,
    target: Target,
    settings: SessionSettings,
    memory: SessionMemory,
    events: ConnectionEvents,
  ) {
    this.#parts = parts;
    this.#events = events;
    this.#version = settings.version;
    this.#session = new MqttSession(settings, memory);
    this.#framer = new Framer(settings.maximumPacketSize);
    this.#decoder = new Decoder(settings.version);
    this.#timer = new LazyTimer(parts.clock, () => this.#timeout());
    this.#validity = new ValidityWatch({
      clock: parts.clock,
      probe: () => this.#probe(),
      hangUp: () => this.#hangUp(),
    });
    this.#dial = parts.dialer.dial(dialRequest(target, []), {
      connected: (socket, info) => this.#opened(socket, info.peer),
      failed: (reason) => this.handle({ type: "lost", reason }),
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Remote address; empty while dialing. */
  get peer(): string {
    return this.#peer;
  }

  get state(): "connecting" | "open" | "draining" {
    if (this.#isEnded) return "draining";
    return this.#hasHeard ? "open" : "connecting";
  }

  /** Of those who share it, the most anxious decides when it is probed and given up. Policy: `svalidping`, `svalidhup`. */
  expectLife({ validityPing = NEVER, validityHangup = NEVER }: Retry): void {
    if (validityPing !== NEVER) this.#ping = Math.min(validityPing, this.#ping ?? NEVER);
    if (validityHangup !== NEVER) this.#hangup = Math.min(validityHangup, this.#hangup ?? NEVER);
    if (this.#socket !== undefined && !this.#isEnded) this.#validity.start(this.#ping, this.#hangup);
  }

  handle(input: SessionInput): void {
    this.#run(this.#session.handle(input, this.#parts.clock.now()));
    this.#arm();
  }

  send(message: Outgoing): void {
    if (message.qos === 0) this.#unwritten.add(message.ticket);
    this.handle({ type: "send", message });
    if (message.qos === 0 && this.#unwritten.has(message.ticket)) this.#outbox?.await(message.ticket);
  }

  /** Reads nothing more until `release` with the same holder: the members share one socket. */
  hold(holder: unknown): void {
    if (this.#holds.size === 0) {
      this.#socket?.pause();
      this.handle({ type: "reading", on: false });
    }
    this.#holds.add(holder);
  }

  release(holder: unknown): void {
    if (!this.#holds.delete(holder) || this.#holds.size > 0) return;
    this.#validity.alive();
    this.handle({ type: "reading", on: true });
    this.#socket?.resume();
  }

  #opened(socket: Socket, peer: string): void {
    this.#dial = undefined;
    this.#peer = peer;
    this.#socket = socket;
    this.#outbox = new Outbox({
      socket,
      version: this.#version,
      clock: this.#parts.clock,
      unacknowledged: () => this.#session.inFlight,
      written: (tickets) => this.#written(tickets),
    });
    this.#validity.start(this.#ping, this.#hangup);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("drain", () => this.release(this.#outbox));
    socket.on("error", (error) => {
      this.#cause ??= failedReason(this.#peer, error);
      this.#isHangUp &&= isReset(error);
    });
    socket.on("end", () => {
      socket.end(() => socket.destroy());
      this.#closeInTime(socket);
    });
    socket.on("close", () => {
      const reason = this.#cause ?? closedReason(this.#peer, this.#hasHeard);
      this.handle({ type: "lost", reason, isHangUp: this.#isHangUp });
      this.#events.closed();
    });
    if (this.#holds.size > 0) socket.pause();
    this.#events.opened();
    this.handle({ type: "opened" });
    // At once: a server that refuses the client certificate would otherwise close first, and the write would fail
    // before its alert is read.
    this.#outbox.flush();
  }

  #received(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#hasHeard = true;
    const now = this.#parts.clock.now();
    this.#validity.alive();
    const fault = this.#framer.push(chunk, (bytes) => {
      const packet = this.#decode(bytes);
      this.#run(this.#session.handle(packet, now));
      return !this.#isEnded;
    });
    if (fault !== undefined) this.#run(this.#session.handle(fault, now));
    this.#arm();
  }

  #decode(bytes: Buffer): SessionInput {
    try {
      return { type: "packet", packet: this.#decoder.decode(bytes) };
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      return { type: "malformed", detail: error.message };
    }
  }

  #run(outputs: readonly SessionOutput[]): void {
    for (const output of outputs) {
      switch (output.type) {
        case "write":
          this.#outbox?.push(output.packet);
          if (this.#outbox?.isCongested) this.hold(this.#outbox);
          break;
        case "established":
          this.#events.established(output.member);
          break;
        case "refused":
          this.#events.refused(output.member, output.reason);
          break;
        case "message":
          this.#events.message(output.packet, output);
          break;
        case "settled":
          this.#unwritten.delete(output.ticket);
          this.#events.settled(output.ticket, output.outcome);
          break;
        default:
          this.#end(output.reason);
      }
    }
  }

  #end(reason: Reason | undefined): void {
    this.#isEnded = true;
    this.#timer.stop();
    this.#validity.stop();
    this.#dial?.cancel();
    const socket = this.#socket;
    if (socket === undefined) {
      queueMicrotask(() => this.#events.closed());
    } else {
      this.#outbox?.end();
      socket.resume();
      if (!socket.destroyed) this.#closeInTime(socket);
    }
    this.#loseUnwritten(reason);
    this.#events.ended(reason);
  }

  #closeInTime(socket: Socket): void {
    const { clock } = this.#parts;
    const giveUp = clock.wake(clock.now() + CLOSE_WAIT, () => socket.destroy(), false);
    socket.once("close", giveUp);
  }

  #written(tickets: readonly number[]): void {
    const written = tickets.filter((ticket) => this.#unwritten.delete(ticket));
    if (written.length > 0) this.#events.written(written);
  }

  #loseUnwritten(reason: Reason | undefined): void {
    const lost = reason ?? mqttReason("closed", "The connection was closed before the message was written");
    for (const ticket of [...this.#unwritten]) this.#events.settled(ticket, { type: "lost", reason: lost });
    this.#unwritten.clear();
  }

  #timeout(): void {
    const now = this.#parts.clock.now();
    if (this.#isEnded) return;
    this.#run(this.#session.handle(TIMEOUT, now));
    this.#arm();
  }

  #arm(): void {
    if (this.#isEnded) return;
    const { deadline } = this.#session;
    if (deadline !== NEVER) this.#timer.by(deadline);
  }

  #probe(): void {
    if (this.#holds.size === 0) this.handle({ type: "probe" });
  }

  /** A reader that takes nothing is no proof against the peer. */
  #hangUp(): void {
    if (this.#holds.size > 0) this.#validity.restart();
    else this.handle({ type: "lost", reason: silentReason(this.#peer) });
  }
}
