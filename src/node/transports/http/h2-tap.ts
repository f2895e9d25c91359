import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { Duplex } from "node:stream";

/** What hears a stream of node:http2. */
export interface Ear {
  /** An interim response (1xx). */
  onInterim(): void;
  /** `raw`: names alternating with values, pseudo-headers first. */
  onResponse(status: number, raw: readonly string[]): void;
  /** False asks for no more until the stream is read again. */
  onData(chunk: Uint8Array): boolean;
  /** The peer's END_STREAM. */
  onEnd(): void;
  onError(error: unknown): void;
  /** The stream is gone. The last thing heard. */
  onClose(): void;
}

const EAR = Symbol("ear");

type Tapped = ClientHttp2Stream & { [EAR]: Ear };

/**
 * Hears a stream where node:http2 hands bytes and events to it, for two reasons. Its readable side also ends where the
 * stream or the session was lost: only an end that comes while the stream is open is the peer's END_STREAM. And the way
 * through a readable stream and its listeners costs a third of a small exchange.
 */
export function tap(stream: ClientHttp2Stream, ear: Ear): void {
  const tapped = stream as Tapped;
  tapped[EAR] = ear;
  tapped.push = push;
  tapped.emit = emit;
  stream.read(0);
}

function push(this: Tapped, chunk: unknown): boolean {
  if (chunk instanceof Uint8Array) return this[EAR].onData(chunk);
  if (this.destroyed) return false;
  if (this.closed) return Duplex.prototype.push.call(this, null);
  // Nobody waits for the readable side to end: node:http2 may destroy the stream as soon as it is closed.
  this.readable = false;
  this[EAR].onEnd();
  return false;
}

function emit(this: Tapped, event: string | symbol, ...args: unknown[]): boolean {
  const ear = this[EAR];
  switch (event) {
    case "headers":
      ear.onInterim();
      return true;
    case "response": {
      const [headers, , raw] = args as [IncomingHttpHeaders, number, readonly string[] | undefined];
      ear.onResponse(Number(headers[":status"]), raw ?? []);
      return true;
    }
    case "error":
      ear.onError(args[0]);
      return true;
    case "close":
      ear.onClose();
      break;
    default:
  }
  return Duplex.prototype.emit.call(this, event, ...args);
}
