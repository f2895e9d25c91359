import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import { type MetadataValues, requestUrl } from "../stream/index.ts";
import { bodyFailed, type FramedBody } from "./body.ts";
import type { StreamCore } from "./core.ts";
import type { Inbox, Source } from "./inbox.ts";
import type { ResponseHead } from "./ports.ts";
import { Reply, replyInbox } from "./reply.ts";

/** What one call of `request()` asked for. */
export interface Asked {
  readonly body: FramedBody;
  /** Undefined where it is that of the stream. */
  readonly metadata: MetadataValues | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  /** Called once when nothing more happens: answered whole, failed, or given up. */
  readonly ended: (() => void) | undefined;
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

  /** The one that attempts are made for. */
  get active(): Asked | undefined {
    return this.#active;
  }

  /** Under way and waiting. */
  get count(): number {
    return this.#queue.length + (this.#active === undefined ? 0 : 1);
  }

  /** Whether the reply under way already belongs to the caller, so that nobody else may repeat the transaction. */
  get hasReplied(): boolean {
    return this.#inbox !== undefined;
  }

  /** Whether the transaction under way can be sent once more. */
  get isReplayable(): boolean {
    return this.#active?.body.isReplayable ?? true;
  }

  add(asked: Asked): void {
    this.#queue.push(asked);
    this.next();
  }

  /** Asks for a connection where something waits and nothing is under way. */
  next(): void {
    if (this.#active === undefined && this.#queue.length > 0) this.#core.wake();
  }

  /** An attempt opens: it is for the transaction under way, else for the first that waits, else for none. */
  begin(): Asked | undefined {
    if (this.#active === undefined) {
      this.#active = this.#queue.shift();
      this.#attempts = 0;
    }
    this.#attempts += 1;
    return this.#active;
  }

  /** The body for the attempt that begins; a reason where it cannot be sent again. */
  openBody(): { readonly body: ReturnType<FramedBody["open"]> } | Reason {
    if (this.#attempts > 1 && !this.isReplayable) {
      return {
        layer: "http",
        code: "body-not-replayable",
        message:
          "Cannot try again: the request body was already read; pass a function that returns a fresh one",
      };
    }
    try {
      return { body: this.#active?.body.open() };
    } catch (error) {
      return bodyFailed(error);
    }
  }

  /** The response head came: hands the reply to the caller. Nothing where nobody asked. */
  reply(head: ResponseHead, ok: boolean, source: Source): void {
    if (this.#active === undefined) return;
    const { received, ports, marks, target } = this.#core;
    this.#inbox = replyInbox(marks, source);
    const url = target === undefined ? "" : requestUrl(target);
    this.#active.resolve(
      new Reply(head, { ok, url, metadata: received, inbox: this.#inbox, text: ports.text }),
    );
  }

  /** Payload of the reply under way. False asks for no more. */
  data(payload: Uint8Array): boolean {
    return payload.length === 0 || this.#inbox === undefined || this.#inbox.push(payload);
  }

  /** The response came whole. */
  complete(): void {
    this.#inbox?.end();
    this.#settle();
  }

  /** The transaction will not be tried again. */
  fail(reason: Reason, cause?: unknown): void {
    if (this.#active !== undefined) this.#reject(this.#active, this.#error(reason, cause));
  }

  /** Neither this one nor those that wait will be tried. */
  failAll(reason: Reason, cause?: unknown): void {
    this.fail(reason, cause);
    for (const asked of this.#queue.splice(0)) this.#reject(asked, this.#error(reason, cause));
  }

  /** The caller no longer wants it, or has waited long enough. */
  giveUp(asked: Asked, error: unknown, reason: Reason): void {
    const at = this.#queue.indexOf(asked);
    if (at !== -1) this.#queue.splice(at, 1);
    else if (this.#active !== asked) return;
    this.#reject(asked, error);
    if (at === -1) this.#core.feed({ type: "give-up", reason });
  }

  #reject(asked: Asked, error: unknown): void {
    asked.reject(error);
    if (this.#active !== asked) {
      asked.ended?.();
      return;
    }
    this.#inbox?.end(error);
    this.#settle();
  }

  #settle(): void {
    const asked = this.#active;
    this.#active = undefined;
    this.#inbox = undefined;
    asked?.ended?.();
  }

  #error(reason: Reason, cause: unknown): SecureStreamsError {
    return new SecureStreamsError(reason, { cause, streamtype: this.#core.streamtype.name });
  }
}
