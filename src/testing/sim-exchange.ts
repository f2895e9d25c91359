import type { Link, LinkEvents } from "../context/index.ts";
import { concat, encodeUtf8 } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Target } from "../stream/index.ts";
import { type AttemptParts, CONNECT_TIMEOUT, type Reached, reach } from "./reach.ts";
import type { SimClock } from "./sim-clock.ts";
import { HUNG_UP, RESET, type SimConnection, type SimPeer, type SimResponse } from "./sim-peer.ts";

type RequestBody = Uint8Array | AsyncIterable<Uint8Array> | undefined;

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
const BETWEEN_PIECES = { start: false, end: false };

/** One simulated http transaction: the program's link. The peer answers from its script. */
export class SimExchange implements Link {
  readonly target: Target;
  readonly #clock: SimClock;
  readonly #events: LinkEvents;
  readonly #left: () => void;
  #isOpen = false;
  #isOver = false;
  #isPaused = false;
  #isWaiting = false;
  #pieces: readonly Uint8Array[] = [];
  #told = 0;
  #response: SimResponse = {};
  #cleanUp: (() => void)[] = [];

  constructor(parts: AttemptParts<SimExchange>, body: RequestBody) {
    this.target = parts.target;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#left = () => parts.left(this);
    this.#cleanUp.push(reach(parts, (reached) => this.#reached(reached, body)));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(): boolean {
    throw new TypeError("Cannot send: a transaction carries its body in its request");
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#tell();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const clean of this.#cleanUp.splice(0)) clean();
    this.#left();
  }

  #reached(reached: Reached, body: RequestBody): void {
    if (reached.type === "failed") {
      this.#fail(reached.reason, true);
      return;
    }
    const { peer } = reached;
    this.#isOpen = true;
    const connection: SimConnection = {
      target: this.target,
      send: () => {},
      close: (reason = HUNG_UP) => this.#fail(reason),
    };
    this.#cleanUp.push(peer.add(connection, () => {}));
    if (reached.type === "slammed") {
      this.#later(reached.after, () => this.#fail(HUNG_UP));
    } else if (body === undefined || body instanceof Uint8Array) {
      this.#ask(peer, body ?? new Uint8Array());
    } else {
      this.#collect(body).then(
        (whole) => this.#ask(peer, whole),
        (error: unknown) => this.#fail(bodyFailed(error), false),
      );
    }
  }

  async #collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of body) {
      if (this.#isOver) break;
      pieces.push(piece);
    }
    return concat(pieces);
  }

  #ask(peer: SimPeer, body: Uint8Array): void {
    const { http } = this.target;
    if (http === undefined || this.#isOver) return;
    const headers: Record<string, string> = {};
    for (let index = 0; index + 1 < http.headers.length; index += 2) {
      headers[http.headers[index] ?? ""] = http.headers[index + 1] ?? "";
    }
    const { method, path } = http;
    const response = peer.options.http?.({ method, path, headers, body, target: this.target }) ?? {};
    this.#response = response;
    this.#later(response.after ?? 0, () => this.#head(peer, response));
  }

  #head(peer: SimPeer, { status = 200, headers = {}, payload = [] }: SimResponse): void {
    if (peer.mode.name !== "up") {
      this.#later(CONNECT_TIMEOUT, () => this.#fail(RESET));
      return;
    }
    const pieces = typeof payload === "string" || payload instanceof Uint8Array ? [payload] : payload;
    this.#pieces = pieces.map((piece) => (typeof piece === "string" ? encodeUtf8(piece) : piece));
    const lines = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
    this.#events.established({ peer: peer.name, head: { status, headers: lines } });
    this.#tell();
  }

  #tell(): void {
    if (this.#isOver) return;
    const piece = this.#pieces[this.#told];
    if (piece === undefined) {
      this.#finish();
      return;
    }
    this.#told += 1;
    if (!this.#events.data(piece, BETWEEN_PIECES)) this.#isPaused = true;
    this.#later(this.#response.pace ?? 0, () => {
      if (this.#isPaused) this.#isWaiting = true;
      else this.#tell();
    });
  }

  #finish(): void {
    const { end = "complete" } = this.#response;
    if (end === "cut") this.#fail(RESET);
    if (end !== "complete") return;
    this.close();
    this.#events.closed({ type: "complete" });
  }

  /** A request that was sent and is not idempotent may have been carried out. */
  #fail(reason: Reason, repeatable = IDEMPOTENT.has(this.target.http?.method ?? "")): void {
    if (this.#isOver) return;
    this.close();
    const mayBeDone = !repeatable && reason.code !== "body-failed";
    this.#events.closed({ type: "failed", reason, repeatable, mayBeDone });
  }

  #later(span: Millis, run: () => void): void {
    this.#clock.wake(this.#clock.now() + span, () => {
      if (!this.#isOver) run();
    });
  }
}

function bodyFailed(error: unknown): Reason {
  return { layer: "http", code: "body-failed", message: `The request body failed: ${String(error)}` };
}
