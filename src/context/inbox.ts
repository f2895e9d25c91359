/** When a queue asks its source to pause and to go on, in bytes. */
export interface Marks {
  readonly pauseAbove: number;
  readonly resumeBelow: number;
}

/** Where the items come from. */
export interface Source {
  /** Asks for more after `push` returned false. */
  resume(): void;
}

interface Collector<Item> {
  readonly limit: number;
  readonly join: (items: readonly Item[]) => unknown;
  readonly tooLarge: (limit: number) => Error;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiter<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const CLEAN_END = { error: undefined };

/**
 * What has been received and not yet read: a queue of items with back-pressure, read by async iteration. One reader
 * at a time. An end is seen after the last item; with an error, iteration throws it.
 */
export class Inbox<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #marks: Marks;
  readonly #sizeOf: (item: Item) => number;
  readonly #source: Source;
  #items: Item[] = [];
  #head = 0;
  #size = 0;
  #paused = false;
  #discards = false;
  #waiters: Waiter<Item>[] | undefined;
  #collector: Collector<Item> | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(marks: Marks, sizeOf: (item: Item) => number, source: Source) {
    this.#marks = marks;
    this.#sizeOf = sizeOf;
    this.#source = source;
  }

  /** Bytes waiting to be read. */
  get size(): number {
    return this.#size;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Takes an item; false asks for no more until the source is resumed. */
  push(item: Item): boolean {
    if (this.#end !== undefined || this.#discards) return true;
    const waiter = this.#waiters?.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: item, done: false });
      return true;
    }
    this.#items.push(item);
    this.#size += this.#sizeOf(item);
    if (this.#collector !== undefined) return this.#checkLimit(this.#collector);
    if (this.#size > this.#marks.pauseAbove) this.#paused = true;
    return !this.#paused;
  }

  /**
   * Everything to the end, in order, as `join` makes it one. Rejects with the error of the end, or with `tooLarge` where
   * it is more than `limit` bytes; the rest is then discarded.
   */
  collect<Result>(
    limit: number,
    join: (items: readonly Item[]) => Result,
    tooLarge: (limit: number) => Error,
  ): Promise<Result> {
    return new Promise((settle, reject) => {
      const resolve = settle as (result: unknown) => void;
      const collector: Collector<Item> = { limit, join, tooLarge, resolve, reject };
      this.#collector = collector;
      this.#checkLimit(collector);
      if (this.#end !== undefined) this.#finishCollector();
      else if (this.#paused) {
        this.#paused = false;
        this.#source.resume();
      }
    });
  }

  /** No more items come. `error` is thrown to the reader after the last one; undefined is a clean end. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? CLEAN_END : { error };
    this.#finishCollector();
    for (const waiter of this.#waiters?.splice(0) ?? []) this.#finish(waiter);
  }

  /** Drops what waits and what is still to come: nobody will read it. */
  discard(): void {
    this.#discards = true;
    this.#items = [];
    this.#head = 0;
    this.#size = 0;
    this.#mayResume();
  }

  /** The next item at once, where one waits. */
  take(): Item | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head] as Item;
    this.#head += 1;
    this.#size -= this.#sizeOf(item);
    if (this.#head === this.#items.length || this.#head > 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    this.#mayResume();
    return item;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.length > 0) return Promise.resolve({ value: this.take() as Item, done: false });
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (this.#end !== undefined) this.#finish(waiter);
      else if (this.#waiters === undefined) this.#waiters = [waiter];
      else this.#waiters.push(waiter);
    });
  }

  /** A reader that leaves early; the stream goes on and the next reader goes on where it left. */
  return(): Promise<IteratorResult<Item, undefined>> {
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #checkLimit({ limit, tooLarge, reject }: Collector<Item>): boolean {
    if (this.#size > limit) {
      this.#collector = undefined;
      this.discard();
      reject(tooLarge(limit));
    }
    return true;
  }

  #finishCollector(): void {
    const collector = this.#collector;
    if (collector === undefined) return;
    this.#collector = undefined;
    if (this.#end?.error !== undefined) {
      collector.reject(this.#end.error);
      return;
    }
    const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    this.#size = 0;
    collector.resolve(collector.join(items));
  }

  #finish({ resolve, reject }: Waiter<Item>): void {
    if (this.#end?.error === undefined) {
      resolve({ value: undefined, done: true });
      return;
    }
    reject(this.#end.error);
    this.#end = CLEAN_END;
  }

  #mayResume(): void {
    if (!this.#paused || this.#size > this.#marks.resumeBelow) return;
    this.#paused = false;
    this.#source.resume();
  }
}
