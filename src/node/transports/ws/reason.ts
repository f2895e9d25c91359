import type { ErrorCode, Reason } from "../../../lib/errors.ts";
import { codeOf } from "../../dialer/index.ts";
import { socketReason } from "../socket-reason.ts";

/** Names of the status codes of a close frame (RFC 6455, 7.4.1 and its registry). */
const CLOSE_NAMES: Readonly<Record<number, string>> = {
  1000: "normal",
  1001: "going away",
  1002: "protocol error",
  1003: "unsupported data",
  1005: "without a status",
  1007: "invalid payload",
  1008: "policy violation",
  1009: "message too big",
  1010: "extension missing",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
};

/** What the `ws` package says of a 101 that is none. */
const UPGRADE_FAULTS: Readonly<Record<string, string>> = {
  "Invalid Upgrade header": "its 101 does not upgrade to websocket",
  "Invalid Sec-WebSocket-Accept header": "its Sec-WebSocket-Accept does not answer our key",
  "Server sent a subprotocol but none was requested": "it chose a subprotocol, and none was asked for",
  "Server sent an invalid subprotocol": "it chose a subprotocol that was not asked for",
  "Server sent no subprotocol": "it chose none of the subprotocols asked for; see `ws_subprotocol`",
  "Server sent a Sec-WebSocket-Extensions header but no extension was requested":
    "it chose an extension, and none was asked for",
};

const TOO_LARGE = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS",
]);

const STATUS_ADVICE: Readonly<Record<number, string>> = {
  401: " (unauthorized): it wants credentials, or others; see `http_auth_header`",
  403: " (forbidden): these credentials may not open it",
  404: " (not found): is `http_url` right?",
  426: " (upgrade required): it speaks another version of WebSocket",
  429: " (too many requests)",
  503: " (unavailable)",
};

/** Why the upgrade failed, from what the `ws` package, node:http or the socket says. */
export function handshakeReason(error: unknown, peer: string): Reason {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === "HPE_HEADER_OVERFLOW") {
    return refusal("http-headers-too-large", peer, "the headers of its answer are larger than allowed");
  }
  if (code.startsWith("HPE_")) return refusal("ws-handshake", peer, `its answer is not HTTP/1.1: ${text}`);
  if (text === "socket hang up") {
    const message = `Cannot open the WebSocket: ${peer} closed the connection before it answered`;
    return { layer: "tcp", code: "connection-closed", message };
  }
  if (code !== "" && !code.startsWith("ERR_INVALID")) return socketReason(error, peer);
  return refusal("ws-handshake", peer, UPGRADE_FAULTS[text] ?? text);
}

/** Why a peer's answer other than 101 opens no WebSocket. */
export function statusReason(status: number, location: string | undefined, peer: string): Reason {
  const isRedirect = status >= 300 && status <= 399 && location !== undefined;
  const advice = isRedirect
    ? ` and points to ${quoted(location.slice(0, 200))}; redirects of an upgrade are not followed`
    : (STATUS_ADVICE[status] ?? "");
  return { ...refusal("ws-handshake", peer, `it answered ${status}${advice}`), status };
}

/** Why an open WebSocket broke. */
export function brokenReason(error: unknown, peer: string): Reason {
  const code = codeOf(error);
  if (!code.startsWith("WS_ERR_")) return socketReason(error, peer);
  const text = error instanceof Error ? error.message : code;
  const message = `Cannot go on with the WebSocket of ${peer}: ${text}`;
  return { layer: "ws", code: TOO_LARGE.has(code) ? "ws-too-large" : "ws-protocol", message };
}

/** The peer ended the WebSocket with a close frame. */
export function closeFrameReason(code: number, text: Uint8Array, peer: string): Reason {
  const name = CLOSE_NAMES[code];
  const which = code === 1005 ? "without a status" : `${code}${name === undefined ? "" : ` (${name})`}`;
  const said = text.length === 0 ? "" : `: ${quoted(new TextDecoder().decode(text))}`;
  const message = `Cannot go on: ${peer} closed the WebSocket, ${which}${said}`;
  return { layer: "ws", code: "ws-closed", message };
}

/** The peer did not answer the upgrade in time. */
export function unansweredReason(wait: number, peer: string): Reason {
  const message = `Cannot open the WebSocket: no answer of ${peer} to the upgrade within ${wait} ms`;
  return { layer: "ws", code: "connection-timeout", message };
}

/** The policy's path, headers or subprotocols are such that no request can carry them. */
export function unsayableReason(error: unknown, peer: string): Reason {
  const why = error instanceof Error ? error.message : String(error);
  return { layer: "policy", code: "policy-value", message: `Cannot ask ${peer} for a WebSocket: ${why}` };
}

function refusal(code: ErrorCode, peer: string, why: string): Reason {
  return { layer: "ws", code, message: `Cannot open the WebSocket with ${peer}: ${why}` };
}

/** A peer's words, without power over a log or a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029]/g, "?");
}
