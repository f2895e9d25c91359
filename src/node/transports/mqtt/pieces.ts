import type { Settled } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";

/** Bytes of one message that is sent in pieces. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface WholeMessage {
  readonly payload: Uint8Array;
  /** Settles every piece of it. */
  readonly settle: (outcome: Settled) => void;
}

/** MQTT sends a message whole (3.1.1, 3.3.3): the pieces that one link is given wait here for their last one. */
export class Pieces {
  #pieces: Uint8Array[] = [];
  #settles: ((outcome: Settled) => void)[] = [];
  #size = 0;

  /** Takes the next piece. Gives the message when it was the last, or a sentence why the piece cannot be sent. */
  next(
    payload: Uint8Array,
    { start, end }: { readonly start: boolean; readonly end: boolean },
    settle: (outcome: Settled) => void,
  ): WholeMessage | string | undefined {
    if (start === this.#pieces.length > 0) {
      return start
        ? "the message before has not ended; pieces of two messages cannot be interleaved"
        : "no message has been started";
    }
    if (start && end) return { payload, settle };
    if (this.#size + payload.length > MAX_BYTES) return `the message is larger than ${MAX_BYTES} bytes`;
    this.#pieces.push(payload);
    this.#settles.push(settle);
    this.#size += payload.length;
    return end ? this.#take() : undefined;
  }

  /** The link ends: a message whose last piece has not come is lost. */
  lose(reason: Reason): void {
    this.#take().settle({ type: "lost", reason });
  }

  #take(): WholeMessage {
    const payload = Buffer.concat(this.#pieces);
    const settles = this.#settles;
    this.#pieces = [];
    this.#settles = [];
    this.#size = 0;
    return {
      payload,
      settle: (outcome) => {
        for (const settle of settles) settle(outcome);
      },
    };
  }
}
