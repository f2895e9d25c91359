import type { Reason } from "../lib/errors.ts";
import type { StateName, UserState } from "../stream/index.ts";
import type { StateEvent } from "./events.ts";
import type { Listeners } from "./listeners.ts";
import type { Abortable } from "./ports.ts";

/** The next event of `state`. Rejects with the signal's reason, or with `closed()` when the stream ends first. */
export function nextState(
  states: Listeners<StateEvent>,
  state: StateName | UserState,
  signal: Abortable | undefined,
  closed: (reason: Reason | undefined) => Error,
): Promise<StateEvent> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      remove();
      signal?.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      leave();
      reject(signal?.reason);
    };
    const remove = states.add((event) => {
      if (event.state !== state && event.state !== "destroying") return;
      leave();
      if (event.state === state) resolve(event);
      else reject(closed(event.reason));
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}
