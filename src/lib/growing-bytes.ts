const LEAST_ROOM = 1024;

/** Bytes that come in pieces, as one array. However small the pieces, it takes at most twice the room of its bytes. */
export class GrowingBytes {
  #room = new Uint8Array(LEAST_ROOM);
  #length = 0;

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) {
      const room = new Uint8Array(Math.max(length, 2 * this.#room.length));
      room.set(this.#room.subarray(0, this.#length));
      this.#room = room;
    }
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  /** All that came, as a view. */
  whole(): Uint8Array {
    return this.#room.subarray(0, this.#length);
  }
}
