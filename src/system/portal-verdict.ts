import type { ErrorCode, Layer } from "../lib/errors.ts";
import { safeUrl } from "./portal-url.ts";
import type { PortalVerdict, ProbeOutcome } from "./portal-words.ts";

export interface Finding {
  readonly verdict: PortalVerdict;
  readonly portal: string | undefined;
  readonly why: string;
}

/** Somebody answers in the peer's place. */
const INTERCEPTED: ReadonlySet<ErrorCode> = new Set([
  "tls-untrusted",
  "tls-host-mismatch",
  "tls-weak-key",
  "tls-weak-signature",
  "tls-purpose",
  "tls-pin",
]);
/** Failures of these layers say that something answers, or that nothing was asked: no word about the internet. */
const UNCLEAR: ReadonlySet<Layer> = new Set(["tls", "http", "policy"]);
const NOT_ASKED: ReadonlySet<ErrorCode> = new Set(["usage", "aborted", "closed", "unsupported", "internal"]);

/** The last labels of names that a network may give any address (RFC 6761, 6762, 8375, 9476; ICANN's "internal"). */
const OWN_LABELS: ReadonlySet<string> = new Set([
  "alt",
  "arpa",
  "internal",
  "invalid",
  "local",
  "localhost",
  "onion",
  "test",
]);

/**
 * What one probe says about the network; `expected` is the status that nobody but the true peer gives, `addresses` are
 * those that a public name of the probe's host led to.
 */
export function judgeProbe(
  outcome: ProbeOutcome,
  expected: number,
  addresses: readonly string[] = [],
): Finding {
  return outcome.type === "answer" ? judgeAnswer(outcome, expected) : judgeFailure(outcome, addresses);
}

/** Whether the name belongs to the Internet, so that it cannot lead to a private address by right. */
export function isPublicName(host: string): boolean {
  const labels = host.toLowerCase().replace(/\.$/, "").split(".");
  return labels.length > 1 && !OWN_LABELS.has(labels.at(-1) as string);
}

function judgeAnswer(
  { status, location }: Extract<ProbeOutcome, { type: "answer" }>,
  expected: number,
): Finding {
  if (status === expected) return found("ok", `the probe was answered with ${status}`);
  if (status === 511) return found("captive", "the network asks for a login (511)");
  if (status >= 300 && status < 400) {
    return found("captive", `the probe was redirected (${status})`, shownPortal(location));
  }
  if (status >= 200 && status < 300) {
    return found("captive", `the probe was answered with ${status} instead of ${expected}`);
  }
  return found("unknown", `the probe was answered with ${status}`);
}

function judgeFailure(
  { reason }: Extract<ProbeOutcome, { type: "failed" }>,
  addresses: readonly string[],
): Finding {
  const { layer, code, message } = reason;
  if (code === "http-redirect") return found("captive", message, shownPortal(reason.location));
  if (INTERCEPTED.has(code)) return found("captive", `somebody answers in the peer's place: ${message}`);
  if (addresses.length > 0 && addresses.every(isPrivate)) {
    return found("captive", `the name of the probe leads to ${addresses.join(", ")}: ${message}`);
  }
  const isUnclear = (UNCLEAR.has(layer) && code !== "timeout") || NOT_ASKED.has(code);
  return found(isUnclear ? "unknown" : "no-internet", message);
}

function shownPortal(location: string | undefined): string | undefined {
  return location === undefined ? undefined : safeUrl(location);
}

function found(verdict: PortalVerdict, why: string, portal?: string): Finding {
  return { verdict, why, portal };
}

/** Addresses that no public name has (RFC 1918, 3927, 4193, 4291, 6598). */
function isPrivate(address: string): boolean {
  return (
    /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(
      address,
    ) || /^(?:f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]|::1?$)/i.test(address)
  );
}
