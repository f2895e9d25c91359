import type { StateEvent, Stream } from "../../src/index.ts";

/** The states of a stream from the time of the call on, user states among them. */
export function watch(stream: Stream<never> | Stream): StateEvent[] {
  const seen: StateEvent[] = [];
  stream.on("state", (event) => seen.push(event));
  return seen;
}

export function names(events: readonly StateEvent[]): readonly string[] {
  return events.map(({ state }) => state);
}

/** What a promise rejects with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<{ readonly code?: string; readonly message: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error("It was fulfilled");
}
