import type { DnsFailure } from "../../dns/index.ts";
import { type Reason, SecureStreamsError } from "../../lib/errors.ts";

const SENTENCES: Readonly<Record<DnsFailure, string>> = {
  "not-found": "no such name",
  "no-data": "the name has no such records",
  "server-failure": "the name server failed",
  refused: "the name server refused",
  timeout: "no name server answered in time",
  "cname-loop": "the name is an alias that leads nowhere, or too far",
  "no-servers": "no name server is configured, or none of them can be reached",
  "too-many-files": "this process has no free file descriptor to ask a name server with",
  "bad-name": "it is not a valid name",
  aborted: "the lookup was aborted",
};

/** Why a lookup has no answer. `code` is one of `DnsFailure`. */
export class DnsError extends SecureStreamsError {
  override readonly name = "DnsError";
  /** The name as it was asked for. */
  readonly hostname: string;

  constructor(code: DnsFailure, hostname: string, cause?: unknown) {
    super({ layer: "dns", code, message: sentence(code, hostname) }, { cause });
    this.hostname = hostname;
  }
}

/** The same as a stream's reason, where `timeout` is said of the stream. */
export function dnsReason(code: DnsFailure, hostname: string): Reason {
  return { layer: "dns", code: code === "timeout" ? "dns-timeout" : code, message: sentence(code, hostname) };
}

function sentence(code: DnsFailure, hostname: string): string {
  return `Cannot resolve "${hostname}": ${SENTENCES[code]}`;
}
