import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import { type AttemptId, retryAfter } from "../stream/index.ts";
import type { StreamCore } from "./core.ts";
import type { Established, Frame, Link, LinkEnd, LinkEvents, ResponseHead } from "./ports.ts";

const NOTHING = new Uint8Array();
const FIRST: Frame = { start: true, end: false };
const MIDDLE: Frame = { start: false, end: false };

/** One link of a stream: turns what the transport tells into inputs of the machine and payload for the reader. */
export class Attempt implements LinkEvents {
  readonly id: AttemptId;
  readonly #core: StreamCore;
  #link: Link | undefined;
  #head: ResponseHead | undefined;
  #hasPayload = false;
  #hasStatus = false;
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
    if (head !== undefined) this.#core.heard(head);
    if (head !== undefined && this.#core.isTransactional) {
      this.#answered(head);
      return;
    }
    if (head !== undefined) this.#map(head.status);
    this.#core.feed({ type: "established", attempt: this.id });
    if (this.#link !== undefined && !this.#ended) this.#core.outbox.attach(this.#link);
    this.#core.writable();
  }

  data(payload: Uint8Array, frame: Frame): boolean {
    if (this.#ended) return false;
    const isFirst = !this.#hasPayload;
    this.#hasPayload = true;
    if (!this.#core.isTransactional) {
      if (isFirst) this.#prove();
      return this.#core.receive(payload, frame);
    }
    return this.#core.receive(payload, isFirst ? FIRST : MIDDLE);
  }

  drained(): void {
    if (this.#ended) return;
    this.#core.outbox.drained();
    this.#core.writable();
  }

  closed(end: LinkEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#link = undefined;
    this.#core.outbox.detach();
    if (end.type === "failed") this.#failed(end.reason, end.repeatable, end.mayBeDone);
    else if (this.#head === undefined) this.#failed(WITHOUT_HEAD, false);
    else this.#completed(this.#head.status);
  }

  #answered(head: ResponseHead): void {
    const { status } = head;
    const { expect } = this.#core.streamtype.http;
    this.#map(status);
    // A body that cannot be sent again leaves the answer to the caller.
    if ((status === 503 || status === 429) && expect !== status && this.#core.transactions.isReplayable) {
      this.#ended = true;
      this.#link?.close();
      this.#failed(comeBackLater(head, this.#core.ports.clock.wall()), true);
      return;
    }
    this.#head = head;
    this.#core.feed({ type: "established", attempt: this.id });
    if (!this.#ended) this.#core.transactions.reply(head, this.#acknowledges(status), this);
  }

  /** The state of the program's own that the policy gives a status. Policy: `http_resp_map`. */
  #map(status: number): void {
    if (this.#hasStatus) return;
    this.#hasStatus = true;
    const state = this.#core.streamtype.http.responseMap.get(status);
    if (state !== undefined)
      this.#core.feed({ type: "user-state", attempt: this.id, state: `user-${state}` });
  }

  #acknowledges(status: number): boolean {
    const { expect } = this.#core.streamtype.http;
    return expect === undefined ? status >= 200 && status <= 299 : status === expect;
  }

  #prove(): void {
    this.#core.feed({ type: "proved", attempt: this.id });
  }

  #completed(status: number): void {
    const { feed, transactions, streamtype } = this.#core;
    if (transactions.hasReplied) transactions.complete();
    else this.#core.receive(NOTHING, { start: !this.#hasPayload, end: true });
    if (this.#acknowledges(status)) feed({ type: "acknowledged", attempt: this.id, isProof: true });
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
    transactions.next();
  }

  #failed(reason: Reason, repeatable: boolean, mayBeDone = false): void {
    const { feed, transactions, streamtype } = this.#core;
    // A ws handshake or a redirect that is refused has not told its status yet.
    if (reason.status !== undefined) this.#map(reason.status);
    const mayRepeat = repeatable && !transactions.hasReplied;
    // A whole response proves the peer by its acknowledgement; one that is cut off, by what came of it. The page of an
    // error shows that something answers, not that the peer works.
    if (this.#hasPayload && this.#head !== undefined && this.#acknowledges(this.#head.status)) this.#prove();
    if (mayBeDone && !transactions.hasReplied)
      transactions.fail(
        outcomeUnknown(reason),
        new SecureStreamsError(reason, { streamtype: streamtype.name }),
      );
    else if (!mayRepeat) transactions.fail(reason);
    feed({ type: "failed", attempt: this.id, reason, repeatable: mayRepeat });
    transactions.next();
  }
}

const WITHOUT_HEAD: Reason = {
  layer: "http",
  code: "http-incomplete",
  message: "The response ended before its head",
};

/** Only the caller knows whether twice does harm. */
function outcomeUnknown({ layer, message }: Reason): Reason {
  return {
    layer,
    code: "outcome-unknown",
    message: `Cannot tell whether the request was carried out, so it is not repeated: ${message}`,
  };
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
