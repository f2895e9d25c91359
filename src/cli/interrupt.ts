/** Why a command is stopped whose output nobody reads any more. */
export const READER_LEFT: Error = new Error("The reader of stdout has left");

/** What `work` comes to, unless `signal` fires first: then its reason. */
export async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let leave: () => void = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    leave = () => signal.removeEventListener("abort", abort);
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    leave();
  }
}
