import type { Reason } from "../../../lib/errors.ts";

export function validityReason(peer: string): Reason {
  const message = `Cannot go on with the connection: ${peer} showed no sign of life within \`svalidhup\``;
  return { layer: "http", code: "validity-timeout", message };
}

export function incompleteReason(peer: string): Reason {
  const message = `Cannot accept the response of ${peer}: it ended before it was complete`;
  return { layer: "http", code: "http-incomplete", message };
}

/** The `code` of a Node error; empty where it has none. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}
