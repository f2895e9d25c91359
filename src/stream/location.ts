/** Where a Location header leads, as far as a request needs it. */
export interface Place {
  readonly scheme: "http" | "https";
  /** Name or address without brackets, lower case. */
  readonly host: string;
  readonly port: number;
  /** Path and query, with one leading slash. */
  readonly path: string;
}

const DEFAULT_PORT = { http: 80, https: 443 };
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{0,5}))?$/;

/**
 * Resolves a Location against the place it came from (RFC 3986, 5.2); the fragment is dropped. Undefined for what no
 * request may be sent to: another scheme, user names, control characters, spaces, a bad port.
 */
export function resolveLocation(location: string, base: Place): Place | undefined {
  if (/[^\x21-\x7e]/.test(location)) return undefined;
  const hash = location.indexOf("#");
  const text = hash < 0 ? location : location.slice(0, hash);
  const scheme = ABSOLUTE.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    if (scheme !== "http" && scheme !== "https") return undefined;
    const rest = text.slice(scheme.length + 1);
    return rest.startsWith("//") ? absolute(scheme, rest.slice(2)) : undefined;
  }
  if (text.startsWith("//")) return absolute(base.scheme, text.slice(2));
  return { ...base, path: relative(text, base.path) };
}

/** `host`, or `host:port` where the port is not the scheme's own, with brackets around an IPv6 address. */
export function authorityOf(place: Place): string {
  const host = place.host.includes(":") ? `[${place.host}]` : place.host;
  return place.port === DEFAULT_PORT[place.scheme] ? host : `${host}:${place.port}`;
}

function absolute(scheme: "http" | "https", text: string): Place | undefined {
  const end = text.search(/[/?]/);
  const authority = end < 0 ? text : text.slice(0, end);
  const rest = end < 0 ? "" : text.slice(end);
  const match = AUTHORITY.exec(authority);
  if (match === null) return undefined;
  const [, address, name, digits] = match;
  const port = digits === undefined || digits === "" ? DEFAULT_PORT[scheme] : Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  return { scheme, host: `${address ?? name}`.toLowerCase(), port, path: withoutDots(rest) };
}

function relative(text: string, base: string): string {
  const query = base.indexOf("?");
  const path = query < 0 ? base : base.slice(0, query);
  if (text === "") return base;
  if (text.startsWith("?")) return path + text;
  if (text.startsWith("/")) return withoutDots(text);
  return withoutDots(path.slice(0, path.lastIndexOf("/") + 1) + text);
}

/** Removes the segments `.` and `..` of the path (RFC 3986, 5.2.4) and gives it one leading slash. */
function withoutDots(text: string): string {
  const query = text.indexOf("?");
  const path = query < 0 ? text : text.slice(0, query);
  const kept: string[] = [];
  const segments = path.replace(/^\/+/, "").split("/");
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === "..") kept.pop();
    if (segment !== "." && segment !== "..") kept.push(segment);
    else if (isLast) kept.push("");
  });
  return `/${kept.join("/")}${query < 0 ? "" : text.slice(query)}`;
}
