import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { Reason } from "../../../lib/errors.ts";
import { BodySource } from "./body-source.ts";
import type { Call, CallEvents, HttpRequest, Progress } from "./call.ts";
import { CANCEL, REFUSED_STREAM, resetReason, sessionReason } from "./h2-reason.ts";
import { type Ear, tap } from "./h2-tap.ts";
import { codeOf, incompleteReason } from "./reason.ts";

/** Interim responses (1xx) a peer may send before the response itself. */
const MAX_INTERIM = 32;

const NO_CHUNKS: Uint8Array[] = [];

/** Methods for which node:http2 sends END_STREAM with the headers unless told otherwise. */
const ENDED_BY_NODE = new Set(["GET", "HEAD", "DELETE"]);

/** What a call asks of the session it is on. */
export interface H2Line {
  readonly peer: string;
  /** Why the session ended, once it has. */
  readonly fault: Reason | undefined;
  /** The peer has said that it did nothing for this stream. */
  isUnprocessed(id: number): boolean;
  onAlive(): void;
  /** The call is given up before it began. */
  onAbandoned(call: H2Call): void;
  /** The stream takes no place any more. */
  onOver(call: H2Call): void;
}

/**
 * One exchange as a stream of an HTTP/2 session; before `begin`, one that waits for its turn. Its methods named `on...`
 * are called by its stream, the others by the owner.
 */
export class H2Call implements Call, Ear {
  readonly #request: HttpRequest;
  readonly #events: CallEvents;
  readonly #line: H2Line;
  #stream: ClientHttp2Stream | undefined;
  #hasBegun = false;
  #wasReused = false;
  #interim = 0;
  #hasHead = false;
  #hasEnded = false;
  #isOver = false;
  #isPaused = false;
  /** Came before the head was told, or while the reader takes nothing: at most one window. */
  #inbox: Uint8Array[] = NO_CHUNKS;
  #refusal: Reason | undefined;
  #error: unknown;

  constructor(request: HttpRequest, events: CallEvents, line: H2Line) {
    this.#request = request;
    this.#events = events;
    this.#line = line;
  }

  get request(): HttpRequest {
    return this.#request;
  }

  get isUploading(): boolean {
    return this.#request.body !== undefined && this.#stream?.writableFinished === false;
  }

