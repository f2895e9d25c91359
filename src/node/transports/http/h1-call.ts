import type { Reason } from "../../../lib/errors.ts";
import { BodySource } from "./body-source.ts";
import type { Call, CallEvents, Fault, HttpRequest, Progress } from "./call.ts";
import { h1Reason } from "./h1-reason.ts";

/** What a call asks of the connection it is on. */
export interface H1Line {
  readonly peer: string;
  /** Looks at what a response head says about the protocol; a reason refuses it. */
  onHead(status: number, headers: readonly Uint8Array[]): Reason | undefined;
  onBody(length: number): void;
  /** Bytes of an answer have come. */
  readonly hasAnswered: boolean;
  /** The peer has closed its side. */
  readonly hasEnded: boolean;
  onPaused(isPaused: boolean): void;
  /** The response has come whole; a reason refuses it all the same. */
  onOver(): Reason | undefined;
  destroy(reason?: Reason): void;
  readonly fault: Reason | undefined;
}

/**
 * One exchange on one HTTP/1.1 connection, as undici's low-level handler. Its methods named `on...` are called by
 * undici, the others by the owner.
 */
export class H1Call implements Call {
  readonly #line: H1Line;
  readonly #request: HttpRequest;
  readonly #events: CallEvents;
  readonly #wasReused: boolean;
  #progress: Progress = "unsent";
  #resume: (() => void) | undefined;
  #isPaused = false;
  #isOver = false;
  /** The response is whole with its head, whatever follows. */
  #isHeadAll = false;

  constructor(line: H1Line, request: HttpRequest, events: CallEvents, wasReused: boolean) {
    this.#line = line;
    this.#request = request;
    this.#events = events;
    this.#wasReused = wasReused;
  }

  resume(): void {
    if (!this.#isPaused || this.#isOver) return;
    this.#isPaused = false;
    this.#line.onPaused(false);
    this.#resume?.();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#over();
    this.#line.destroy();
  }

  /** The connection is gone before undici could tell. */
  fail(reason: Reason): void {
    if (this.#isOver) return;
    this.#over();
    const fault: Fault = { reason, progress: this.#reached(), wasReused: this.#wasReused };
    this.#events.failed(fault);
  }

  onConnect(abort: () => void): void {
    if (this.#isOver) abort();
    else this.#progress = "sent";
  }

  onHeaders(status: number, headers: readonly Buffer[], resume: () => void): boolean {
    if (this.#isOver) return true;
    const refusal = this.#line.onHead(status, headers);
    if (refusal !== undefined) {
      this.#line.destroy(refusal);
      return true;
    }
    if (status < 200) return true;
    this.#progress = "answered";
    this.#resume = resume;
    this.#isHeadAll = status === 204 || status === 304;
    this.#events.head({ status, headers: headerText(headers) }, this.#line.peer);
    return !this.#isPaused;
  }

  onData(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    this.#line.onBody(chunk.length);
    if (this.#events.data(chunk)) return true;
    if (this.#isOver) return true;
    this.#isPaused = true;
    this.#line.onPaused(true);
    return false;
  }

  onComplete(): void {
    if (this.#isOver) return;
    this.#over();
    // What follows the response in the same packet is looked at first: it may condemn the connection.
    queueMicrotask(() => {
      const refusal = this.#line.onOver();
      if (refusal === undefined) this.#events.end();
      else this.#events.failed({ reason: refusal, progress: "answered", wasReused: this.#wasReused });
    });
  }

  onError(error: unknown): void {
    if (this.#isOver) return;
    if (this.#isHeadAll) {
      // undici counts a body by Content-Length even where there can be none (RFC 9110, 8.6).
      this.#over();
      this.#events.end();
      return;
    }
    const { body } = this.#request;
    const own = body instanceof BodySource ? body.fault : undefined;
    if (own !== undefined) this.fail({ layer: own.layer, code: own.code, message: own.message });
    else
      this.fail(this.#line.fault ?? h1Reason(error, this.#reached(), this.#line.hasEnded, this.#line.peer));
  }

  #reached(): Progress {
    return this.#progress === "sent" && this.#line.hasAnswered ? "answered" : this.#progress;
  }

  #over(): void {
    this.#isOver = true;
    if (this.#request.body instanceof BodySource) this.#request.body.stop();
  }
}

function headerText(raw: readonly Buffer[]): string[] {
  const headers = new Array<string>(raw.length);
  for (let index = 0; index < raw.length; index += 2) {
    headers[index] = raw[index]?.toString("latin1").toLowerCase() ?? "";
    headers[index + 1] = raw[index + 1]?.toString("latin1") ?? "";
  }
  return headers;
}
