import type { Reason } from "../../lib/errors.ts";
import { codeOf, connectReason, tlsReason } from "../dialer/index.ts";

/** The reason behind the error of a socket that was connected to `peer`. */
export function socketReason(error: unknown, peer: string): Reason {
  const tls = tlsReason(error, peer);
  if (tls !== undefined) return tls;
  const { code, layer } = connectReason(error, peer);
  const name = codeOf(error);
  const detail = name === "" && error instanceof Error ? error.message : name;
  const why = code === "connection-reset" ? "reset the connection" : "was lost";
  return { layer, code, message: `Cannot go on: ${peer} ${why} (${detail})` };
}

/** The peer ended the connection, and nothing was wrong with it. */
export function closedReason(peer: string): Reason {
  return {
    layer: "tcp",
    code: "connection-closed",
    message: `Cannot go on: ${peer} closed the connection`,
  };
}
