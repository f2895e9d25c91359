import { type ErrorCode, SecureStreamsError } from "../lib/errors.ts";

/** What the process ends with. */
export const EXIT = {
  done: 0,
  refused: 1,
  usage: 2,
  unreachable: 3,
  timeout: 4,
  notPermitted: 5,
  internal: 70,
  /** SIGINT or SIGTERM came before everything was done. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const CODES: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  usage: EXIT.usage,
  unsupported: EXIT.usage,
  "interface-missing": EXIT.usage,
  "streamtype-unknown": EXIT.usage,
  "metadata-unknown": EXIT.usage,
  "metadata-unsafe": EXIT.usage,
  "blob-missing": EXIT.usage,
  "http-status": EXIT.refused,
  "mqtt-publish-refused": EXIT.refused,
  "mqtt-not-acknowledged": EXIT.refused,
  timeout: EXIT.timeout,
  "not-permitted": EXIT.notPermitted,
  internal: EXIT.internal,
};

/** The exit code that tells a script what `error` was. */
export function exitCodeFor(error: unknown): ExitCode {
  if (!(error instanceof SecureStreamsError)) return EXIT.internal;
  // A policy that no server gave: whoever waits and tries again may get it.
  if (error.code === "policy-unreadable" && error.cause instanceof SecureStreamsError) {
    const code = exitCodeFor(error.cause);
    return code === EXIT.unreachable || code === EXIT.timeout ? code : EXIT.usage;
  }
  if (error.code !== "all-retries-failed") return codeOf(error);
  const last = error.cause instanceof SecureStreamsError ? codeOf(error.cause) : codeOf(error);
  return last === EXIT.usage || last === EXIT.notPermitted ? last : EXIT.unreachable;
}

function codeOf({ code, layer }: SecureStreamsError): ExitCode {
  return CODES[code] ?? (layer === "policy" ? EXIT.usage : EXIT.unreachable);
}
