import { SecureStreamsError } from "../../../lib/errors.ts";

/**
 * A request body of unknown length. It is read once, one piece at a time and only when the wire takes more; whoever
 * reads it may stop at any moment, even while the source keeps a piece waiting.
 */
export class BodySource implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #stop: (() => void) | undefined;
  #isStopped = false;
  #fault: SecureStreamsError | undefined;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  /** Some of it may be gone: it cannot be sent again. */
  get isBegun(): boolean {
    return this.#iterator !== undefined;
  }

  /** The source's own failure, where it had one. */
  get fault(): SecureStreamsError | undefined {
    return this.#fault;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next(), return: async () => this.#finish() };
  }

  /** The next piece. Rejects with SecureStreamsError `body-failed` where the source fails. */
  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isStopped) return { done: true, value: undefined };
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      const stopped = new Promise<IteratorResult<Uint8Array>>((resolve) => {
        this.#stop = () => resolve({ done: true, value: undefined });
      });
      const piece = await Promise.race([this.#iterator.next(), stopped]);
      if (piece.done === true || this.#isStopped) return { done: true, value: undefined };
      if (!(piece.value instanceof Uint8Array)) throw new TypeError("a piece is not a Uint8Array");
      return piece;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `Cannot send the request body: its source failed: ${why}`;
      this.#fault = new SecureStreamsError({ layer: "stream", code: "body-failed", message }, { cause });
      throw this.#fault;
    }
  }

  /** Asks for no more and tells the source so. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stop?.();
    // A source's failure to clean up concerns nobody: its request is over.
    if (this.#fault === undefined) this.#iterator?.return?.().then(undefined, () => undefined);
  }

  #finish(): IteratorResult<Uint8Array> {
    this.stop();
    return { done: true, value: undefined };
  }
}
