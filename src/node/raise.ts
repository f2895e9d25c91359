/** What a listener of the program threw surfaces as an uncaught exception, once the present work is done. */
export function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
