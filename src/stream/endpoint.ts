import { UsageError } from "../lib/errors.ts";

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

const PLAIN_SCHEMES: ReadonlySet<string> = new Set(["http", "ws", "mqtt", "raw"]);
const TLS_SCHEMES: ReadonlySet<string> = new Set(["https", "wss", "mqtts", "raws", "h2s"]);
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  http: 80,
  ws: 80,
  https: 443,
  wss: 443,
  h2s: 443,
  mqtt: 1883,
  mqtts: 8883,
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

/** Whether `host` is an IP address; such a host is never asked of a name server nor sent as SNI. */
export function isAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
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
  const tls = PLAIN_SCHEMES.has(name) ? false : TLS_SCHEMES.has(name) ? true : undefined;
  if (tls === undefined) throw fault(`"${text}" has the unknown scheme "${scheme}"`);
  if (authority.includes("@")) throw fault(`"${text}" carries credentials; use the policy's auth instead`);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority);
  if (parts === null) throw fault(`"${authority}" is neither host nor host:port`);
  const port = parts[2] === undefined ? DEFAULT_PORTS[name] : Number(parts[2]);
  if (port !== undefined && (port < 1 || port > 65_535))
    throw fault(`port ${port} is not between 1 and 65535`);
  return { host: hostOf(`${parts[1]}`), unixPath: undefined, port, tls, url: rest.replace(/^\/+/, "") };
}

function hostOf(text: string): string {
  const host = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (host === "") throw fault("it is empty");
  if (/[\x00-\x20\x7f/\\?#@[\]]/.test(host)) throw fault(`"${host}" is not a host name or address`);
  return host;
}

function fault(why: string): UsageError {
  return new UsageError(`Cannot use the endpoint: ${why}`, "policy-value", "policy");
}
