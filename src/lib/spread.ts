import type { Random } from "./random.ts";

/**
 * Fractions in [0, 1) for those who must not come together: van der Corput's sequence, in which each draw falls into
 * the middle of one of the widest gaps left by those before. Two sources have nothing in common: each starts at random.
 */
export class Spread {
  readonly #start: number;
  #drawn = 0;

  constructor(random: Random) {
    this.#start = random.fraction();
  }

  next(): number {
    return (this.#start + mirrored(this.#drawn++)) % 1;
  }
}

/** The binary digits of `count` behind the point, the last one first: 1, 2, 3, 4 give 1/2, 1/4, 3/4, 1/8. */
function mirrored(count: number): number {
  let sum = 0;
  let weight = 0.5;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) sum += weight;
    weight /= 2;
  }
  return sum;
}
