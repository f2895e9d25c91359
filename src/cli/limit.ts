/** Fires when `signal` does, or after `span` milliseconds; `isLate` tells which. The timer is gone after `end()`. */
export class Limit {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  isLate = false;

  /** Without a span nothing is late. */
  constructor(signal: AbortSignal, span: number | undefined) {
    const stop = (): void => this.#controller.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    if (span === undefined) return;
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.#controller.abort();
    }, span);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
