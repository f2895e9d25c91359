import type { Reason } from "../lib/errors.ts";

/** What stands between this machine and the internet. `ok` alone lets the system go on. */
export type PortalVerdict = "ok" | "captive" | "no-internet" | "unknown";

/** One look at the network; unique in its machine. */
export type CheckId = number;

/** How the probe ended: the streamtype `captive_portal_detect`. */
export type ProbeOutcome =
  | {
      readonly type: "answer";
      readonly status: number;
      /** The Location header. */
      readonly location?: string | undefined;
    }
  | { readonly type: "failed"; readonly reason: Reason };

/** How the question to the API of the network ended (RFC 8908). */
export type ApiOutcome =
  | {
      readonly type: "answer";
      readonly status: number;
      readonly contentType: string | undefined;
      /** At most `API_LIMIT` bytes are looked at; one more shows that there are too many. */
      readonly body: Uint8Array;
    }
  | { readonly type: "failed"; readonly reason: Reason };

export type PortalInput =
  /** There is a network to look at. */
  | { readonly type: "start" }
  /** There is none any more: nothing that was known counts, and nobody looks until the next `start`. */
  | { readonly type: "pause" }
  /** The probe's host name led to these addresses; tried next. May come more than once. */
  | {
      readonly type: "resolved";
      readonly check: CheckId;
      readonly host: string;
      readonly addresses: readonly string[];
    }
  | { readonly type: "probed"; readonly check: CheckId; readonly outcome: ProbeOutcome }
  | { readonly type: "told"; readonly check: CheckId; readonly outcome: ApiOutcome }
  /** Another network, or another lease: nothing that was known counts. `api` is DHCP option 114. */
  | { readonly type: "network"; readonly api?: string | undefined }
  /** Somebody asks for another look. */
  | { readonly type: "check" }
  | { readonly type: "stop" };

export type PortalOutput =
  | { readonly type: "probe"; readonly check: CheckId }
  | { readonly type: "ask"; readonly check: CheckId; readonly url: string }
  /** The look is over or no longer wanted; its outcome will not be heard. */
  | { readonly type: "abandon"; readonly check: CheckId }
  | {
      readonly type: "verdict";
      readonly verdict: PortalVerdict;
      readonly previous: PortalVerdict;
      /** Where a person can log in: an http or https URL, safe to print. */
      readonly portal: string | undefined;
      readonly why: string;
    };
