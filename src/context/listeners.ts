/** Functions to call, in the order they came. Adding one returns the way to remove it. */
export class Listeners<Event> {
  #functions: readonly ((event: Event) => void)[] = [];

  get isEmpty(): boolean {
    return this.#functions.length === 0;
  }

  add(listener: (event: Event) => void): () => void {
    const entry = (event: Event): void => listener(event);
    this.#functions = [...this.#functions, entry];
    return () => {
      this.#functions = this.#functions.filter((each) => each !== entry);
    };
  }

  /** What a listener throws goes to `raise`; the others still hear. */
  emit(event: Event, raise: (error: unknown) => void): void {
    for (const listener of this.#functions) {
      try {
        listener(event);
      } catch (error) {
        raise(error);
      }
    }
  }
}
