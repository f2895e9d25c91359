import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type {
  ConnectionInfo,
  Frame,
  Link,
  LinkEvents,
  ResponseHead,
  SendOptions,
} from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Millis } from "../../../lib/millis.ts";
import { type HttpTarget, retryAfter, type Target } from "../../../stream/index.ts";
import { type Dial, hostPort, socketName } from "../../dialer/index.ts";
import { LINK_CLOSED } from "../closed.ts";
import { dialRequest } from "../dialer-port.ts";
import type { TransportParts } from "../index.ts";
import type { Roster } from "../roster.ts";
import { closedReason } from "../socket-reason.ts";
import { ValidityWatch } from "../validity-watch.ts";
import { type Settle, Writes } from "../writes.ts";
import { Pieces } from "./pieces.ts";
import {
  brokenReason,
  closeFrameReason,
  handshakeReason,
  statusReason,
  unansweredReason,
  unsayableReason,
} from "./reason.ts";
import { headOf, upgrade } from "./upgrade.ts";

/** How long the peer may take to answer the upgrade. */
const HANDSHAKE_WAIT: Millis = 20_000;
/** How long a peer that sent its FIN may take to read what is still to be written. */
const FLUSH_WAIT: Millis = 10_000;
const BINARY: Frame = { start: true, end: true, binary: true };
const TEXT: Frame = { start: true, end: true, binary: false };
const NORMAL = 1000;
/** What the `ws` package says where no close frame came. */
const ABNORMAL = 1006;

/** One WebSocket connection, as its stream sees it. */
export class WsLink implements Link {
  readonly #target: Target;
  readonly #http: HttpTarget;
  readonly #events: LinkEvents;
  readonly #parts: TransportParts;
  readonly #roster: Roster;
  readonly #validity: ValidityWatch;
  readonly #pieces = new Pieces();
  #peer: string;
  #dial: Dial | undefined;
  #socket: Socket | undefined;
  #ws: WebSocket | undefined;
  #writes: Writes | undefined;
  #head: ResponseHead | undefined;
  #fault: Reason | undefined;
  /** The latest ping that found no room: only the latest needs an answer (RFC 6455, 5.5.3). */
  #ping: Uint8Array | undefined;
  #stopTimer: () => void = () => undefined;
  #isOpen = false;
  #isPaused = false;
  /** The stream has heard the last of this link. */
  #isOver = false;

