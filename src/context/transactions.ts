import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import { type MetadataValues, receivedMetadata } from "../stream/index.ts";
import type { FramedBody } from "./body.ts";
import type { StreamCore } from "./core.ts";
import type { Inbox } from "./inbox.ts";
import type { Frame, ResponseHead } from "./ports.ts";
import { Reply, replyInbox } from "./reply.ts";

/** What one call of `request()` asked for. */
export interface Asked {
  readonly body: FramedBody;
  readonly metadata: MetadataValues;
  /** Milliseconds until it is given up; undefined waits as long as the retries go on. */
  readonly timeout: number | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  /** Called once when nothing more happens: answered whole, failed, or aborted. */
  readonly ended?: () => void;
}

/** The http transactions that a stream was asked for: one at a time, in order. */
export class Transactions {
  readonly #core: StreamCore;
  readonly #queue: Asked[] = [];
  #active: Asked | undefined;
  #inbox: Inbox<Uint8Array> | undefined;
  #attempts = 0;

  constructor(core: StreamCore) {
    this.#core = core;
  }

  get active(): Asked | undefined {
    return this.#active;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether the reply under way already belongs to the caller, so that nobody else may repeat the transaction. */
  get hasReplied(): boolean {
    return this.#inbox !== undefined;
  }

  add(asked: Asked): void {
    this.#queue.push(asked);
    if (this.#active === undefined) this.startNext();
  }

  /** Starts what waits, if nothing is under way. */
  startNext(): void {
    if (this.#active !== undefined) return;
    this.#active = this.#queue.shift();
    if (this.#active === undefined) return;
    this.#attempts = 0;
    if (this.#active.timeout !== undefined)
      this.#core.feed({ type: "start-timeout", span: this.#active.timeout });
    this.#core.wake();
  }

  /** The body for the next attempt; a reason where it cannot be sent again. */
  openBody(): { readonly body: ReturnType<FramedBody["open"]> } | Reason {
    this.#attempts += 1;
    const body = this.#active?.body;
    if (body === undefined) return { body: undefined };
    if (this.#attempts > 1 && !body.isReplayable) {
      return {
        layer: "http",
        code: "body-not-replayable",
        message:
          "Cannot try again: the request body was already read; pass a function that returns a fresh one",
      };
    }
    return { body: body.open() };
  }

  /** The response head came: hands the reply to the caller. False if nobody asked. */
  reply(head: ResponseHead, ok: boolean, resume: () => void): boolean {
    if (this.#active === undefined) return false;
    const { streamtype, ports, marks } = this.#core;
    this.#inbox = replyInbox(marks, resume);
    const metadata = streamtype.metadata.length === 0 ? {} : receivedMetadata(streamtype, head.headers);
    this.#active.resolve(new Reply(head, { ok, metadata, inbox: this.#inbox, text: ports.text }));
    return true;
  }

  data(payload: Uint8Array, _frame: Frame): boolean {
    return payload.length === 0 || this.#inbox === undefined || this.#inbox.push(payload);
  }

  /** The response came whole. */
  complete(): void {
    this.#inbox?.end();
    this.#settle();
  }

  /** The transaction will not be tried again. */
  fail(reason: Reason, cause?: unknown): void {
    const error = new SecureStreamsError(reason, { cause, streamtype: this.#core.streamtype.name });
    this.#inbox?.end(error);
    this.#active?.reject(error);
    this.#settle();
  }

  /** The caller's signal fired. */
  abort(asked: Asked, error: unknown, reason: Reason): void {
    const at = this.#queue.indexOf(asked);
    if (at !== -1) {
      this.#queue.splice(at, 1);
      asked.ended?.();
      asked.reject(error);
      return;
    }
    if (this.#active !== asked) return;
    this.#inbox?.end(error);
    asked.reject(error);
    this.#core.feed({ type: "give-up", reason });
  }

  failAll(reason: Reason): void {
    this.fail(reason);
    for (const asked of this.#queue.splice(0)) {
      asked.ended?.();
      asked.reject(new SecureStreamsError(reason, { streamtype: this.#core.streamtype.name }));
    }
  }

  #settle(): void {
    if (this.#active?.timeout !== undefined) this.#core.feed({ type: "cancel-timeout" });
    this.#active?.ended?.();
    this.#active = undefined;
    this.#inbox = undefined;
  }
}
