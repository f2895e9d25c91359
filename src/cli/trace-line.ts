import type { DnsFailure, TraceEvent } from "../dns/index.ts";
import { type Output, printable } from "./output.ts";

type Reason = Extract<TraceEvent, { readonly step: "dropped" }>["reason"];

/** Why a packet was not taken as an answer. */
const REASONS: Readonly<Record<Reason, string>> = {
  short: "it is shorter than a header",
  id: "its id is of no question that waits; it may be forged, so the answer must now come over TCP",
  "not-a-response": "it is no response",
  question: "it answers another question; it may be forged, so the answer must now come over TCP",
  casing: "the letters of the name have another case; it may be forged, so the answer must now come over TCP",
  malformed: "it is malformed",
  cookie: "its cookie is missing or wrong; it may be forged, so the answer must now come over TCP",
};

const OUTCOMES: Readonly<Record<string, string>> = {
  records: "answered",
  alias: "an alias; its target is asked for",
  "no-data": "the name has no such records",
  "not-found": "no such name",
  "cname-loop": "an alias that leads back to itself, or too far",
  "bad-name": "an alias to what is no host's name",
  truncated: "too large for a datagram; asked again over TCP",
  "without-edns": "the server does not know EDNS; asked again without",
  "cookie-again": "the server wants its cookie; asked again with it",
  "server-failure": "the server failed",
  refused: "the server refused to answer",
} satisfies Partial<Record<DnsFailure, string>> & Record<string, string>;

/** One step of a query as a line for people, `since` milliseconds after it began; undefined where there is nothing to add. */
export function traceLine(event: TraceEvent, since: number, paint: Output["paint"]): string | undefined {
  const at = `${since.toFixed(1).padStart(8)} ms `;
  switch (event.step) {
    case "sent":
      return paint.dim(`${at} -> ${way(event)} (${event.size} bytes)`);
    case "received": {
      const outcome = OUTCOMES[event.outcome] ?? event.outcome;
      return `${at} <- ${way(event)}: ${outcome} (${event.size} bytes, ${event.ms.toFixed(1)} ms)`;
    }
    case "dropped":
      return paint.bad(`${at} <- ${event.server}: ${event.size} bytes dropped: ${REASONS[event.reason]}`);
    case "silent":
      return paint.bad(`${at} .. ${way(event)}: no answer for ${event.ms.toFixed(0)} ms`);
    case "unreachable": {
      const why = event.code === "ECONNREFUSED" ? "nobody listens there" : "cannot be reached";
      return paint.bad(`${at} xx ${way(event)}: ${why} (${event.code})`);
    }
    default:
      return undefined;
  }
}

function way(event: {
  readonly server: string;
  readonly transport?: string;
  readonly name: string;
  readonly of: string;
}): string {
  const over = event.transport === undefined ? "" : ` ${event.transport}`;
  return `${event.server}${over} ${printable(event.name)} ${event.of}`;
}
