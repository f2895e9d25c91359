import type { Millis } from "./millis.ts";

/** A wait for a moment. */
export interface Timer {
  readonly at: Millis;
  /** The order of making: timers of the same moment fire first in, first out. */
  readonly order: number;
  /** Undefined once it is called off. */
  run: (() => void) | undefined;
}

/** Whether `a` fires before `b`. */
export function firesBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Timers by moment. What is called off leaves when its turn comes, or when it is the greater part. */
export class TimerHeap {
  #timers: Timer[] = [];
  #cancelled = 0;

  /** Timers that are to fire. */
  get size(): number {
    return this.#timers.length - this.#cancelled;
  }

  push(timer: Timer): void {
    this.#timers.push(timer);
    this.#rise(this.#timers.length - 1);
  }

  cancel(timer: Timer): void {
    if (timer.run === undefined) return;
    timer.run = undefined;
    this.#cancelled += 1;
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#timers.length) this.#rebuild();
  }

  /** The next to fire, left where it is. */
  peek(): Timer | undefined {
    for (let top = this.#timers[0]; top !== undefined; top = this.#timers[0]) {
      if (top.run !== undefined) return top;
      this.#cancelled -= 1;
      this.#removeTop();
    }
    return undefined;
  }

  /** The next to fire, taken out. */
  pop(): Timer | undefined {
    const top = this.peek();
    if (top !== undefined) this.#removeTop();
    return top;
  }

  #rebuild(): void {
    const live = this.#timers.filter((timer) => timer.run !== undefined);
    this.#timers = [];
    this.#cancelled = 0;
    for (const timer of live) this.push(timer);
  }

  #removeTop(): void {
    const last = this.#timers.pop() as Timer;
    if (this.#timers.length === 0) return;
    this.#timers[0] = last;
    this.#sink();
  }

  #rise(index: number): void {
    const timers = this.#timers;
    const timer = timers[index] as Timer;
    let at = index;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = timers[above] as Timer;
      if (!firesBefore(timer, parent)) break;
      timers[at] = parent;
      at = above;
    }
    timers[at] = timer;
  }

  #sink(): void {
    const timers = this.#timers;
    const timer = timers[0] as Timer;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= timers.length) break;
      const right = timers[below + 1];
      if (right !== undefined && firesBefore(right, timers[below] as Timer)) below += 1;
      const child = timers[below] as Timer;
      if (!firesBefore(child, timer)) break;
      timers[at] = child;
      at = below;
    }
    timers[at] = timer;
  }
}
