import type { Server } from "./server.ts";

/** A server and what one query has tried with it. */
export interface Candidate {
  readonly server: Server;
  transport: "udp" | "tcp";
  udp: number;
  tcp: number;
  /** It will not answer this query. */
  isOut: boolean;
  /** Its host has just said that nobody listens. */
  isAbsent: boolean;
  /** It is asked in lower case, because it changes letters and does not speak TCP. */
  isPlain: boolean;
  hasBadCookie: boolean;
  /** TCP was tried, and failed. */
  hasNoTcp: boolean;
}

export function newCandidate(server: Server, transport: "udp" | "tcp"): Candidate {
  return {
    server,
    transport,
    udp: 0,
    tcp: 0,
    isOut: false,
    isAbsent: false,
    isPlain: false,
    hasBadCookie: false,
    hasNoTcp: false,
  };
}

/** Sends over the transport that it is asked by now. */
export function sends({ transport, udp, tcp }: Candidate): number {
  return transport === "udp" ? udp : tcp;
}

/** The one that was asked least, and less than `limit` times; the first of these. */
export function nextCandidate(candidates: readonly Candidate[], limit: number): Candidate | undefined {
  let next: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.isOut || sends(candidate) >= limit) continue;
    if (next === undefined || sends(candidate) < sends(next)) next = candidate;
  }
  return next;
}
