import type { Reason } from "../lib/errors.ts";
import { TIMEOUT } from "../lib/machine.ts";
import { NEVER } from "../lib/millis.ts";
import { Validity } from "../stream/index.ts";
import type { SimClock } from "./sim-clock.ts";

/** What is done when a connection has been silent for long. */
export interface ValidityActions {
  /** Asks the peer for a sign of life; `answered` is called when it comes. */
  probe(answered: () => void): void;
  hangUp(reason: Reason): void;
}

const SILENT: Reason = {
  layer: "stream",
  code: "validity-timeout",
  message: "The peer showed no sign of life",
};

/** Runs the validity of one connection on a simulated clock. Gives the way to stop. Policy: `svalidping`, `svalidhup`. */
export function watchValidity(
  retry: { readonly validityPing: number | undefined; readonly validityHangup: number | undefined },
  clock: SimClock,
  actions: ValidityActions,
): () => void {
  const validity = new Validity({ ping: retry.validityPing, hangup: retry.validityHangup }, clock.now());
  let cancel = (): void => {};
  const arm = (): void => {
    cancel();
    if (validity.deadline !== NEVER) cancel = clock.wake(validity.deadline, serve);
  };
  const serve = (): void => {
    for (const output of validity.handle(TIMEOUT, clock.now())) {
      if (output.type === "hang-up") actions.hangUp(SILENT);
      else actions.probe(() => validity.handle({ type: "alive" }, clock.now()));
    }
    arm();
  };
  arm();
  return () => cancel();
}
