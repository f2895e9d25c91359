const SIZE = 8192;

/**
 * Cuts the bytes of small messages from larger pieces: V8 keeps small arrays of their own among its objects, and would
 * have to move each one out before a socket can take it. No byte is given twice.
 */
export class Slab {
  #bytes = new Uint8Array(SIZE);
  #at = 0;

  /** Zeros; at most 8192 of them. */
  cut(length: number): Uint8Array {
    if (this.#at + length > SIZE) {
      this.#bytes = new Uint8Array(SIZE);
      this.#at = 0;
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
