import { type LookupAddress, lookup } from "node:dns";
import type { HostResolver, Resolution, ResolveEvents } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { codeOf } from "./connect-reason.ts";

type Lookup = (
  host: string,
  answered: (error: Error | null, found: readonly LookupAddress[]) => void,
) => void;

/** Asks the operating system (`getaddrinfo`), for names that only it knows (nsswitch.conf: mDNS, LDAP); at most two at a time. */
export class SystemResolver implements HostResolver {
  readonly #lookup: Lookup;

  constructor(ask: Lookup = (host, answered) => lookup(host, { all: true, verbatim: true }, answered)) {
    this.#lookup = ask;
  }

  resolve(host: string, events: ResolveEvents): Resolution {
    let isCancelled = false;
    this.#lookup(host, (error, found) => {
      if (isCancelled) return;
      if (error !== null) {
        const reason = lookupReason(error, host);
        events.done(6, reason);
        if (!isCancelled) events.done(4, reason);
        return;
      }
      for (const family of [6, 4] as const) {
        const addresses = found.filter((each) => each.family === family).map((each) => each.address);
        if (isCancelled) return;
        if (addresses.length > 0) events.addresses(family, addresses);
        if (!isCancelled) events.done(family, addresses.length > 0 ? undefined : noAddress(host, family));
      }
    });
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }
}

function lookupReason(error: unknown, host: string): Reason {
  const code = codeOf(error);
  switch (code) {
    case "ENOTFOUND":
      return {
        layer: "dns",
        code: "not-found",
        message: `Cannot resolve "${host}": no such name; is it spelt right?`,
      };
    case "ENODATA":
      return { layer: "dns", code: "no-data", message: `Cannot resolve "${host}": the name has no address` };
    case "EAI_AGAIN":
      return {
        layer: "dns",
        code: "server-failure",
        message: `Cannot resolve "${host}": no name server answered; is this machine online?`,
      };
    case "ETIMEOUT":
      return {
        layer: "dns",
        code: "dns-timeout",
        message: `Cannot resolve "${host}": no name server answered in time`,
      };
    case "EMFILE":
    case "ENFILE":
      return {
        layer: "dns",
        code: "too-many-files",
        message: `Cannot resolve "${host}": this process has no free file descriptor; raise \`ulimit -n\``,
      };
    default:
      return {
        layer: "dns",
        code: "dns-failed",
        message: `Cannot resolve "${host}": ${code === "" ? String(error) : code}`,
      };
  }
}

function noAddress(host: string, family: number): Reason {
  return {
    layer: "dns",
    code: "no-data",
    message: `Cannot resolve "${host}": it has no IPv${family} address`,
  };
}
