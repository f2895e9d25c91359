import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import type { Streamtype } from "../policy/index.ts";

export const POLICY_CHANGED: Reason = {
  layer: "policy",
  code: "policy-changed",
  message: "The policy changed",
};
export const IDENTITY_CHANGED: Reason = {
  layer: "stream",
  code: "identity-changed",
  message: "What the program knows about itself changed",
};

/** What those who wait are told when the policy's retries are used up; the layer is that of the last attempt. */
export function allRetriesFailed({ name }: Streamtype, failures: number, last: Reason): Reason {
  const attempts = failures === 1 ? "The attempt" : `All ${failures} attempts`;
  const message = `${attempts} of "${name}" failed; the last: ${last.message}`;
  return { ...last, code: "all-retries-failed", message };
}

/** Why a transport could not be loaded: this installation cannot carry the protocol, unless the error knows better. */
export function loadReason(error: unknown): Reason {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof SecureStreamsError
    ? { layer: error.layer, code: error.code, message }
    : { layer: "stream", code: "unsupported", message };
}

/** The signal that a stream was opened with. */
export const SIGNAL_FIRED: Reason = {
  layer: "stream",
  code: "aborted",
  message: "The signal that the stream was opened with has fired",
};

export function removed(streamtype: string): Reason {
  const message = `The new policy has no streamtype "${streamtype}"`;
  return { layer: "policy", code: "policy-changed", message };
}

export function contextClosed(): SecureStreamsError {
  const message = "Cannot open: the context is closed";
  return new SecureStreamsError({ layer: "stream", code: "closed", message });
}
