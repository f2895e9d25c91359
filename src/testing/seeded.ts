import type { Random } from "../lib/random.ts";

/**
 * Randomness that repeats: the same seed gives the same numbers on every machine. The generator is sfc32 (Chris
 * Doty-Humphrey's Small Fast Chaotic generator with 32-bit words and a counter), seeded through splitmix32. It is
 * good for simulations and no good for secrets.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any integer; its low 32 bits count. */
  constructor(seed: number) {
    const next = splitmix32(seed);
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let round = 0; round < 15; round++) this.uint32();
  }

  /** An integer in [0, 2^32). */
  uint32(): number {
    const result = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0;
    return result;
  }

  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  uint16(): number {
    return this.uint32() >>> 16;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() >>> 24);
  }

  /** A span of a Poisson process: exponentially distributed with this mean. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.fraction());
  }
}

/** Spreads neighbouring seeds far apart. */
function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}
