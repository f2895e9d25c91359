import { decodeUtf8 } from "../lib/bytes.ts";
import { safeUrl } from "./portal-url.ts";
import type { ApiOutcome } from "./portal-words.ts";

/** Bytes of an answer that are read. */
export const API_LIMIT = 16 * 1024;
/** DHCP option 114 of a network that says it has no portal (RFC 8910, 2). */
const UNRESTRICTED = "urn:ietf:params:capport:unrestricted";
/** A session that ends later than in a year is one without an end. */
const LONGEST_SESSION = 365 * 86_400;

/** What the network says about itself (RFC 8908, 5). */
export interface PortalApi {
  readonly captive: boolean;
  readonly portal: string | undefined;
  /** Seconds until it closes again. */
  readonly secondsRemaining: number | undefined;
}

/** The URL of option 114, where it is one to ask. RFC 8910 wants https. */
export function apiUrl(option114: string | undefined): string | undefined {
  return option114 === undefined || option114 === UNRESTRICTED ? undefined : safeUrl(option114, "https");
}

/** What the API said; a sentence where it said nothing that can be used. Unknown and wrong-typed extras are left out. */
export function readApi(outcome: Extract<ApiOutcome, { type: "answer" }>): PortalApi | string {
  const { status, contentType, body } = outcome;
  if (status !== 200) return `the status is ${status}`;
  if (!/^application\/captive\+json\s*(?:;|$)/i.test(contentType ?? "")) return "it is not captive+json";
  if (body.length > API_LIMIT) return `it is larger than ${API_LIMIT} bytes`;
  const value = parse(body);
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "captive")) {
    return "it has no member captive";
  }
  const members = value as Readonly<Record<string, unknown>>;
  if (typeof members.captive !== "boolean") return "captive is neither true nor false";
  const url = own(members, "user-portal-url");
  const seconds = own(members, "seconds-remaining");
  const isSpan = typeof seconds === "number" && seconds >= 0 && seconds <= LONGEST_SESSION;
  return {
    captive: members.captive,
    portal: typeof url === "string" ? safeUrl(url, "https") : undefined,
    secondsRemaining: isSpan ? seconds : undefined,
  };
}

function own(members: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(body));
  } catch {
    return undefined;
  }
}
