import type { StateEvent } from "./events.ts";
import type { Diagnostics, Logger } from "./ports.ts";
import type { Stream } from "./stream.ts";

/** States at which a person's world changes; the others are for those who look closely. */
const NOTABLE: ReadonlySet<string> = new Set([
  "connected",
  "disconnected",
  "all-retries-failed",
  "auth-failed",
]);

/** Tells diagnostics and log of a change of state. */
export function observe(
  stream: Stream,
  event: StateEvent,
  diagnostics: Diagnostics,
  logger: Logger | undefined,
): void {
  if (diagnostics.hasSubscribers("secure-streams:state")) {
    diagnostics.publish("secure-streams:state", { stream: stream.id, ...event });
  }
  if (logger === undefined) return;
  const { streamtype, state, attempt, retryIn, reason } = event;
  const fields = {
    stream: stream.id,
    streamtype,
    state,
    attempt,
    retryIn,
    layer: reason?.layer,
    code: reason?.code,
  };
  if (state === "all-retries-failed" || state === "auth-failed") {
    logger.warn({ ...fields, reason: reason?.message }, "stream.state");
  } else if (NOTABLE.has(state)) logger.info(fields, "stream.state");
  else logger.debug({ ...fields, reason: reason?.message }, "stream.state");
}
