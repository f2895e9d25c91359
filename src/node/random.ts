import { randomBytes, randomFillSync } from "node:crypto";
import type { Random } from "../lib/random.ts";

const POOL_SIZE = 4096;

/** The operating system's CSPRNG, asked for a pool at a time. */
class SystemRandom implements Random {
  readonly #pool = Buffer.alloc(POOL_SIZE);
  #at = POOL_SIZE;

  fraction(): number {
    return this.#pool.readUInt32BE(this.#take(4)) / 2 ** 32;
  }

  uint16(): number {
    return this.#pool.readUInt16BE(this.#take(2));
  }

  bytes(length: number): Uint8Array {
    if (length > POOL_SIZE) return randomBytes(length);
    const at = this.#take(length);
    return Uint8Array.from(this.#pool.subarray(at, at + length));
  }

  /** Where the next `length` bytes stand that nobody has seen. */
  #take(length: number): number {
    if (this.#at + length > POOL_SIZE) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    this.#at += length;
    return this.#at - length;
  }
}

export const systemRandom: Random = new SystemRandom();
