import type { Millis } from "./millis.ts";

/** The input that says: your deadline may have passed. */
export interface Timeout {
  readonly type: "timeout";
}

export const TIMEOUT: Timeout = { type: "timeout" };

/**
 * A protocol as a machine: time and input in, work for the driver out.
 *
 * 1. Same inputs, times and random source give the same outputs.
 * 2. Nothing a peer sends makes it throw: a fault is an output, only misuse throws.
 * 3. An early timeout does nothing.
 * 4. After a served timeout `deadline` is later than `now`.
 * 5. After its ending output it is silent and `deadline` is `NEVER`.
 * 6. Stale inputs are ignored: outputs that start something carry an id, inputs echo it.
 */
export interface Machine<Input, Output> {
  /** Takes one input at `now` and returns what the driver must do next, in order. */
  handle(input: Input | Timeout, now: Millis): readonly Output[];
  /** When the driver must next call `handle` with a Timeout. Calling it early does nothing. */
  readonly deadline: Millis;
}
