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
  /** Of each member of the heap its deadline, to be compared without a look at it. */
  readonly #times: Millis[] = [];

  /** When the earliest is due. */
  get next(): Millis {
    return this.#times[0] ?? NEVER;
  }

  /** Has `timed` wait until `at`, or, with NEVER, no longer. */
  set(timed: Timed, at: Millis): void {
    timed.deadline = at;
    if (timed.place < 0) {
      if (at === NEVER) return;
      timed.place = this.#heap.length;
      this.#heap.push(timed);
      this.#times.push(at);
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
    this.#times.length = 0;
  }

  #remove(timed: Timed): void {
    const last = this.#heap.pop() as Timed;
    this.#times.pop();
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
    const times = this.#times;
    const at = timed.deadline;
    let place = timed.place;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const time = times[above] as Millis;
      if (time <= at) break;
      this.#put(heap[above] as Timed, time, place);
      place = above;
    }
    this.#put(timed, at, place);
  }

  #sink(timed: Timed): void {
    const times = this.#times;
    const at = timed.deadline;
    let place = timed.place;
    for (;;) {
      let below = 2 * place + 1;
      let time = times[below];
      if (time === undefined) break;
      const right = times[below + 1];
      if (right !== undefined && right < time) {
        time = right;
        below += 1;
      }
      if (time >= at) break;
      this.#put(this.#heap[below] as Timed, time, place);
      place = below;
    }
    this.#put(timed, at, place);
  }

  #put(timed: Timed, at: Millis, place: number): void {
    this.#heap[place] = timed;
    this.#times[place] = at;
    timed.place = place;
  }
}
