import type { Reason } from "../../../lib/errors.ts";
import { tlsReason } from "../../dialer/index.ts";
import { codeOf, incompleteReason } from "./reason.ts";

/** Names of the error codes by number (RFC 9113, 7). */
const NAMES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];
/** What a stream is reset with, by us or the peer, when the peer's frames make no sense. */
const PROTOCOL_FAULTS = new Set([0x1, 0x3, 0x5, 0x6, 0x9]);
export const REFUSED_STREAM = 0x7;
export const CANCEL = 0x8;
export const ENHANCE_YOUR_CALM = 0xb;

/** Why a stream ended with `code` before its response was whole. `hasHead`: the response had begun. */
export function resetReason(code: number, hasHead: boolean, peer: string): Reason {
  const name = errorName(code);
  if (code === 0) return incompleteReason(peer);
  if (code === REFUSED_STREAM) {
    const message = `Cannot finish the request: ${peer} refused the stream without processing it`;
    return { layer: "http", code: "http-stream-refused", message };
  }
  if (code === ENHANCE_YOUR_CALM && !hasHead) {
    // Node resets with this code itself when headers outgrow what it keeps; a peer's own reset looks the same.
    const message = `Cannot accept the response of ${peer}: its headers are too large (reset with ${name})`;
    return { layer: "http", code: "http-headers-too-large", message };
  }
  if (PROTOCOL_FAULTS.has(code)) {
    const message = `Cannot accept the response of ${peer}: the stream was reset with ${name}`;
    return { layer: "http", code: "http-protocol", message };
  }
  return {
    layer: "http",
    code: "http-stream-reset",
    message: `Cannot finish the request: ${peer} reset the stream with ${name}`,
  };
}

/** Why a session ends that received GOAWAY with `code`. */
export function goawayReason(code: number, peer: string): Reason {
  const message = `Cannot finish the request: ${peer} closes the session with ${errorName(code)}`;
  return { layer: "http", code: code === ENHANCE_YOUR_CALM ? "http-retry-later" : "http-goaway", message };
}

/** Why a session broke, from what node:http2 or the socket says; undefined says that it just ended. */
export function sessionReason(error: unknown, peer: string): Reason {
  const tls = tlsReason(error, peer);
  if (tls !== undefined) return tls;
  const code = codeOf(error);
  if (code === "ERR_HTTP2_ERROR" || code.startsWith("ERR_HTTP2_")) {
    const text = error instanceof Error ? error.message : code;
    return {
      layer: "http",
      code: "http-protocol",
      message: `Cannot go on with the session of ${peer}: ${text}`,
    };
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    const message = `Cannot go on with the session: ${peer} reset the connection`;
    return { layer: "tcp", code: "connection-reset", message };
  }
  const message = `Cannot go on with the session: ${peer} closed the connection`;
  return { layer: "tcp", code: "connection-closed", message };
}

function errorName(code: number): string {
  return NAMES[code] ?? `error code ${code}`;
}
