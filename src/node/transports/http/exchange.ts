import type { Link, LinkEvents, LinkRequest, ResponseHead, Settled } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import { type HttpTarget, redirect, type Target } from "../../../stream/index.ts";
import { BodySource } from "./body-source.ts";
import type { Call, CallEvents, Carrier, Fault, HttpRequest, Progress } from "./call.ts";
import type { CookieJar } from "./cookies.ts";

const EMPTY = new Uint8Array(0);
const FIRST = { start: true, end: false };
const MIDDLE = { start: false, end: false };
const LAST = { start: false, end: true };
const WHOLE = { start: true, end: true };

/** Bytes of a redirect's own body that are read so that its connection can be kept. */
const MAX_LEADING = 65_536;

/** Methods whose repetition does nothing new (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

export interface ExchangeOptions {
  readonly carrier: Carrier;
  /** Undefined where the streamtype keeps no cookies. */
  readonly cookies: CookieJar | undefined;
}

/**
 * One transaction as its stream sees it: over the redirects that the policy allows, and over the death of a
 * connection that was idle too long.
 */
export class Exchange implements Link, CallEvents {
  readonly #events: LinkEvents;
  readonly #options: ExchangeOptions;
  #target: Target;
  #http: HttpTarget;
  #body: Uint8Array | BodySource | undefined;
  #call: Call | undefined;
  #hops = 0;
  #hasRetried = false;
  #hasData = false;
  /** The response under way is not for the reader: its end leads on. */
  #isLeading = false;
  #leading = 0;
  #isOver = false;

  constructor(request: LinkRequest, http: HttpTarget, events: LinkEvents, options: ExchangeOptions) {
    this.#target = request.target;
    this.#http = http;
    this.#events = events;
    this.#options = options;
    const { body } = request;
    this.#body = body === undefined || body instanceof Uint8Array ? body : new BodySource(body);
  }

  start(isFresh = false): void {
    if (this.#isOver) return;
    this.#call = this.#options.carrier.call(this.#target, this.#request(), this, isFresh);
  }

  send(_: Uint8Array, __: unknown, settle: (outcome: Settled) => void): boolean {
    const message = "Cannot send: a transaction's payload is its request body";
    settle({ type: "refused", reason: { layer: "http", code: "usage", message } });
    return true;
  }

  resume(): void {
    this.#call?.resume();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call?.abort();
    if (this.#body instanceof BodySource) this.#body.stop();
  }

  /** Ends the transaction from outside: no answer will come. */
  abandon(reason: Reason): void {
    if (this.#isOver) return;
    this.#call?.abort();
    this.#fail(reason, false);
  }

  head(head: ResponseHead, peer: string): void {
    if (this.#isOver) return;
    this.#options.cookies?.store(this.#url(), head.headers);
    if (head.status < 300) {
      this.#events.established({ peer, head });
      return;
    }
    const next = redirect({
      target: this.#target,
      http: this.#http,
      status: head.status,
      headers: head.headers,
      hops: this.#hops,
      isReplayable: !(this.#body instanceof BodySource),
    });
    if (next.type === "refuse") {
      this.#call?.abort();
      this.#fail(next.reason, false);
      return;
    }
    if (next.type === "none") {
      this.#events.established({ peer, head });
      return;
    }
    this.#hops++;
    this.#target = next.target;
    this.#http = next.http;
    if (!next.keepsBody) this.#dropBody();
    this.#hasRetried = false;
    this.#isLeading = true;
    this.#leading = 0;
  }

  data(chunk: Uint8Array): boolean {
    if (this.#isOver) return true;
    if (this.#isLeading) {
      this.#leading += chunk.length;
      if (this.#leading > MAX_LEADING) this.#leadOn();
      return true;
    }
    const frame = this.#hasData ? MIDDLE : FIRST;
    this.#hasData = true;
    return this.#events.data(chunk, frame);
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#isLeading) {
      this.#isLeading = false;
      this.start();
      return;
    }
    this.#events.data(EMPTY, this.#hasData ? LAST : WHOLE);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.closed({ type: "complete" });
  }

  failed(fault: Fault): void {
    if (this.#isOver) return;
    if (this.#isLeading) {
      this.#isLeading = false;
      this.start();
      return;
    }
    if (this.#mayRetry(fault)) {
      this.#hasRetried = true;
      this.start(true);
      return;
    }
    this.#fail(fault.reason, this.#isRepeatable(fault), fault.progress);
  }

  /** Follows a redirect without the rest of its body. */
  #leadOn(): void {
    this.#isLeading = false;
    this.#call?.abort();
    queueMicrotask(() => this.start());
  }

  #mayRetry(fault: Fault): boolean {
    if (this.#hasRetried || fault.progress === "answered") return false;
    if (fault.progress === "unprocessed") return this.#canReplay();
    if (!fault.wasReused || !this.#canReplay()) return false;
    return fault.progress === "unsent" || this.#isIdempotent();
  }

  #isRepeatable(fault: Fault): boolean {
    return fault.progress === "unsent" || fault.progress === "unprocessed" || this.#isIdempotent();
  }

  #canReplay(): boolean {
    return !(this.#body instanceof BodySource) || !this.#body.isBegun;
  }

  #isIdempotent(): boolean {
    return IDEMPOTENT.has(this.#http.method);
  }

  #fail(reason: Reason, repeatable: boolean, progress?: Progress): void {
    this.#isOver = true;
    if (this.#body instanceof BodySource) this.#body.stop();
    // Whoever refuses the handshake has not read the request, and a request cut short by us is no request.
    const mayBeDone =
      progress === "sent" && !repeatable && reason.layer !== "tls" && reason.code !== "body-failed";
    this.#events.closed({ type: "failed", reason, repeatable, ...(mayBeDone ? { mayBeDone } : {}) });
  }

  #dropBody(): void {
    if (this.#body instanceof BodySource) this.#body.stop();
    this.#body = undefined;
  }

  #request(): HttpRequest {
    const http = this.#http;
    const headers = this.#body instanceof BodySource ? http.headers : withoutLength(http.headers);
    const cookie = this.#options.cookies?.header(this.#url());
    return {
      method: http.method,
      scheme: this.#target.tls === undefined ? "http" : "https",
      authority: http.authority,
      path: http.path,
      headers: cookie === undefined ? headers : [...headers, "cookie", cookie],
      body: this.#body,
      noContentLength: this.#target.streamtype.http.noContentLength,
      validityPing: this.#target.retry.validityPing,
      validityHangup: this.#target.retry.validityHangup,
    };
  }

  #url(): string {
    const scheme = this.#target.tls === undefined ? "http" : "https";
    return `${scheme}://${this.#http.authority}${this.#http.path}`;
  }
}

/** Of a body that is here in whole the length is known better than anybody may say it. */
function withoutLength(headers: readonly string[]): readonly string[] {
  const at = headers.indexOf("content-length");
  return at < 0 || at % 2 === 1 ? headers : [...headers.slice(0, at), ...headers.slice(at + 2)];
}
