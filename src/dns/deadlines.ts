import { type Millis, NEVER } from "../lib/millis.ts";

/** Something that waits. `place` belongs to `Deadlines`; -1 while it waits for nothing. */
export interface Timed {
  /** When `expire` is due. Changed only through `Deadlines.set`. */
  deadline: Millis;
  place: number;
  expire(now: Millis): void;
}

/** All that waits, the earliest first: a binary heap that knows its members' places, so that any can leave. */
export class Deadlines {
  readonly #heap: Timed[] = [];

  /** When the earliest is due. */
  get next(): Millis {
    return this.#heap[0]?.deadline ?? NEVER;
  }

  /** Has `timed` wait until `at`, or, with NEVER, no longer. */
  set(timed: Timed, at: Millis): void {
    timed.deadline = at;
    if (timed.place < 0) {
      if (at === NEVER) return;
      timed.place = this.#heap.length;
      this.#heap.push(timed);
      this.#rise(timed);
      return;
    }
    if (at === NEVER) this.#remove(timed);
    else this.#settle(timed);
  }

  /** Expires all that are due. An `expire` that sets a due deadline again is called again. */
  serve(now: Millis): void {
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= now; first = this.#heap[0]) {
      this.#remove(first);
      first.deadline = NEVER;
      first.expire(now);
    }
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const timed of this.#heap) {
      timed.place = -1;
      timed.deadline = NEVER;
    }
    this.#heap.length = 0;
  }

  #remove(timed: Timed): void {
    const last = this.#heap.pop() as Timed;
    const place = timed.place;
    timed.place = -1;
    if (last === timed) return;
    last.place = place;
    this.#heap[place] = last;
    this.#settle(last);
  }

  #settle(timed: Timed): void {
    this.#rise(timed);
    this.#sink(timed);
  }

  #rise(timed: Timed): void {
    const heap = this.#heap;
    let place = timed.place;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above] as Timed;
      if (other.deadline <= timed.deadline) break;
      heap[place] = other;
      other.place = place;
      place = above;
    }
    heap[place] = timed;
    timed.place = place;
  }

  #sink(timed: Timed): void {
    const heap = this.#heap;
    let place = timed.place;
    for (;;) {
      let below = 2 * place + 1;
      const left = heap[below];
      if (left === undefined) break;
      const right = heap[below + 1];
      let least = left;
      if (right !== undefined && right.deadline < left.deadline) {
        least = right;
        below += 1;
      }
      if (least.deadline >= timed.deadline) break;
      heap[place] = least;
      least.place = place;
      place = below;
    }
    heap[place] = timed;
    timed.place = place;
  }
}
