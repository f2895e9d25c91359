import { setImmediate } from "node:timers/promises";
import type { Clock } from "../context/index.ts";
import type { Millis } from "../lib/millis.ts";
import { type Timer, TimerHeap } from "../lib/timer-heap.ts";

/** Timers that may fire at one moment before the clock says that time stands still. */
const MOST_AT_ONE_MOMENT = 1_000_000;

/** A clock that moves only when it is told to. Timers of one moment fire in the order they were made. */
export class SimClock implements Clock {
  #now: Millis = 0;
  #wallOffset: number;
  #order = 0;
  readonly #timers = new TimerHeap();

  /** `wall` is the wall time at moment 0, in milliseconds since 1970. Default: 2026-01-01T00:00:00Z. */
  constructor(wall = 1_767_225_600_000) {
    this.#wallOffset = wall;
  }

  now(): Millis {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When the next timer fires; undefined where none is armed. */
  get next(): Millis | undefined {
    return this.#timers.peek()?.at;
  }

  wake(at: Millis, run: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { at, order: this.#order, run };
    this.#timers.push(timer);
    return () => this.#timers.cancel(timer);
  }

  /** Someone sets the wall clock: it jumps by `span` while monotonic time goes on as before. */
  jumpWall(span: number): void {
    this.#wallOffset += span;
  }

  /** The process is stopped for `span` and goes on: every timer that was due meanwhile fires late. */
  async pause(span: Millis): Promise<void> {
    this.#now += span;
    await this.run(0);
  }

  /**
   * Moves on by `span` without a break: timers fire, promises do not settle between them. For simulations without
   * promises, where it is several times as fast as `run`.
   */
  advance(span: Millis): void {
    this.advanceTo(this.#now + span);
  }

  /** Like `advance`, up to a moment. */
  advanceTo(moment: Millis): void {
    const guard = new Guard();
    for (let timer = this.#due(moment); timer !== undefined; timer = this.#due(moment)) {
      this.#fire(timer, guard);
    }
    this.#now = Math.max(this.#now, moment);
  }

  /** Moves on by `span`; after each timer every promise that can settle has settled. `run(0)` only lets them settle. */
  async run(span: Millis): Promise<void> {
    await this.runTo(this.#now + span);
  }

  /** Like `run`, up to a moment. */
  async runTo(moment: Millis): Promise<void> {
    const guard = new Guard();
    await setImmediate();
    for (let timer = this.#due(moment); timer !== undefined; timer = this.#due(moment)) {
      this.#fire(timer, guard);
      await setImmediate();
    }
    this.#now = Math.max(this.#now, moment);
  }

  /** Runs until `promise` settles, and gives its outcome. Rejects when no timer is left or `limit` has passed. */
  async until<Value>(promise: Promise<Value>, limit: Millis = 86_400_000): Promise<Value> {
    const end = this.#now + limit;
    const guard = new Guard();
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await setImmediate();
    while (!settled) {
      const timer = this.#due(end);
      if (timer === undefined) {
        throw new Error(`Cannot wait: nothing is planned that could settle the promise before ${end} ms`);
      }
      this.#fire(timer, guard);
      await setImmediate();
    }
    return promise;
  }

  #due(moment: Millis): Timer | undefined {
    const timer = this.#timers.peek();
    if (timer === undefined || timer.at > moment) return undefined;
    return this.#timers.pop();
  }

  #fire(timer: Timer, guard: Guard): void {
    this.#now = Math.max(this.#now, timer.at);
    guard.count(this.#now);
    const { run } = timer;
    timer.run = undefined;
    run?.();
  }
}

/** Turns a live-lock into an error. */
class Guard {
  #moment: Millis = -1;
  #count = 0;

  count(moment: Millis): void {
    this.#count = moment === this.#moment ? this.#count + 1 : 0;
    this.#moment = moment;
    if (this.#count > MOST_AT_ONE_MOMENT) {
      throw new Error(`Cannot move on: ${MOST_AT_ONE_MOMENT} timers fired at ${moment} ms`);
    }
  }
}
