import type { Reason } from "../../../lib/errors.ts";
import { mqttReason } from "../../../mqtt/index.ts";
import { tlsReason } from "../../dialer/index.ts";

/** Why a connection to the broker `peer` ended, and by whom. */

export function silentReason(peer: string): Reason {
  return mqttReason("validity-timeout", `The broker ${peer} showed no sign of life in time`);
}

export function closedReason(peer: string, hasHeard: boolean): Reason {
  const message = hasHeard
    ? `The broker ${peer} closed the connection`
    : `The broker ${peer} closed the connection without an answer to CONNECT`;
  return { layer: "tcp", code: "connection-closed", message };
}

export function failedReason(peer: string, error: Error): Reason {
  const tls = tlsReason(error, peer);
  if (tls !== undefined) return tls;
  const message = `The connection to the broker ${peer} failed: ${error.message}`;
  return { layer: "tcp", code: "connection-reset", message };
}

/**
 * Whether the peer did it. One that closes with bytes unread resets the connection; the network may have done the same, so
 * this alone proves nothing.
 */
export function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || error.code === "EPIPE";
}
