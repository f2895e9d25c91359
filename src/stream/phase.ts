import type { Reason } from "../lib/errors.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { StateName } from "./states.ts";
import type { AttemptId } from "./words.ts";

/** What a stream is doing, whatever it reported last. */
export type Phase =
  | { readonly name: "resting" }
  | { readonly name: "connecting"; readonly attempt: AttemptId }
  | Connected
  | { readonly name: "waiting"; readonly until: Millis }
  | { readonly name: "destroyed" };

export interface Connected {
  readonly name: "connected";
  readonly attempt: AttemptId;
  /** NEVER once the peer has proved that it works. */
  readonly stableAt: Millis;
  /** Why the peer refused the transaction. */
  readonly refusal: Reason | undefined;
}

/** What is told with a state. */
export interface Cause {
  readonly reason?: Reason | undefined;
  readonly retryIn?: Millis | undefined;
}

export const RESTING: Phase = { name: "resting" };

const AUTH_CODES: ReadonlySet<string> = new Set([
  "mqtt-auth-failed",
  "tls-client-cert-required",
  "tls-client-cert-refused",
  "proxy-auth-failed",
]);

/** The attempt under way, if any. */
export function attemptOf(phase: Phase): AttemptId | undefined {
  return phase.name === "connecting" || phase.name === "connected" ? phase.attempt : undefined;
}

export function deadlineOf(phase: Phase): Millis {
  if (phase.name === "waiting") return phase.until;
  return phase.name === "connected" ? phase.stableAt : NEVER;
}

/** The state that says how the attempt under way ended. */
export function endingOf(phase: Phase, { code }: Reason): StateName {
  if (phase.name === "connected") return "disconnected";
  return AUTH_CODES.has(code) ? "auth-failed" : "unreachable";
}
