import { familyOf } from "../lib/address.ts";
import { UsageError } from "../lib/errors.ts";
import type { Protocol } from "./types.ts";

/** What an `endpoint` of the policy names. Fields that the form does not say are undefined. */
export interface Endpoint {
  /** Without brackets; empty on a Unix socket. */
  readonly host: string;
  readonly unixPath: string | undefined;
  readonly port: number | undefined;
  readonly tls: boolean | undefined;
  /** Path and query without the leading slash. */
  readonly url: string | undefined;
}

/** What the beginning of a URL says. */
interface Scheme {
  readonly tls: boolean;
  readonly port: number | undefined;
  readonly protocols: readonly Protocol[];
}

const HTTP = ["h1", "h2", "h3", "ws"] as const;

export const SCHEMES: Readonly<Record<string, Scheme>> = {
  http: { tls: false, port: 80, protocols: HTTP },
  https: { tls: true, port: 443, protocols: HTTP },
  h2s: { tls: true, port: 443, protocols: ["h2"] },
  ws: { tls: false, port: 80, protocols: ["ws"] },
  wss: { tls: true, port: 443, protocols: ["ws"] },
  mqtt: { tls: false, port: 1883, protocols: ["mqtt"] },
  mqtts: { tls: true, port: 8883, protocols: ["mqtt"] },
  raw: { tls: false, port: undefined, protocols: ["raw"] },
  raws: { tls: true, port: undefined, protocols: ["raw"] },
};

/**
 * Reads an endpoint with its `${name}` filled in: `host`, an address (brackets optional), `+/path`, `+@abstract`, or
 * `scheme://host[:port]/path`, which overrides endpoint, port and path. Throws UsageError `policy-value` or
 * `unsupported`. Source: libwebsockets, secure-streams.c.
 */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith("+")) return unixEndpoint(text.slice(1));
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i.exec(text);
  if (url !== null) return urlEndpoint(text, ...(url.slice(1) as [string, string, string]));
  return { host: hostOf(text), unixPath: undefined, port: undefined, tls: undefined, url: undefined };
}

function unixEndpoint(path: string): Endpoint {
  if (path === "" || path === "@") throw fault(`"+${path}" names no Unix socket`);
  const unixPath = path.startsWith("@") ? `\0${path.slice(1)}` : path;
  return { host: "", unixPath, port: undefined, tls: undefined, url: undefined };
}

function urlEndpoint(text: string, scheme: string, authority: string, rest: string): Endpoint {
  const name = scheme.toLowerCase();
  if (name === "file") {
    throw new UsageError(
      `Cannot use endpoint "${text}": file endpoints are not supported yet`,
      "unsupported",
      "policy",
    );
  }
  const known = Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
  if (known === undefined) throw fault(`"${text}" has the unknown scheme "${scheme}"`);
  if (authority.includes("@")) throw fault(`"${text}" carries credentials; use the policy's auth instead`);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  if (parts === null) throw fault(`"${authority}" is neither host nor host:port`);
  const port = parts[2] === undefined ? known.port : Number(parts[2]);
  if (port !== undefined && (port < 1 || port > 65_535))
    throw fault(`port ${port} is not between 1 and 65535`);
  return {
    host: hostOf(`${parts[1]}`),
    unixPath: undefined,
    port,
    tls: known.tls,
    url: rest.replace(/^\/+/, ""),
  };
}

function hostOf(text: string): string {
  const isBracketed = text.startsWith("[") && text.endsWith("]");
  const host = isBracketed ? text.slice(1, -1) : text;
  if (host === "") throw fault("it is empty");
  const isAddress = familyOf(host) === 6;
  if (!isAddress && (isBracketed || /[\x00-\x20\x7f/\\?#@[\]:]/.test(host))) {
    const hint = /^[^:]*:\d*$/.test(host) ? '; a port belongs into "port"' : "";
    throw fault(`"${host}" is not a host name or address${hint}`);
  }
  return host;
}

function fault(why: string): UsageError {
  return new UsageError(`Cannot use the endpoint: ${why}`, "policy-value", "policy");
}
