/** When a queue asks its source to pause and to go on, in bytes. */
export interface Marks {
  readonly pauseAbove: number;
  readonly resumeBelow: number;
}

interface Collector<Item> {
  readonly limit: number;
  readonly resolve: (items: readonly Item[] | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiter<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What has been received and not yet read: a queue of items with back-pressure, read by async iteration. One reader
 * at a time. An end is seen after the last item; with an error, iteration throws it.
 */
export class Inbox<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #marks: Marks;
  readonly #sizeOf: (item: Item) => number;
  readonly #resume: () => void;
  #items: Item[] = [];
  #head = 0;
  #size = 0;
  #paused = false;
  #discards = false;
  #waiters: Waiter<Item>[] = [];
  #collector: Collector<Item> | undefined;
  #end: { readonly error: unknown } | undefined;

  constructor(marks: Marks, sizeOf: (item: Item) => number, resume: () => void) {
    this.#marks = marks;
    this.#sizeOf = sizeOf;
    this.#resume = resume;
  }

  /** Bytes waiting to be read. */
  get size(): number {
    return this.#size;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Takes an item; false asks for no more until `resume` is called. */
  push(item: Item): boolean {
    if (this.#end !== undefined || this.#discards) return true;
    const waiter = this.#waiters.shift();
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
   * Everything to the end, in order. Undefined where it is more than `limit` bytes; the rest is then discarded.
   * Rejects with the error of the end.
   */
  collect(limit: number): Promise<readonly Item[] | undefined> {
    return new Promise((resolve, reject) => {
      const collector = { limit, resolve, reject };
      this.#collector = collector;
      this.#checkLimit(collector);
      if (this.#end !== undefined) this.#finishCollector();
      else if (this.#paused) {
        this.#paused = false;
        this.#resume();
      }
    });
  }

  /** No more items come. `error` is thrown to the reader after the last one; undefined is a clean end. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#finishCollector();
    for (const waiter of this.#waiters.splice(0)) this.#finish(waiter);
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
      if (this.#end === undefined) this.#waiters.push(waiter);
      else this.#finish(waiter);
    });
  }

  /** A reader that leaves early; the stream goes on and the next reader goes on where it left. */
  return(): Promise<IteratorResult<Item, undefined>> {
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #checkLimit({ limit, resolve }: Collector<Item>): boolean {
    if (this.#size > limit) {
      this.#collector = undefined;
      this.discard();
      resolve(undefined);
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
    collector.resolve(items);
  }

  #finish({ resolve, reject }: Waiter<Item>): void {
    if (this.#end?.error === undefined) {
      resolve({ value: undefined, done: true });
      return;
    }
    reject(this.#end.error);
    this.#end = { error: undefined };
  }

  #mayResume(): void {
    if (!this.#paused || this.#size > this.#marks.resumeBelow) return;
    this.#paused = false;
    this.#resume();
  }
}