  /** Opens the stream. `wasReused`: the session had been idle after earlier work. */
  begin(session: ClientHttp2Session, wasReused: boolean): void {
    const { body } = this.#request;
    this.#wasReused = wasReused;
    this.#hasBegun = true;
    const stream = open(session, this.#request);
    this.#stream = stream;
    tap(stream, this);
    if (body instanceof Uint8Array) stream.end(body);
    else if (body !== undefined) void pump(body, stream);
  }

  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#flush();
    if (this.#isPaused || this.#stream === undefined || this.#stream.destroyed) return;
    this.#stream._read(0);
  }

  abort(): void {
    if (this.#isOver) return;
    this.#over();
    if (this.#hasBegun) this.#stream?.close(CANCEL);
    else this.#line.onAbandoned(this);
  }

  /** Ends a call that waits. */
  fail(reason: Reason, progress: Progress): void {
    if (this.#isOver) return;
    this.#over();
    this.#events.failed({ reason, progress, wasReused: this.#wasReused });
  }

  onInterim(): void {
    this.#line.onAlive();
    if (++this.#interim > MAX_INTERIM) this.#refuse(`more than ${MAX_INTERIM} interim responses`);
  }

  onResponse(status: number, raw: readonly string[]): void {
    this.#line.onAlive();
    if (this.#isOver) return;
    if (this.#hasHead || !(status >= 200 && status <= 999)) {
      this.#refuse(`status ${status} makes no sense here`);
      return;
    }
    this.#hasHead = true;
    this.#events.head({ status, headers: withoutPseudo(raw) }, this.#line.peer);
    this.#flush();
  }

  onData(chunk: Uint8Array): boolean {
    this.#line.onAlive();
    if (this.#isOver) return true;
    if (!this.#hasHead || this.#isPaused) {
      if (this.#inbox === NO_CHUNKS) this.#inbox = [];
      this.#inbox.push(chunk);
      return !this.#isPaused;
    }
    this.#isPaused = !this.#events.data(chunk);
    return !this.#isPaused;
  }

  onEnd(): void {
    this.#hasEnded = true;
    if (this.#hasHead) this.#flush();
  }

  onError(error: unknown): void {
    this.#error = error;
  }

  onClose(): void {
    const stream = this.#stream;
    const line = this.#line;
    this.#stream = undefined;
    line.onOver(this);
    if (this.#isOver || (this.#hasEnded && this.#hasHead && this.#refusal === undefined)) return;
    const code = stream?.rstCode ?? 0;
    const isUnprocessed = code === REFUSED_STREAM || line.isUnprocessed(stream?.id ?? 0);
    this.#over();
    const progress: Progress = this.#hasHead ? "answered" : isUnprocessed ? "unprocessed" : "sent";
    this.#events.failed({ reason: this.#reason(code), progress, wasReused: this.#wasReused });
  }

  /** Hands over what waits, and the end after it. */
  #flush(): void {
    while (this.#inbox.length > 0 && !this.#isPaused && !this.#isOver) {
      const chunk = this.#inbox.shift();
      if (chunk !== undefined) this.#isPaused = !this.#events.data(chunk);
    }
    if (this.#isPaused || this.#isOver || !this.#hasEnded || this.#refusal !== undefined) return;
    this.#over();
    const stream = this.#stream;
    // A response may be whole while the request is still being sent.
    if (stream !== undefined && !stream.closed && !stream.writableEnded) stream.close(CANCEL);
    this.#events.end();
  }

  #reason(code: number): Reason {
    const line = this.#line;
    const { body } = this.#request;
    if (body instanceof BodySource && body.fault !== undefined) {
      return { layer: body.fault.layer, code: body.fault.code, message: body.fault.message };
    }
    if (this.#refusal !== undefined) return this.#refusal;
    const fault = line.fault ?? this.#sessionFault(line.peer);
    if (fault === undefined) return resetReason(code, this.#hasHead, line.peer);
    return this.#hasHead && fault.layer === "tcp" ? incompleteReason(line.peer) : fault;
  }

  /** A session tells its streams why it breaks before it tells us. */
  #sessionFault(peer: string): Reason | undefined {
    const isOwn = this.#error === undefined || codeOf(this.#error) === "ERR_HTTP2_STREAM_ERROR";
    return isOwn ? undefined : sessionReason(this.#error, peer);
  }

  #refuse(why: string): void {
    const message = `Cannot accept the response of ${this.#line.peer}: ${why}`;
    this.#refusal ??= { layer: "http", code: "http-protocol", message };
    this.#stream?.close(1);
  }

  #over(): void {
    this.#isOver = true;
    if (this.#request.body instanceof BodySource) this.#request.body.stop();
  }
}

/** Node ends a GET and its like by itself; options cost it a third of its time for a request. */
function open(session: ClientHttp2Session, request: HttpRequest): ClientHttp2Stream {
  const hasBody = request.body !== undefined;
  const headers = requestHeaders(request);
  if (!hasBody && ENDED_BY_NODE.has(request.method)) return session.request(headers);
  return session.request(headers, { endStream: !hasBody });
}

function requestHeaders(request: HttpRequest): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {
    ":method": request.method,
    ":scheme": request.scheme,
    ":authority": request.authority,
    ":path": request.path,
  };
  for (let index = 0; index + 1 < request.headers.length; index += 2) {
    const name = request.headers[index] ?? "";
    const value = request.headers[index + 1] ?? "";
    const held = headers[name];
    if (held === undefined) headers[name] = value;
    else headers[name] = Array.isArray(held) ? [...held, value] : [`${held}`, value];
  }
  if (request.body instanceof Uint8Array && !request.noContentLength) {
    headers["content-length"] = request.body.length;
  }
  return headers;
}

/** Pseudo-headers stand before all others (RFC 9113, 8.3): node:http2 refuses the rest. */
function withoutPseudo(raw: readonly string[]): string[] {
  let first = 0;
  while (raw[first]?.startsWith(":")) first += 2;
  return raw.slice(first);
}

async function pump(body: BodySource, stream: ClientHttp2Stream): Promise<void> {
  try {
    for (let piece = await body.next(); piece.done !== true; piece = await body.next()) {
      if (stream.destroyed || stream.closed) return;
      if (!stream.write(piece.value)) await drained(stream);
    }
    if (!stream.destroyed && !stream.closed) stream.end();
  } catch {
    stream.close(CANCEL);
  }
}

function drained(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off("drain", settle);
      stream.off("close", settle);
      resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}
