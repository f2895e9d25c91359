import type { Random } from "../lib/random.ts";

const POOL_SIZE = 4096;

/** What a CSPRNG gives, asked for a pool at a time. */
export class PooledRandom implements Random {
  readonly #fill: (into: Uint8Array) => void;
  readonly #pool = Buffer.alloc(POOL_SIZE);
  #at = POOL_SIZE;

  constructor(fill: (into: Uint8Array) => void) {
    this.#fill = fill;
  }

  fraction(): number {
    return this.#pool.readUInt32BE(this.#take(4)) / 2 ** 32;
  }

  uint16(): number {
    return this.#pool.readUInt16BE(this.#take(2));
  }

  bytes(length: number): Uint8Array {
    if (length > POOL_SIZE) {
      const bytes = new Uint8Array(length);
      this.#fill(bytes);
      return bytes;
    }
    const at = this.#take(length);
    return Uint8Array.from(this.#pool.subarray(at, at + length));
  }

  /** Where the next `length` bytes stand that nobody has seen. */
  #take(length: number): number {
    if (this.#at + length > POOL_SIZE) {
      this.#fill(this.#pool);
      this.#at = 0;
    }
    this.#at += length;
    return this.#at - length;
  }
}
