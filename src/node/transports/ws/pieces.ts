import { isUtf8 } from "node:buffer";
import type { SendOptions } from "../../../context/index.ts";

/** Watches that what one link sends makes messages: each begins once and ends once, and a text is UTF-8. */
export class Pieces {
  #isInside = false;
  #isBinary = false;
  /** Of a text in pieces: a character may be cut in two. */
  #decoder: InstanceType<typeof TextDecoder> | undefined;

  /** Whether the message that the last piece belongs to is binary. */
  get isBinary(): boolean {
    return this.#isBinary;
  }

  /** Takes the next piece; what comes back says why it may not be sent. `isBinary` is the policy's `ws_binary`. */
  next(payload: Uint8Array, options: SendOptions, isBinary: boolean): string | undefined {
    const { start, end } = options;
    if (start === this.#isInside) {
      return start
        ? "the message before has not ended; pieces of two messages cannot be interleaved"
        : "no message has been started";
    }
    if (start) this.#isBinary = options.binary ?? isBinary;
    if (!this.#isBinary && !this.#isText(payload, start && end, end)) {
      return "the payload of a text message is not UTF-8; send it as binary (`ws_binary`)";
    }
    this.#isInside = !end;
    return undefined;
  }

  #isText(payload: Uint8Array, isWhole: boolean, end: boolean): boolean {
    if (isWhole) return isUtf8(payload);
    this.#decoder ??= new TextDecoder("utf-8", { fatal: true });
    try {
      this.#decoder.decode(payload, { stream: !end });
      return true;
    } catch {
      return false;
    } finally {
      if (end) this.#decoder = undefined;
    }
  }
}
