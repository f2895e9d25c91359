import type { Reason } from "../../lib/errors.ts";

/** Why a link ends whose context is closed. */
export const CLOSED: Reason = {
  layer: "stream",
  code: "closed",
  message: "Cannot go on: the context was closed",
};

/** How messages are lost that were under way when the stream closed its link. */
export const LINK_CLOSED: Reason = {
  layer: "stream",
  code: "connection-lost",
  message: "Cannot confirm the message: the stream closed the connection before it was written",
};
