import { concat } from "./bytes.ts";

/** The text of UTF-8, as the WHATWG standard has it: ill-formed bytes become U+FFFD, one byte order mark is dropped. */
export type DecodeUtf8 = (bytes: Uint8Array) => string;

const NOTHING = new Uint8Array();
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** The text of UTF-8 that comes in pieces, cut anywhere: joined it is what `decode` gives for the whole. */
export class Utf8Pieces {
  readonly #decode: DecodeUtf8;
  /** A character that is not complete: three bytes at the most. */
  #held: Uint8Array = NOTHING;
  #hasBegun = false;

  constructor(decode: DecodeUtf8) {
    this.#decode = decode;
  }

  /** The characters that are complete with this piece. */
  take(piece: Uint8Array): string {
    const bytes = this.#held.length === 0 ? piece : concat([this.#held, piece]);
    const length = bytes.length - heldBack(bytes);
    this.#held = bytes.slice(length);
    return this.#text(bytes.subarray(0, length));
  }

  /** What is left when no more comes: of a character that was cut off, U+FFFD. */
  end(): string {
    return this.#text(this.#held);
  }

  #text(bytes: Uint8Array): string {
    if (bytes.length === 0) return "";
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return this.#decode(bytes);
    }
    // Only the mark that begins the whole is none of the text.
    let marks = 0;
    while (BYTE_ORDER_MARK.every((byte, index) => bytes[3 * marks + index] === byte)) marks += 1;
    return "\ufeff".repeat(marks) + this.#decode(bytes.subarray(3 * marks));
  }
}

/** How many bytes at the end begin a character that may go on. */
function heldBack(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = Number(bytes[bytes.length - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return sizeAfter(byte) > back ? back : 0;
  }
  return 0;
}

/** Bytes of the character that begins with `first`. */
function sizeAfter(first: number): number {
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
