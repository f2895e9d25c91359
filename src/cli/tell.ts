import type { Message, StateEvent } from "../index.ts";
import { type Output, printable } from "./output.ts";

/** Tells a change of a stream's state: a line on stderr, an event with `--json`. */
export function tellState(output: Output, event: StateEvent): void {
  const { streamtype, state, reason, attempt, retryIn } = event;
  output.event("state", stateFields(event));
  const { paint } = output;
  const why = reason === undefined ? "" : `: ${printable(reason.message)} ${paint.dim(`[${reason.code}]`)}`;
  const next = retryIn === undefined ? "" : `; next try in ${(retryIn / 1000).toFixed(1)} s`;
  const which = attempt > 1 && state === "connecting" ? ` (attempt ${attempt})` : "";
  const colour = COLOUR[state];
  const name = colour === undefined ? state : paint[colour](state);
  output.note(`${printable(streamtype)}: ${name}${which}${why}${next}`);
}

/** The fields of a `state` event of `--json`. */
export function stateFields({ streamtype, state, previous, reason, attempt, retryIn }: StateEvent): object {
  return {
    streamtype,
    state,
    previous: previous ?? null,
    reason: reason === undefined ? null : { layer: reason.layer, code: reason.code, message: reason.message },
    attempt,
    retryInMs: retryIn === undefined ? null : Math.round(retryIn),
  };
}

/** Tells a received message: its bytes on stdout, an event with `--json`. */
export function tellMessage(
  output: Output,
  message: Pick<Message, "payload" | "start" | "end" | "topic">,
  metadata: Readonly<Record<string, string>>,
): void {
  output.payload(message.payload);
  if (!output.json) return;
  const { start, end, topic } = message;
  const buffer = Buffer.from(message.payload);
  const utf8 = buffer.toString("utf8");
  const isText = Buffer.from(utf8, "utf8").equals(buffer);
  output.event("message", {
    start,
    end,
    encoding: isText ? "utf8" : "base64",
    data: isText ? utf8 : buffer.toString("base64"),
    metadata: topic === undefined ? metadata : { ...metadata, topic },
  });
}

const COLOUR: Readonly<Record<string, "good" | "bad" | undefined>> = {
  connected: "good",
  "qos-ack-remote": "good",
  unreachable: "bad",
  "auth-failed": "bad",
  "all-retries-failed": "bad",
  "qos-nack-remote": "bad",
  timeout: "bad",
};
