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

function newCandidate(server: Server, transport: "udp" | "tcp"): Candidate {
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

/**
 * What there is to ask, in the order of `servers`. Where the query asked others `before`, they are not asked again, and may
 * still answer; who is among both is asked as if for the first time.
 */
export function candidatesOf(
  servers: readonly Server[],
  transport: "udp" | "tcp",
  before: readonly Candidate[],
): readonly Candidate[] {
  if (before.length === 0) return servers.map((server) => newCandidate(server, transport));
  const now = servers.map((server) => {
    const known = before.find((candidate) => candidate.server === server);
    return known === undefined ? newCandidate(server, transport) : { ...known, ...UNASKED };
  });
  const gone = before.filter(({ server }) => !servers.includes(server));
  return [...now, ...gone.map((candidate) => ({ ...candidate, isOut: true }))];
}

const UNASKED = { udp: 0, tcp: 0, isOut: false, isAbsent: false } as const;

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