  constructor(target: Target, http: HttpTarget, events: LinkEvents, parts: TransportParts, roster: Roster) {
    this.#target = target;
    this.#http = http;
    this.#events = events;
    this.#parts = parts;
    this.#roster = roster;
    const { unixPath, host, port } = target;
    this.#peer = unixPath === undefined ? hostPort(host, port) : socketName(unixPath);
    this.#validity = new ValidityWatch({
      clock: parts.clock,
      probe: () => this.#probe(),
      hangUp: () => this.#hangUp(),
    });
  }

  get info(): ConnectionInfo {
    const state = this.#isOver ? "draining" : this.#isOpen ? "open" : "connecting";
    return { protocol: "ws", peer: this.#peer, state, streams: this.#isOver ? 0 : 1 };
  }

  dial(): void {
    this.#roster.add(this);
    this.#dial = this.#parts.dialer.dial(dialRequest(this.#target, ["http/1.1"]), {
      connected: (socket, info) => this.#connected(socket, info.peer),
      failed: (reason) => {
        this.#roster.delete(this);
        this.#end(reason);
      },
    });
  }

  send(payload: Uint8Array, options: SendOptions, settle: Settle): boolean {
    const ws = this.#ws;
    const writes = this.#writes;
    if (ws === undefined || writes === undefined || !this.#isOpen) {
      settle({ type: "refused", reason: misuse("the link is not established") });
      return true;
    }
    if (this.#isOver || ws.readyState !== ws.OPEN) {
      writes.lose(settle);
      return true;
    }
    const why = this.#pieces.next(payload, options, this.#target.streamtype.ws.binary);
    if (why !== undefined) {
      settle({ type: "refused", reason: misuse(why) });
      return true;
    }
    writes.gather();
    ws.send(payload, { binary: this.#pieces.isBinary, fin: options.end }, writes.settling(settle));
    return writes.hasRoom;
  }

  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#validity.alive();
    this.#ws?.resume();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
  }

  abandon(reason: Reason): void {
    if (this.#isOver) return;
    this.#fault ??= reason;
    this.#end(reason);
    this.#leave();
  }

  #connected(socket: Socket, peer: string): void {
    this.#dial = undefined;
    this.#peer = peer;
    this.#socket = socket;
    this.#writes = new Writes(socket);
    this.#parts.observe({ type: "opened", protocol: "ws", peer });
    socket.on("error", (error) => this.#broken(error));
    socket.on("close", () => this.#gone());
    let ws: WebSocket;
    try {
      ws = upgrade(socket, this.#target, this.#http);
    } catch (error) {
      this.#fail(unsayableReason(error, peer));
      return;
    }
    this.#ws = ws;
    this.#within(HANDSHAKE_WAIT, () => this.#fail(unansweredReason(HANDSHAKE_WAIT, peer)));
    this.#validity.start(undefined, this.#target.retry.validityHangup);
    ws.on("error", (error) => this.#broken(error));
    ws.on("upgrade", (response) => {
      this.#head = headOf(response);
    });
    ws.on("unexpected-response", (_, response) => {
      const { statusCode = 0, headers } = response;
      const wait = retryAfter(headers["retry-after"] ?? "", this.#parts.clock.wall());
      const reason = statusReason(statusCode, headers.location, peer);
      this.#fail(wait === undefined ? reason : { ...reason, retryAfter: wait });
    });
    ws.on("open", () => this.#opened(ws, socket));
    ws.on("close", (code, text) => {
      if (code !== ABNORMAL) this.#fault ??= closeFrameReason(code, text, peer);
      this.#end(this.#fault ?? closedReason(peer));
    });
  }

  #opened(ws: WebSocket, socket: Socket): void {
    this.#stopTimer();
    if (this.#isOver) return;
    this.#isOpen = true;
    const { validityPing, validityHangup } = this.#target.retry;
    this.#validity.stop();
    this.#validity.start(validityPing, validityHangup);
    if (validityPing !== undefined || validityHangup !== undefined) {
      socket.on("data", () => this.#validity.alive());
    }
    socket.on("drain", () => this.#drained());
    // The library writes what is left, however long the peer takes to read it.
    socket.on("end", () => this.#within(FLUSH_WAIT, () => socket.destroy()));
    ws.on("message", (payload: Buffer, isBinary) => {
      if (this.#isOver || this.#events.data(payload, isBinary ? BINARY : TEXT) || this.#isOver) return;
      this.#isPaused = true;
      ws.pause();
    });
    ws.on("ping", (payload) => {
      if (this.#writes?.hasRoom) ws.pong(payload);
      else this.#ping = payload;
    });
    this.#events.established({ peer: this.#peer, head: this.#head });
  }

  #drained(): void {
    if (this.#isOver) return;
    if (this.#ping !== undefined) this.#ws?.pong(this.#ping);
    this.#ping = undefined;
    this.#events.drained();
  }

  #probe(): void {
    if (!this.#isPaused) this.#ws?.ping();
  }

  /** A reader that takes nothing is no proof against the peer. */
  #hangUp(): void {
    if (this.#isPaused) {
      this.#validity.restart();
      return;
    }
    const message = `Cannot go on: ${this.#peer} showed no sign of life within \`svalidhup\``;
    this.#fail({ layer: "ws", code: "validity-timeout", message });
  }

  #broken(error: Error | unknown): void {
    this.#fault ??= this.#isOpen ? brokenReason(error, this.#peer) : handshakeReason(error, this.#peer);
    this.#end(this.#fault);
  }

  /** Ends at once, without a word to the peer. */
  #fail(reason: Reason): void {
    this.#fault ??= reason;
    this.#end(reason);
    this.#socket?.destroy();
  }

  #end(reason: Reason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTimer();
    this.#validity.stop();
    this.#writes?.end(reason);
    this.#events.closed({ type: "failed", reason, repeatable: true });
  }

  /** Closes politely where there is somebody to be polite to. */
  #leave(): void {
    this.#stopTimer();
    this.#validity.stop();
    this.#dial?.cancel();
    if (this.#socket === undefined) {
      this.#roster.delete(this);
      return;
    }
    if (!this.#isOpen) {
      this.#socket.destroy();
      return;
    }
    this.#ws?.resume();
    this.#ws?.close(NORMAL);
  }

  /** Runs `late` after `wait`, unless the socket has closed or another wait has begun. */
  #within(wait: Millis, late: () => void): void {
    this.#stopTimer();
    this.#stopTimer = this.#parts.clock.wake(this.#parts.clock.now() + wait, late, false);
  }

  #gone(): void {
    this.#stopTimer();
    this.#validity.stop();
    this.#roster.delete(this);
    this.#parts.observe({ type: "closed", protocol: "ws", peer: this.#peer, reason: this.#fault });
    if (this.#isOver) this.#writes?.end(this.#fault ?? LINK_CLOSED);
  }
}

function misuse(why: string): Reason {
  return { layer: "ws", code: "usage", message: `Cannot send: ${why}` };
}
