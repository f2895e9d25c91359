/** Why a byte stream is no longer one of packets. */
export type FrameFault =
  | { readonly type: "malformed"; readonly detail: string }
  | { readonly type: "oversized"; readonly length: number };

/**
 * Cuts a byte stream into MQTT packets by their remaining length (MQTT 3.1.1, 2.2.3). A packet larger than allowed is a
 * fault as soon as its length is known, before any of it is kept.
 */
export class Framer {
  readonly #maximum: number;
  /** The beginning of a packet that is not here as a whole. */
  #parts: Buffer[] = [];
  #held = 0;
  /** Bytes until the packet, or its length, can be read. */
  #needed = 2;

  /** `maximum`: bytes of the largest packet, with its header. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** Bytes that wait for the rest of their packet. */
  get held(): number {
    return this.#held;
  }

  /**
   * Calls `take` with each whole packet, until it returns false: the rest is dropped then. Returns what makes it
   * impossible to go on.
   */
  push(chunk: Buffer, take: (packet: Buffer) => boolean): FrameFault | undefined {
    if (this.#held + chunk.length < this.#needed) {
      this.#hold(chunk);
      return undefined;
    }
    const bytes = this.#held === 0 ? chunk : Buffer.concat([...this.#parts, chunk]);
    this.#drop();
    let at = 0;
    while (bytes.length - at >= 2) {
      const size = packetSize(bytes, at);
      if (size === undefined) break;
      if (typeof size === "string") return { type: "malformed", detail: size };
      if (size > this.#maximum) return { type: "oversized", length: size };
      if (bytes.length - at < size) {
        this.#needed = size;
        break;
      }
      if (!take(bytes.subarray(at, at + size))) return undefined;
      at += size;
    }
    if (at < bytes.length) {
      const rest = bytes.subarray(at);
      // A copy lets go of the large chunk that a small rest would hold.
      this.#hold(rest.length * 4 < bytes.length ? Buffer.from(rest) : rest);
      if (this.#needed <= this.#held) this.#needed = this.#held + 1;
    }
    return undefined;
  }

  #hold(bytes: Buffer): void {
    this.#parts.push(bytes);
    this.#held += bytes.length;
  }

  #drop(): void {
    this.#parts = [];
    this.#held = 0;
    this.#needed = 2;
  }
}

/** Bytes of the packet at `at`; undefined while its length is cut off, a text where it has none. */
function packetSize(bytes: Buffer, at: number): number | string | undefined {
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[at + 1 + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return 2 + index + length;
  }
  return "a remaining length of more than 4 bytes";
}
