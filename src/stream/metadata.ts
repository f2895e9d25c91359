import { UsageError } from "../lib/errors.ts";
import { shortened } from "../lib/shortened.ts";
import type { MetadataItem, Streamtype } from "../policy/index.ts";

/** Values by metadata name. An item that is declared and not set expands to nothing and sends no header. */
export type MetadataValues = Readonly<Record<string, string | undefined>>;

/** What a value is put into decides which characters would break out of it. */
export type Place =
  | "endpoint"
  | "url"
  | "path"
  | "segment"
  | "query"
  | "parameter name"
  | "parameter"
  | "topic"
  | "header"
  | "text";

/**
 * Fills `${name}` in `template` from `values`. A `$` without `{` stands for itself. `place` may depend on which of
 * them it is, from 0.
 *
 * Throws UsageError `metadata-unknown` for a name that the streamtype does not declare and `metadata-unsafe` for a
 * value that would change the shape of `place`. Policy: `endpoint`, `http_url`, `mqtt_topic` and their kin.
 */
export function expand(
  template: string,
  streamtype: Streamtype,
  values: MetadataValues,
  place: Place | ((index: number) => Place),
): string {
  if (!template.includes("${")) return template;
  let index = 0;
  return template.replace(/\$\{([^{}]*)\}/g, (_, name: string) => {
    const { name: key } = requireDeclared(streamtype, name);
    const value = (Object.hasOwn(values, key) ? values[key] : undefined) ?? "";
    requireSafe(name, value, typeof place === "function" ? place(index) : place);
    index += 1;
    return value;
  });
}

/**
 * The declared item called `name`; with `direct_proto_str` any header is one, under its name in lower case without the
 * colon.
 */
export function metadataItem(streamtype: Streamtype, name: string): MetadataItem | undefined {
  const declared = streamtype.metadata.find((item) => item.name === name);
  if (declared !== undefined) return declared;
  if (!streamtype.directProtocolStrings) return undefined;
  const header = headerName(name);
  return /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(header) ? { name: header, header } : undefined;
}

/** Lower case, without the colon that lws policies write. */
export function headerName(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower.endsWith(":") ? lower.slice(0, -1) : lower;
}

/** Throws UsageError `metadata-unknown` with the names that exist. */
export function requireDeclared(streamtype: Streamtype, name: string): MetadataItem {
  const item = metadataItem(streamtype, name);
  if (item !== undefined) return item;
  const known = streamtype.metadata.map((each) => `"${each.name}"`).join(", ") || "none";
  throw new UsageError(
    `Cannot set metadata "${printable(name)}": streamtype "${streamtype.name}" declares ${known}`,
    "metadata-unknown",
  );
}

/** Throws UsageError `metadata-unsafe` where `value` would break out of `place`. */
export function requireSafe(name: string, value: string, place: Place): void {
  if (typeof value !== "string") {
    throw new UsageError(
      `Cannot use metadata "${printable(name)}": its value is not a string`,
      "metadata-unsafe",
    );
  }
  const fault = shapeFault(value, place);
  if (fault === undefined) return;
  throw new UsageError(
    `Cannot use metadata "${printable(name)}": its value "${printable(value)}" holds ${fault}, which would change the ${place} it is put into`,
    "metadata-unsafe",
  );
}

/** The same of what the device knows about itself, which is never printed. */
export function requireSafeBlob(name: string, value: string): void {
  const fault = typeof value === "string" ? shapeFault(value, "header") : "something that is no text";
  if (fault === undefined) return;
  throw new UsageError(
    `Cannot use "${name}": its value holds ${fault}, which would change the header it is put into`,
    "metadata-unsafe",
  );
}

/** `values` under the names of their items. Throws UsageError `metadata-unknown` or `metadata-unsafe`. */
export function namedMetadata(streamtype: Streamtype, values: MetadataValues): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) {
    const item = requireDeclared(streamtype, name);
    if (value === undefined) continue;
    requireSafe(name, value, "text");
    named[item.name] = value;
  }
  return named;
}

/** Header values for `streamtype.metadata`, names in lower case alternating with values. */
export function metadataHeaders(streamtype: Streamtype, values: MetadataValues): string[] {
  const headers: string[] = [];
  for (const name of Object.keys(values)) {
    const value = trimmed(values[name] ?? "");
    if (value === "") continue;
    const { header } = requireDeclared(streamtype, name);
    if (header === undefined) continue;
    requireSafe(name, value, "header");
    requireOwn(name, header, value);
    headers.push(header, value);
  }
  return headers;
}

