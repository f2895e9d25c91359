import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Millis } from "../../../lib/millis.ts";

const MAX_PERIOD: Millis = 32_000;
/** How long our own stack may take to write a frame. */
const PATIENCE: Millis = 50;

export interface H2WatchdogOptions {
  /** The first look; each test that the session passes doubles the time to the next. */
  readonly first: Millis;
  /** A PING may wait behind a body that the peer does not take. */
  readonly isUploading: () => boolean;
  readonly onDead: () => void;
}

/**
 * Finds a session that has ended itself. After some breaches of protocol nghttp2 sends GOAWAY and neither reads nor
 * writes any more, and node:http2 tells nobody: its streams would wait for ever. The sign is bytes that led to no
 * event since; the proof is a PING that never leaves. Each silence is tested once, ever more rarely.
 */
export class H2Watchdog {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #first: Millis;
  readonly #isUploading: () => boolean;
  readonly #onDead: () => void;
  #timer: NodeJS.Timeout | undefined;
  #period: Millis = 0;
  #hasEvent = false;
  /** Bytes that had come when the session last proved that it reads. */
  #proven = 0;

  constructor(session: ClientHttp2Session, socket: Socket, options: H2WatchdogOptions) {
    this.#session = session;
    this.#socket = socket;
    this.#first = options.first;
    this.#isUploading = options.isUploading;
    this.#onDead = options.onDead;
  }

  start(): void {
    this.stop();
    this.#proven = this.#socket.bytesRead;
    this.#period = this.#first;
    this.#arm();
  }

  /** The session has told something: it is alive. */
  event(): void {
    this.#hasEvent = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#look(), this.#period).unref();
  }

  #look(): void {
    const isSuspect = !this.#hasEvent && this.#socket.bytesRead !== this.#proven && !this.#isUploading();
    this.#hasEvent = false;
    if (this.#session.destroyed) return;
    if (isSuspect) this.#test();
    else this.#arm();
  }

  #test(): void {
    const written = this.#socket.bytesWritten;
    this.#proven = this.#socket.bytesRead;
    this.#session.ping((error) => {
      if (error === null) this.#proven = this.#socket.bytesRead;
    });
    this.#timer = setTimeout(() => {
      if (this.#session.destroyed) return;
      const hasLeft = this.#socket.bytesWritten !== written;
      if (!hasLeft) {
        this.#onDead();
        return;
      }
      this.#period = Math.min(this.#period * 2, MAX_PERIOD);
      this.#arm();
    }, PATIENCE).unref();
  }
}
