import type { Reason } from "../../../lib/errors.ts";
import { tlsReason } from "../../dialer/index.ts";
import type { Progress } from "./call.ts";
import { codeOf, incompleteReason } from "./reason.ts";

/**
 * The reason behind an error of undici or of the socket under it; many have no code, so the class decides. `hasEnded`:
 * the peer had closed its side.
 */
export function h1Reason(error: unknown, progress: Progress, hasEnded: boolean, peer: string): Reason {
  const code = codeOf(error);
  const name = error instanceof Error ? error.name : "";
  const text = error instanceof Error ? error.message : String(error);
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    const message = `Cannot accept the response of ${peer}: its headers are larger than 16 KB`;
    return { layer: "http", code: "http-headers-too-large", message };
  }
  const isBroken = name === "HTTPParserError" || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH";
  if (isBroken && hasEnded) return incompleteReason(peer);
  if (isBroken || text === "bad response" || text === "bad upgrade") {
    return {
      layer: "http",
      code: "http-protocol",
      message: `Cannot accept the response of ${peer}: ${text}`,
    };
  }
  const tls = tlsReason(error, peer);
  if (tls !== undefined) return tls;
  if (progress === "answered") return incompleteReason(peer);
  if (code === "ECONNRESET" || code === "EPIPE") {
    const message = `Cannot finish the request: ${peer} reset the connection before it answered`;
    return { layer: "tcp", code: "connection-reset", message };
  }
  if (code === "UND_ERR_SOCKET" || code === "UND_ERR_INFO" || code === "UND_ERR_DESTROYED") {
    const message = `Cannot finish the request: ${peer} closed the connection before it answered`;
    return { layer: "tcp", code: "connection-closed", message };
  }
  return { layer: "http", code: "internal", message: `Cannot finish the request to ${peer}: ${text}` };
}
