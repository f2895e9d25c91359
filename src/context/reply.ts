import { concat } from "../lib/bytes.ts";
import { SecureStreamsError, UsageError } from "../lib/errors.ts";
import { Inbox, type Marks, type Source } from "./inbox.ts";
import type { ResponseHead, Text } from "./ports.ts";

/**
 * The answer to one http transaction. Its payload arrives while it is read: iterate `payload`, or ask for the whole.
 * An answer that nobody reads holds the connection back once its buffer is full; `discard()` lets it go.
 */
export class Reply {
  readonly status: number;
  /** Whether the status acknowledges: 200 to 299, or the policy's `http_expect`. */
  readonly ok: boolean;
  /** What was asked for, with its query; redirects may have led elsewhere. */
  readonly url: string;
  /** Received values of the metadata that the policy declares. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #head: ResponseHead;
  readonly #inbox: Inbox<Uint8Array>;
  readonly #text: Text;
  #isTaken = false;

  constructor(
    head: ResponseHead,
    parts: {
      readonly ok: boolean;
      readonly url: string;
      readonly metadata: Readonly<Record<string, string>>;
      readonly inbox: Inbox<Uint8Array>;
      readonly text: Text;
    },
  ) {
    this.status = head.status;
    this.ok = parts.ok;
    this.url = parts.url;
    this.metadata = parts.metadata;
    this.#head = head;
    this.#inbox = parts.inbox;
    this.#text = parts.text;
  }

  /**
   * The pieces of the payload in order. Throws SecureStreamsError where the response ends before it is complete.
   * Leaving the loop early discards the rest, so that the next transaction can begin.
   */
  get payload(): AsyncIterable<Uint8Array> {
    const inbox = this.#inbox;
    const leave = (): ReturnType<typeof inbox.return> => {
      this.discard();
      return inbox.return();
    };
    return { [Symbol.asyncIterator]: () => ({ next: () => inbox.next(), return: leave }) };
  }

  /** The value of a response header in any case, with or without colon; undefined where it is absent. */
  header(name: string): string | undefined {
    const wanted = name.toLowerCase().replace(/:$/, "");
    const at = this.#head.headers.findIndex((each, index) => index % 2 === 0 && each === wanted);
    return at === -1 ? undefined : this.#head.headers[at + 1];
  }

  /**
   * The whole payload, or what iteration has left of it; once. Rejects with the reason of an incomplete response, with
   * `queue-full` above `limit` bytes, and with UsageError where it was taken or discarded before.
   */
  bytes(limit = 64 * 1024 * 1024): Promise<Uint8Array> {
    if (this.#isTaken) {
      const message = "Cannot collect the payload: it was collected or discarded before";
      return Promise.reject(new UsageError(message));
    }
    this.#isTaken = true;
    return this.#inbox.collect(limit, joined, tooLarge);
  }

  /** The whole payload as UTF-8. */
  async text(): Promise<string> {
    return this.#text.decode(await this.bytes());
  }

  /** The whole payload as JSON. Rejects with SyntaxError where it is none. */
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  /** Drops the payload, now and to come; the transaction still ends with its acknowledgement. */
  discard(): void {
    this.#isTaken = true;
    this.#inbox.discard();
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const only = pieces[0];
  return pieces.length === 1 && only !== undefined ? only : concat(pieces);
}

function tooLarge(limit: number): SecureStreamsError {
  return new SecureStreamsError({
    layer: "stream",
    code: "queue-full",
    message: `Cannot collect the payload: it is larger than ${limit} bytes; iterate reply.payload instead`,
  });
}

/** The queue behind a reply's payload. */
export function replyInbox(marks: Marks, source: Source): Inbox<Uint8Array> {
  return new Inbox<Uint8Array>(marks, lengthOf, source);
}

function lengthOf(piece: Uint8Array): number {
  return piece.length;
}