/**
 * Without outer spaces, which are no part of a header's value (RFC 9110, 5.5): a peer of HTTP/1.1 drops them, in HTTP/2
 * they make the header malformed (RFC 9113, 8.2.1).
 */
export function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (value[start] === " ") start += 1;
  while (end > start && value[end - 1] === " ") end -= 1;
  return value.slice(start, end);
}

/** What the peer's `headers` (names in lower case alternating with values) say for the declared items. */
export function receivedMetadata(streamtype: Streamtype, headers: readonly string[]): Record<string, string> {
  const received: Record<string, string> = Object.create(null);
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [header, value] = headers.slice(index, index + 2) as [string, string];
    for (const item of streamtype.metadata) {
      if (item.header !== undefined && item.header === header) join(received, item.name, header, value);
    }
    if (streamtype.directProtocolStrings && !streamtype.metadata.some(({ name }) => name === header)) {
      join(received, header, header, value);
    }
  }
  return received;
}

/**
 * The values of the header `name` (in lower case) in one: parted by a comma (RFC 9110, 5.3), those of Set-Cookie, which
 * hold commas, by a line end. Undefined where there is none.
 */
export function headerValue(headers: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [header, value] = headers.slice(index, index + 2) as [string, string];
    if (header === name) found = joined(found, name, value);
  }
  return found;
}

function join(received: Record<string, string>, name: string, header: string, value: string): void {
  received[name] = joined(received[name], header, value);
}

function joined(earlier: string | undefined, header: string, value: string): string {
  if (earlier === undefined) return value;
  return `${earlier}${header === "set-cookie" ? "\n" : ", "}${value}`;
}

/**
 * Headers that say how the message is framed or what the connection does: another value would be an instruction to the
 * peer that the program cannot keep, and in HTTP/2 most of them end the session for all its streams (RFC 9113, 8.2.2).
 */
const OF_THE_PROTOCOL =
  /^(connection|expect|host|http2-settings|keep-alive|proxy-connection|sec-websocket-.*|te|trailer|transfer-encoding|upgrade)$/;

function requireOwn(name: string, header: string, value: string): void {
  if (header === "content-length" ? /^\d{1,15}$/.test(value) : !OF_THE_PROTOCOL.test(header)) return;
  throw new UsageError(
    `Cannot use metadata "${printable(name)}": the header "${header}" with the value "${printable(value)}" would change the shape of the request`,
    "metadata-unsafe",
  );
}

/** What ends the part that a value is put into, or begins another; a `%` that is not one of an escape would take part of what follows. */
const BREAKERS: Readonly<Partial<Record<Place, readonly [RegExp, string]>>> = {
  url: [/[\s#]/, "a space or fragment mark"],
  path: [/[\s#?]/, "a space, question mark or fragment mark"],
  segment: [/[\s#?/\\;]|%(?![0-9a-f]{2})/i, "a space, a separator of paths (/ \\ ? # ;) or a bare %"],
  query: [/[\s#]/, "a space or fragment mark"],
  "parameter name": [/[\s#&;=]|%(?![0-9a-f]{2})/i, "a space, a separator of queries (& ; = #) or a bare %"],
  parameter: [/[\s#&;]|%(?![0-9a-f]{2})/i, "a space, a separator of queries (& ; #) or a bare %"],
  topic: [/[+#]/, "a topic wildcard"],
};

function shapeFault(value: string, place: Place): string | undefined {
  if (/[\x00-\x1f\x7f-\x9f]/.test(value)) return "a control character";
  if (/[\ud800-\udfff]/u.test(value)) return "half a character (a lone surrogate)";
  if (place === "header" && /[^\x00-\xff]/.test(value)) return "a character beyond ISO 8859-1";
  if (place === "endpoint" && (/^\+|[/\\?#@\s[\]%]/.test(value) || !isColonLawful(value))) {
    return "a separator of URLs";
  }
  const breaker = BREAKERS[place];
  if (breaker?.[0].test(value) === true) return breaker[1];
  return undefined;
}

/** A colon stands in an IPv6 address; elsewhere it would begin a port. */
function isColonLawful(value: string): boolean {
  return !value.includes(":") || /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i.test(value);
}

function printable(text: string): string {
  const short = shortened(text, 60);
  return short.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
