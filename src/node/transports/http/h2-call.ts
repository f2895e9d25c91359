import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import type { Reason } from "../../../lib/errors.ts";
import { BodySource } from "./body-source.ts";
import type { Call, CallEvents, HttpRequest, Progress } from "./call.ts";
import { CANCEL, REFUSED_STREAM, resetReason, sessionReason } from "./h2-reason.ts";
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
  /** The stream takes no place any more. */
  onOver(call: H2Call): void;
}

/** One exchange as a stream of an HTTP/2 session; before `begin`, one that waits for its turn. */
export class H2Call implements Call {
  readonly #request: HttpRequest;
  readonly #events: CallEvents;
  #line: H2Line | undefined;
  #stream: ClientHttp2Stream | undefined;
  #onAbandoned: (() => void) | undefined;
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

  constructor(request: HttpRequest, events: CallEvents) {
    this.#request = request;
    this.#events = events;
  }

  get request(): HttpRequest {
    return this.#request;
  }

  get isUploading(): boolean {
    return this.#request.body !== undefined && this.#stream?.writableFinished === false;
  }

  /** Opens the stream. `wasReused`: the session had been idle after earlier work. */
  begin(session: ClientHttp2Session, line: H2Line, wasReused: boolean): void {
    const { body } = this.#request;
    this.#line = line;
    this.#wasReused = wasReused;
    this.#onAbandoned = undefined;
    const stream = open(session, this.#request);
    this.#stream = stream;
    this.#intercept(stream, line);
    stream.on("headers", () => this.#onInterim(line.peer));
    stream.on("response", (headers, _, raw?: readonly string[]) =>
      this.#onResponse(Number(headers[":status"]), raw ?? [], line),
    );
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#onClose(stream, line));
    stream.read(0);
    if (body instanceof Uint8Array) stream.end(body);
    else if (body !== undefined) void pump(body, stream);
  }

  /** `onAbandoned` hears if it is given up before it begins. */
  wait(onAbandoned: () => void): void {
    this.#onAbandoned = onAbandoned;
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
    this.#onAbandoned?.();
    this.#stream?.close(CANCEL);
  }

  /** Ends a call that waits. */
  fail(reason: Reason, progress: Progress): void {
    if (this.#isOver) return;
    this.#over();
    this.#events.failed({ reason, progress, wasReused: this.#wasReused });
  }

  /**
   * Takes bytes where node:http2 hands them to its stream, for two reasons. The readable side also ends where the stream
   * or the session was lost: only an end that comes while the stream is open is the peer's END_STREAM. And the way
   * through a readable stream costs a third of a small exchange.
   */
  #intercept(stream: ClientHttp2Stream, line: H2Line): void {
    const push = stream.push;
    stream.push = (chunk: unknown): boolean => {
      if (chunk instanceof Uint8Array) return this.#onData(chunk, line);
      if (!stream.closed && !stream.destroyed) {
        this.#hasEnded = true;
        if (this.#hasHead) this.#flush();
      }
      return push.call(stream, null);
    };
  }

  #onInterim(peer: string): void {
    this.#line?.onAlive();
    if (++this.#interim <= MAX_INTERIM) return;
    this.#refuse(`Cannot accept the response of ${peer}: more than ${MAX_INTERIM} interim responses`);
  }

  #onResponse(status: number, raw: readonly string[], line: H2Line): void {
    line.onAlive();
    if (this.#isOver) return;
    if (this.#hasHead || !(status >= 200 && status <= 999)) {
      this.#refuse(`Cannot accept the response of ${line.peer}: status ${status} makes no sense here`);
      return;
    }
    this.#hasHead = true;
    this.#events.head({ status, headers: withoutPseudo(raw) }, line.peer);
    this.#flush();
  }

  #onData(chunk: Uint8Array, line: H2Line): boolean {
    line.onAlive();
    if (this.#isOver) return true;
    if (!this.#hasHead || this.#isPaused) {
      if (this.#inbox === NO_CHUNKS) this.#inbox = [];
      this.#inbox.push(chunk);
      return !this.#isPaused;
    }
    this.#isPaused = !this.#events.data(chunk);
    return !this.#isPaused;
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

  #onClose(stream: ClientHttp2Stream, line: H2Line): void {
    line.onOver(this);
    if (this.#isOver || (this.#hasEnded && this.#hasHead && this.#refusal === undefined)) return;
    const code = stream.rstCode ?? 0;
    const isUnprocessed = code === REFUSED_STREAM || line.isUnprocessed(stream.id ?? 0);
    this.#over();
    const progress: Progress = this.#hasHead ? "answered" : isUnprocessed ? "unprocessed" : "sent";
    this.#events.failed({ reason: this.#reason(code, line), progress, wasReused: this.#wasReused });
  }

  #reason(code: number, line: H2Line): Reason {
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

  #refuse(message: string): void {
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

function withoutPseudo(raw: readonly string[]): string[] {
  const headers: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (!name.startsWith(":")) headers.push(name, raw[index + 1] ?? "");
  }
  return headers;
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
