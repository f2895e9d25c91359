import type { Socket } from "node:net";
import symbols from "undici/lib/core/symbols.js";
import Client from "undici/lib/dispatcher/client.js";
import type { Clock } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import { tlsReason } from "../../dialer/index.ts";
import { ValidityWatch } from "../validity-watch.ts";
import type { CallEvents, HttpRequest } from "./call.ts";
import { H1Call, type H1Line } from "./h1-call.ts";
import { validityReason } from "./reason.ts";

const MAX_HEADER_SIZE = 16_384;
/** Interim responses (1xx) a peer may send before the response itself. */
const MAX_INTERIM = 32;
/** Bytes a peer may spend on framing (chunk sizes and extensions, trailers, white space) without sending payload. */
const MAX_FRAMING = 32_768;
/** Framing a peer may spend on each byte of payload: chunks of one byte need six. */
const FRAMING_PER_BYTE = 9;

export interface H1ConnectionOptions {
  readonly clock: Clock;
  /** Idle time after which the connection is closed; a peer's `Keep-Alive: timeout` can only shorten it. */
  readonly idle: number;
  /** The connection is idle and sound: it may carry another call. */
  readonly onIdle: (connection: H1Connection) => void;
  readonly onClosed: (connection: H1Connection, reason: Reason | undefined) => void;
}

/** One HTTP/1.1 connection: undici's client over a socket of the dialer, watched from below. One call at a time. */
export class H1Connection implements H1Line {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #client: Client;
  readonly #options: H1ConnectionOptions;
  readonly #validity: ValidityWatch;
  #call: H1Call | undefined;
  #isPaused = false;
  #calls = 0;
  #interim = 0;
  #received = 0;
  #accounted = 0;
  #fault: Reason | undefined;
  #isClosed = false;

  constructor(socket: Socket, peer: string, options: H1ConnectionOptions) {
    this.#socket = socket;
    this.peer = peer;
    this.#options = options;
    this.#validity = new ValidityWatch({
      clock: options.clock,
      probe: () => undefined,
      hangUp: () => this.#hangUp(),
    });
    this.#watch(socket);
    let isGiven = false;
    this.#client = new Client("http://localhost", {
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_SIZE,
      keepAliveTimeout: options.idle,
      keepAliveMaxTimeout: options.idle,
      keepAliveTimeoutThreshold: 1000,
      connect: (_, give) => {
        const first = !isGiven;
        isGiven = true;
        // undici looks for the connection only after its connector has returned. It never gets a second one: which
        // requests may be repeated is not for it to say.
        queueMicrotask(() => {
          if (first && !socket.destroyed) give(null, socket);
          else give(new GoneError(), null);
        });
      },
    });
    socket.once("close", () => this.#onClose());
  }

  get isSound(): boolean {
    return !this.#isClosed && !this.#socket.destroyed && this.#fault === undefined;
  }

  get isBusy(): boolean {
    return this.#call !== undefined;
  }

  get fault(): Reason | undefined {
    return this.#fault;
  }

  get hasAnswered(): boolean {
    return this.#received > 0;
  }

  get hasEnded(): boolean {
    return this.#socket.readableEnded;
  }

  send(request: HttpRequest, events: CallEvents): H1Call {
    const call = new H1Call(this, request, events, this.#calls++ > 0);
    this.#call = call;
    this.#interim = 0;
    this.#received = 0;
    this.#accounted = 0;
    this.#isPaused = false;
    this.#validity.start(undefined, request.validityHangup);
    const { body } = request;
    this.#client.dispatch(
      {
        origin: undefined as never,
        path: request.path,
        method: request.method as never,
        headers: ["host", request.authority, ...request.headers],
        body: (request.noContentLength && body instanceof Uint8Array ? once(body) : (body ?? null)) as never,
        blocking: false,
      },
      call as never,
    );
    return call;
  }

  onHead(status: number, headers: readonly Uint8Array[]): Reason | undefined {
    for (const part of headers) this.#accounted += part.length + 2;
    this.#accounted += 64;
    if (this.#httpMajor() !== 1) return this.#protocol("it is not HTTP/1");
    if (status >= 200) return undefined;
    this.#interim++;
    return this.#interim > MAX_INTERIM
      ? this.#protocol(`more than ${MAX_INTERIM} interim responses`)
      : undefined;
  }

  onBody(length: number): void {
    this.#accounted += length * FRAMING_PER_BYTE;
  }

  onPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#validity.alive();
  }

  onOver(): Reason | undefined {
    this.#call = undefined;
    this.#validity.stop();
    const refusal = this.#framingFault();
    if (refusal !== undefined) this.destroy(refusal);
    if (this.isSound) this.#options.onIdle(this);
    return refusal;
  }

  destroy(reason?: Reason): void {
    this.#fault ??= reason;
    this.#call = reason === undefined ? undefined : this.#call;
    this.#socket.destroy(reason === undefined ? undefined : new Error(reason.message));
  }

  #watch(socket: Socket): void {
    const read = socket.read;
    const unshift = socket.unshift;
    socket.read = (size?: number) => {
      const refusal = this.#framingFault();
      if (refusal !== undefined) {
        this.destroy(refusal);
        return null;
      }
      const chunk = read.call(socket, size);
      if (chunk !== null) {
        this.#received += chunk.length;
        this.#validity.alive();
      }
      return chunk;
    };
    socket.unshift = (chunk: Uint8Array) => {
      this.#received -= chunk.length;
      return unshift.call(socket, chunk);
    };
    // undici tells the last error of a socket; an alert comes before the end that it causes.
    socket.on("error", (error: unknown) => {
      this.#fault ??= tlsReason(error, this.peer);
    });
  }

  /** A reader that takes nothing is no proof against the peer. */
  #hangUp(): void {
    if (this.#isPaused) this.#validity.restart();
    else this.destroy(validityReason(this.peer));
  }

  #framingFault(): Reason | undefined {
    if (this.#received - this.#accounted <= MAX_FRAMING) return undefined;
    return this.#protocol("its framing outweighs its payload");
  }

  #httpMajor(): number {
    const parser = (this.#socket as Parsed)[symbols.kParser];
    return parser === undefined || parser === null ? 0 : parser.llhttp.llhttp_get_http_major(parser.ptr);
  }

  #protocol(why: string): Reason {
    return {
      layer: "http",
      code: "http-protocol",
      message: `Cannot accept the response of ${this.peer}: ${why}`,
    };
  }

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#validity.stop();
    void this.#client.destroy().catch(() => undefined);
    const call = this.#call;
    // undici tells the call itself, unless the socket went before it had the socket.
    queueMicrotask(() => call?.onError(new GoneError()));
    this.#options.onClosed(this, this.#fault);
  }
}

class GoneError extends Error {
  override readonly name = "GoneError";
  readonly code = "UND_ERR_SOCKET";
}

type Parsed = Socket & {
  readonly [symbols.kParser]?: {
    readonly ptr: number;
    readonly llhttp: { llhttp_get_http_major(pointer: number): number };
  } | null;
};

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}
