import type { Reason } from "../lib/errors.ts";
import { type AttemptId, retryAfter } from "../stream/index.ts";
import type { StreamCore } from "./core.ts";
import type { Established, Frame, Link, LinkEnd, LinkEvents, ResponseHead } from "./ports.ts";

/** One link of a stream: turns what the transport tells into inputs of the machine and payload for the reader. */
export class Attempt implements LinkEvents {
  readonly id: AttemptId;
  readonly #core: StreamCore;
  #link: Link | undefined;
  #head: ResponseHead | undefined;
  #proved = false;
  #ended = false;

  constructor(id: AttemptId, core: StreamCore) {
    this.id = id;
    this.#core = core;
  }

  /** The link that the transport returned; closed at once if the attempt has ended meanwhile. */
  carry(link: Link): void {
    if (this.#ended) link.close();
    else this.#link = link;
  }

  close(): void {
    this.#ended = true;
    this.#link?.close();
    this.#core.outbox.detach();
  }

  resume(): void {
    if (!this.#ended) this.#link?.resume();
  }

  established({ head }: Established): void {
    if (this.#ended) return;
    if (head !== undefined && this.#core.isTransactional) {
      this.#answered(head);
      return;
    }
    this.#core.feed({ type: "established", attempt: this.id });
    if (this.#link !== undefined && !this.#ended) this.#core.outbox.attach(this.#link);
    this.#core.writable();
  }

  data(payload: Uint8Array, frame: Frame): boolean {
    if (this.#ended) return false;
    if (!this.#proved) {
      this.#proved = true;
      this.#core.feed({ type: "proved", attempt: this.id });
    }
    return this.#core.receive(payload, frame);
  }

  drained(): void {
    if (this.#ended) return;
    this.#core.outbox.drained();
    this.#core.writable();
  }

  closed(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#core.outbox.detach();
    if (end.type === "complete") this.#completed();
    else this.#failed(end.reason, end.repeatable);
  }

  #answered(head: ResponseHead): void {
    const { expect, responseMap } = this.#core.streamtype.http;
    const { status } = head;
    if ((status === 503 || status === 429) && expect !== status) {
      this.#ended = true;
      this.#link?.close();
      this.#failed(comeBackLater(head, this.#core.ports.clock.wall()), true);
      return;
    }
    this.#head = head;
    const state = responseMap.get(status);
    if (state !== undefined)
      this.#core.feed({ type: "user-state", attempt: this.id, state: `user-${state}` });
    this.#core.feed({ type: "established", attempt: this.id });
    this.#core.answered(head, this.#acknowledges(status));
  }

  #acknowledges(status: number): boolean {
    const { expect } = this.#core.streamtype.http;
    return expect === undefined ? status >= 200 && status <= 299 : status === expect;
  }

  #completed(): void {
    const { feed, transactions, streamtype } = this.#core;
    const status = this.#head?.status ?? 0;
    transactions.complete();
    if (this.#acknowledges(status)) feed({ type: "acknowledged", attempt: this.id });
    else {
      const wanted = streamtype.http.expect ?? "200 to 299";
      const message = `The response status is ${status}, expected ${wanted}`;
      feed({
        type: "refused",
        attempt: this.id,
        reason: { layer: "http", code: "http-status", message, status },
      });
    }
    feed({ type: "completed", attempt: this.id });
    transactions.startNext();
  }

  #failed(reason: Reason, repeatable: boolean): void {
    const { feed, transactions } = this.#core;
    feed({ type: "failed", attempt: this.id, reason, repeatable: repeatable && !transactions.hasReplied });
  }
}

function comeBackLater({ status, headers }: ResponseHead, wall: number): Reason {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name === "retry-after");
  const wait = at === -1 ? undefined : retryAfter(headers[at + 1] ?? "", wall);
  const wish = wait === undefined ? "" : ` and asks for ${Math.round(wait / 1000)} s of patience`;
  const reason: Reason = {
    layer: "http",
    code: "http-retry-later",
    message: `The server answered ${status}${wish}`,
    status,
  };
  return wait === undefined ? reason : { ...reason, retryAfter: wait };
}
