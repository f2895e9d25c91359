import type { Reason } from "../lib/errors.ts";
import { authorityOf, type Place, resolveLocation } from "./location.ts";
import type { HttpTarget, Target } from "./target.ts";

export interface RedirectInput {
  readonly target: Target;
  /** The request that was answered. */
  readonly http: HttpTarget;
  readonly status: number;
  /** Names in lower case, alternating with values. */
  readonly headers: readonly string[];
  /** Redirects followed so far for this transaction. */
  readonly hops: number;
  /** The request body, if any, can be sent again. */
  readonly isReplayable: boolean;
}

export type Redirect =
  /** Not a redirect: the response is the answer. */
  | { readonly type: "none" }
  | {
      readonly type: "follow";
      /** Where the next request goes; `http` is the same as `target.http`. */
      readonly target: Target;
      readonly http: HttpTarget;
      readonly keepsBody: boolean;
    }
  | { readonly type: "refuse"; readonly reason: Reason };

export const MAX_REDIRECTS = 4;

const NONE: Redirect = { type: "none" };
const STATUSES = new Set([301, 302, 303, 307, 308]);
/** What another origin may know of the first request. Everything else may be a credential. */
const HARMLESS = new Set(["accept", "accept-charset", "accept-encoding", "accept-language", "user-agent"]);

/**
 * What follows a response: nothing, another request, or the end. Policy: `allow_redirects`, `http_fail_redirect`.
 * 301 to 303 turn every method but HEAD into GET without a body (as browsers do, where RFC 9110 15.4 leaves it open for
 * POST alone); 307 and 308 repeat method and body. Codes: `http-redirect`, `http-redirect-downgrade`,
 * `http-redirect-loop`.
 */
export function redirect(input: RedirectInput): Redirect {
  const { target, http, status, hops } = input;
  const location = STATUSES.has(status) ? headerOf(input.headers, "location") : undefined;
  if (location === undefined) return NONE;
  if (target.streamtype.http.failRedirect) {
    const why = "a redirect here points to a captive portal between this machine and the peer";
    return { type: "refuse", reason: { ...refusal(status, why), location } };
  }
  if (!target.streamtype.allowRedirects) return refuse(status, "the policy has no `allow_redirects`");
  if (hops >= MAX_REDIRECTS) {
    return refuse(status, `${hops} redirects were followed already`, "http-redirect-loop");
  }
  const from = placeOf(target, http);
  const to = resolveLocation(location, from);
  if (to === undefined) return refuse(status, "its Location is not an http or https address");
  if (from.scheme === "https" && to.scheme === "http") {
    return refuse(status, "it leads from https to http", "http-redirect-downgrade");
  }
  const isSameOrigin = to.scheme === from.scheme && to.host === from.host && to.port === from.port;
  if (!isSameOrigin && target.unixPath !== undefined) {
    return refuse(status, "the peer on a Unix socket may not send elsewhere");
  }
  const keepsBody = status === 307 || status === 308;
  if (keepsBody && !input.isReplayable) return refuse(status, "the request body cannot be sent again");
  const next: HttpTarget = {
    method: keepsBody || http.method === "HEAD" ? http.method : "GET",
    authority: isSameOrigin ? http.authority : authorityOf(to),
    path: to.path,
    headers: keptHeaders(http.headers, isSameOrigin, keepsBody),
  };
  const moved = isSameOrigin ? target : movedTarget(target, to);
  return { type: "follow", target: { ...moved, http: next }, http: next, keepsBody };
}

/** The first value of header `name`; names in `headers` are in lower case. */
function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) return headers[index + 1];
  }
  return undefined;
}

function placeOf(target: Target, http: HttpTarget): Place {
  const scheme = target.tls === undefined ? "http" : "https";
  return { scheme, host: target.host.toLowerCase(), port: target.port, path: http.path };
}

/** Another origin, trusted by the same store, is shown no client certificate. */
function movedTarget(target: Target, to: Place): Target {
  const tls =
    to.scheme === "http"
      ? undefined
      : {
          serverName: to.host,
          trustStore: target.tls === undefined ? target.streamtype.trustStore : target.tls.trustStore,
          clientCertificate: undefined,
          scope: target.tls?.scope ?? "redirect",
        };
  const shareKey = `${target.shareKey} > ${to.scheme}://${authorityOf(to)}`;
  return { ...target, host: to.host, port: to.port, tls, shareKey };
}

function keptHeaders(
  headers: readonly string[],
  isSameOrigin: boolean,
  keepsBody: boolean,
): readonly string[] {
  if (isSameOrigin && keepsBody) return headers;
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = `${headers[index]}`;
    const isOfBody = name.startsWith("content-");
    if (isOfBody ? !keepsBody : !isSameOrigin && !HARMLESS.has(name)) continue;
    kept.push(name, `${headers[index + 1]}`);
  }
  return kept;
}

function refuse(status: number, why: string, code?: Reason["code"]): Redirect {
  return { type: "refuse", reason: refusal(status, why, code) };
}

function refusal(status: number, why: string, code: Reason["code"] = "http-redirect"): Reason {
  return { layer: "http", code, message: `Cannot follow the redirect (status ${status}): ${why}`, status };
}
