/** DNS over TCP: each message behind its length in two bytes (RFC 1035, 4.2.2). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(message.length + 2);
  framed[0] = message.length >> 8;
  framed[1] = message.length;
  framed.set(message, 2);
  return framed;
}

const START = 512;

/** Cuts a byte stream into messages, however it was segmented. Holds at most one unfinished message (64 KiB). */
export class FrameReader {
  #held = new Uint8Array(START);
  #length = 0;

  /** The messages that end in `bytes`, empty ones included. */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      const wanted = this.#length < 2 ? 2 : this.#whole();
      const part = bytes.subarray(at, at + wanted - this.#length);
      this.#hold(part);
      at += part.length;
      if (this.#length < 2 || this.#length < this.#whole()) continue;
      messages.push(this.#held.slice(2, this.#length));
      this.#held = new Uint8Array(START);
      this.#length = 0;
    }
    return messages;
  }

  #whole(): number {
    return 2 + (((this.#held[0] as number) << 8) | (this.#held[1] as number));
  }

  #hold(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, this.#held.length * 2));
      larger.set(this.#held.subarray(0, this.#length));
      this.#held = larger;
    }
    this.#held.set(part, this.#length);
    this.#length = length;
  }
}
