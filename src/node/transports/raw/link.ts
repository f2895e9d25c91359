import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ConnectionInfo, Frame, Link, LinkEvents, SendOptions } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Millis } from "../../../lib/millis.ts";
import type { Target } from "../../../stream/index.ts";
import { type Dial, type DialInfo, hostPort, socketName } from "../../dialer/index.ts";
import { LINK_CLOSED } from "../closed.ts";
import { dialRequest } from "../dialer-port.ts";
import type { TransportParts } from "../index.ts";
import type { Roster } from "../roster.ts";
import { closedReason, socketReason } from "../socket-reason.ts";
import { ValidityWatch } from "../validity-watch.ts";
import { type Settle, Writes } from "../writes.ts";

/** How long a closed connection may take to flush what was written and to hear the peer's FIN. */
const CLOSE_WAIT: Millis = 2000;
/** How long a peer that sent its FIN may take to read what is still to be written. */
const FLUSH_WAIT: Millis = 10_000;
const PIECE: Frame = { start: false, end: false };

/**
 * One connection, as its stream sees it. In clear, and under TLS up to 1.2, it is established once connected. A server
 * of TLS 1.3 checks the client's certificate after the client's handshake has ended, so there the first thing it sends
 * proves that it let us in: payload, or a session ticket. For one that sends neither, an alert that would have come by
 * now did not come: see `grace`.
 */
export class RawLink implements Link {
  readonly #target: Target;
  readonly #events: LinkEvents;
  readonly #parts: TransportParts;
  readonly #roster: Roster;
  readonly #validity: ValidityWatch;
  #peer: string;
  #dial: Dial | undefined;
  #socket: Socket | undefined;
  #writes: Writes | undefined;
  #fault: Reason | undefined;
  #stopTimer: () => void = () => undefined;
  #isEstablished = false;
  #isPaused = false;
  /** The stream has heard the last of this link. */
  #isOver = false;

  constructor(target: Target, events: LinkEvents, parts: TransportParts, roster: Roster) {
    this.#target = target;
    this.#events = events;
    this.#parts = parts;
    this.#roster = roster;
    const { unixPath, host, port } = target;
    this.#peer = unixPath === undefined ? hostPort(host, port) : socketName(unixPath);
    this.#validity = new ValidityWatch({
      clock: parts.clock,
      probe: () => undefined,
      hangUp: () => this.#hangUp(),
    });
  }

  get info(): ConnectionInfo {
    const state = this.#isOver ? "draining" : this.#isEstablished ? "open" : "connecting";
    return { protocol: "raw", peer: this.#peer, state, streams: this.#isOver ? 0 : 1 };
  }

  dial(): void {
    this.#roster.add(this);
    const request = dialRequest(this.#target, []);
    const keepAliveProbe = this.#target.retry.validityPing;
    this.#dial = this.#parts.dialer.dial(
      { ...request, keepAliveProbe },
      {
        connected: (socket, info) => this.#connected(socket, info),
        failed: (reason) => {
          this.#roster.delete(this);
          this.#end(reason);
        },
      },
    );
  }

  send(payload: Uint8Array, _: SendOptions, settle: Settle): boolean {
    const socket = this.#socket;
    const writes = this.#writes;
    if (socket === undefined || writes === undefined || !this.#isEstablished) {
      const message = "Cannot send: the link is not established";
      settle({ type: "refused", reason: { layer: "tcp", code: "usage", message } });
      return true;
    }
    if (this.#isOver || writes.isOver) {
      writes.lose(settle);
      return true;
    }
    writes.gather();
    socket.write(payload, writes.settling(settle));
    return writes.hasRoom;
  }

  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#validity.alive();
    this.#socket?.resume();
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

  #connected(socket: Socket | TLSSocket, info: DialInfo): void {
    this.#dial = undefined;
    this.#peer = info.peer;
    this.#socket = socket;
    this.#writes = new Writes(socket);
    socket.on("error", (error) => {
      this.#fault ??= socketReason(error, this.#peer);
    });
    socket.on("end", () => {
      if (!this.#isOver) this.#within(FLUSH_WAIT);
    });
    socket.on("close", () => this.#gone());
    socket.on("drain", () => {
      if (!this.#isOver) this.#events.drained();
    });
    this.#parts.observe({ type: "opened", protocol: "raw", peer: this.#peer });
    this.#validity.start(undefined, this.#target.retry.validityHangup);
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    if (!("getProtocol" in socket) || socket.getProtocol() !== "TLSv1.3") {
      this.#establish();
      return;
    }
    // Node tells of the ticket from inside OpenSSL's read: a write from there, even from nextTick, corrupts the stream.
    socket.once("session", () => setImmediate(() => this.#establish()));
    this.#within(grace(info.timings.tls), () => this.#establish());
  }

  #establish(): void {
    if (this.#isEstablished || this.#isOver) return;
    this.#isEstablished = true;
    this.#stopTimer();
    this.#events.established({ peer: this.#peer });
  }

  #received(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#validity.alive();
    this.#establish();
    if (this.#isOver || this.#events.data(chunk, PIECE) || this.#isOver) return;
    this.#isPaused = true;
    this.#socket?.pause();
  }

  /** A reader that takes nothing is no proof against the peer. */
  #hangUp(): void {
    if (this.#isPaused) {
      this.#validity.restart();
      return;
    }
    const message = `Cannot go on: ${this.#peer} sent nothing within \`svalidhup\``;
    this.#fault ??= { layer: "tcp", code: "validity-timeout", message };
    this.#socket?.destroy();
    this.#end(this.#fault);
  }

  #end(reason: Reason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#validity.stop();
    this.#writes?.end(reason);
    this.#events.closed({ type: "failed", reason, repeatable: true });
  }

  /** Sends FIN after what is written and waits for the peer's, though not for ever. */
  #leave(): void {
    this.#validity.stop();
    this.#dial?.cancel();
    const socket = this.#socket;
    if (socket === undefined) {
      this.#roster.delete(this);
      return;
    }
    this.#within(CLOSE_WAIT);
    socket.resume();
    socket.end();
  }

  #gone(): void {
    this.#stopTimer();
    this.#validity.stop();
    this.#roster.delete(this);
    const reason = this.#fault ?? (this.#isOver ? LINK_CLOSED : closedReason(this.#peer));
    this.#parts.observe({ type: "closed", protocol: "raw", peer: this.#peer, reason: this.#fault });
    this.#writes?.end(reason);
    this.#end(reason);
  }

  /** Runs `late` after `wait`, unless the socket has closed or another wait has begun. */
  #within(wait: Millis, late: () => void = () => this.#socket?.destroy()): void {
    this.#stopTimer();
    this.#stopTimer = this.#parts.clock.wake(this.#parts.clock.now() + wait, late, false);
  }
}

/** How long the alert of a server of TLS 1.3 may take: some round trips, of which the handshake took at least one. */
function grace(handshake: Millis): Millis {
  return Math.min(100 + 3 * handshake, 2000);
}
