import type { DnsError } from "../../context/index.ts";
import type { ErrorCode } from "../../lib/errors.ts";

/** What programs written for `node:dns` look at. */
const NODE_CODES: Partial<Readonly<Record<ErrorCode, string>>> = {
  "not-found": "ENOTFOUND",
  "no-data": "ENOTFOUND",
  "bad-name": "ENOTFOUND",
  "server-failure": "EAI_AGAIN",
  refused: "EAI_AGAIN",
  timeout: "EAI_AGAIN",
  "no-servers": "EAI_AGAIN",
  // What getaddrinfo() of glibc says then, too.
  "too-many-files": "EAI_AGAIN",
  "cname-loop": "EAI_FAIL",
  aborted: "ECANCELLED",
};

/** libuv's numbers. */
const NUMBERS: Readonly<Record<string, number>> = { ENOTFOUND: -3008, EAI_AGAIN: -3001, ECANCELLED: -3003 };

/** The error as `dns.lookup` would give it, the resolver's own as its cause. */
export function toNodeError(error: DnsError, syscall: string, hostname: string): NodeJS.ErrnoException {
  const code = NODE_CODES[error.code] ?? "EAI_FAIL";
  const message = `${syscall} ${code} ${hostname}`;
  const errno = NUMBERS[code] ?? -3004;
  return Object.assign(new Error(message, { cause: error }), { errno, code, syscall, hostname });
}
