import { UsageError } from "../lib/errors.ts";
import { ask } from "./ask.ts";
import type { StreamCore } from "./core.ts";
import type { Message, StateEvent } from "./events.ts";
import { DESTROY_ME, DISCONNECT_ME, type Handlers, type Piece, type Verdict } from "./handlers.ts";
import type { Stream } from "./stream.ts";
import type { Relay } from "./transactions.ts";

const NOTHING = new Uint8Array();
const NOBODY: Relay = { data: () => {}, end: () => {} };

/** A stream driven by callbacks instead of promises and iteration. */
export class CallbackForm {
  readonly #stream: Stream;
  readonly #handlers: Handlers;
  readonly #core: StreamCore;
  #wantsTx = false;

  constructor(stream: Stream, handlers: Handlers, core: StreamCore) {
    this.#stream = stream;
    this.#handlers = handlers;
    this.#core = core;
  }

  state(event: StateEvent): void {
    if (this.#handlers.state !== undefined) this.#obey(() => this.#handlers.state?.(event, this.#stream));
  }

  /** False where nobody handles `rx`. */
  rx(message: Message): boolean {
    if (this.#handlers.rx === undefined) return false;
    this.#obey(() => this.#handlers.rx?.(message, this.#stream));
    return true;
  }

  requestTx(): void {
    if (this.#core.isTransactional) {
      this.#transact();
      return;
    }
    if (this.#handlers.tx === undefined)
      throw new UsageError("Cannot request tx: the stream was opened without tx");
    this.#wantsTx = true;
    if (this.#core.outbox.isWritable) this.writable();
    else this.#core.feed({ type: "request" });
  }

  /** The connection takes more. */
  writable(): void {
    if (!this.#wantsTx || !this.#core.outbox.isWritable) return;
    this.#wantsTx = false;
    this.#obey(() => {
      const piece = this.#handlers.tx?.(this.#stream);
      if (piece === undefined || isVerdict(piece)) return piece;
      const { payload, start, end } = wholeOr(piece);
      // A refusal is heard of as a state, a mistake of the program where its other mistakes surface.
      this.#stream.send(payload, { start, end }).catch((error: unknown) => {
        if (error instanceof UsageError) this.#core.ports.raise(error);
      });
      return undefined;
    });
  }

  /** Calls back into the program and does what it answers. */
  #obey(call: () => Verdict): void {
    try {
      const verdict = call();
      if (verdict === DESTROY_ME) this.#stream.close();
      else if (verdict === DISCONNECT_ME) this.#stream.disconnect();
    } catch (error) {
      this.#core.ports.raise(error);
    }
  }

  /** Body from `tx` where the method has one, response to `rx`. */
  #transact(): void {
    const { method } = this.#core.streamtype.http;
    const hasBody = this.#handlers.tx !== undefined && !/^(get|head)$/i.test(method ?? "");
    const relay = this.#handlers.rx === undefined ? NOBODY : this.#relay();
    // A failure is told as the state that follows it.
    ask(this.#core, hasBody ? { payload: () => this.#body() } : {}, relay).catch(() => {});
  }

  #relay(): Relay {
    let start = true;
    const tell = (payload: Uint8Array, end: boolean): void => {
      const text = (): string => this.#core.ports.text.decode(payload);
      this.rx({ payload, start, end, binary: undefined, topic: undefined, text });
      start = false;
    };
    return { data: (payload) => tell(payload, false), end: () => tell(NOTHING, true) };
  }

  async *#body(): AsyncIterable<Uint8Array> {
    for (;;) {
      const piece = this.#handlers.tx?.(this.#stream);
      if (piece === undefined) return;
      if (isVerdict(piece)) return this.#obey(() => piece);
      const { payload, end } = wholeOr(piece);
      yield typeof payload === "string" ? this.#core.ports.text.encode(payload) : payload;
      if (end) return;
    }
  }
}

function wholeOr(piece: Piece): Required<Exclude<Piece, string | Uint8Array>> {
  if (typeof piece === "string" || piece instanceof Uint8Array)
    return { payload: piece, start: true, end: true };
  return { payload: piece.payload, start: piece.start ?? true, end: piece.end ?? true };
}

function isVerdict(piece: Piece | Verdict): piece is Exclude<Verdict, undefined> {
  return piece === DISCONNECT_ME || piece === DESTROY_ME;
}
