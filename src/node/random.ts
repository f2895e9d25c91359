import { randomBytes } from "node:crypto";
import type { Random } from "../lib/random.ts";

const POOL_SIZE = 4096;

/** The operating system's CSPRNG, asked for a pool at a time. */
class SystemRandom implements Random {
  #pool = Buffer.alloc(0);
  #at = 0;

  fraction(): number {
    return this.#take(4).readUInt32BE() / 2 ** 32;
  }

  uint16(): number {
    return this.#take(2).readUInt16BE();
  }

  bytes(length: number): Uint8Array {
    return length > POOL_SIZE ? randomBytes(length) : Uint8Array.from(this.#take(length));
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#pool.length) {
      this.#pool = randomBytes(POOL_SIZE);
      this.#at = 0;
    }
    this.#at += length;
    return this.#pool.subarray(this.#at - length, this.#at);
  }
}

export const systemRandom: Random = new SystemRandom();
