import { familyOf } from "../lib/address.ts";
import { encodeUtf8 } from "../lib/bytes.ts";

/** A SOCKS5 proxy, and who asks it. Policy: `via-socks5`. */
export interface Socks5Address {
  /** Name or address without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Undefined offers the proxy no credentials. */
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What a text was read as, or why it is no proxy, and what was probably meant. Neither tells the credentials. */
export type Socks5Reading =
  | { readonly proxy: Socks5Address }
  | { readonly proxy: undefined; readonly why: string; readonly suggestion: string | undefined };

/** RFC 1928, 5 and RFC 1929, 2: each length is one byte. */
const MOST_BYTES = 255;
const USUAL_PORT = 1080;
/** `[address]:port` or `name:port`, the port as it is written. */
const ADDRESS = /^(?:\[([^[\]]+)\]|([^\s/\\?#[\]:%]+))(?::([^:]*))?$/;

/**
 * Reads `host:port`, `user@host:port` or `user:password@host:port`; an IPv6 address stands in brackets. The password
 * is taken as it is written, up to the last `@`, and the name up to the first colon.
 */
export function readSocks5(text: string): Socks5Reading {
  const at = text.lastIndexOf("@");
  const address = text.slice(at + 1);
  const [whole, bracketed, name, written] = ADDRESS.exec(address) ?? [];
  const host = bracketed ?? name ?? "";
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const rest = text.replace(/^[^/]*\/\/([^/]*)\/?$/, "$1");
    return fault("it is written without a scheme", at < 0 && readSocks5(rest).proxy ? rest : undefined);
  }
  if (whole === undefined || (bracketed !== undefined && familyOf(bracketed) !== 6)) {
    if (familyOf(address) !== 6) return fault("expected host:port or user:password@host:port");
    return fault("an IPv6 address stands in brackets", at < 0 ? `[${address}]:${USUAL_PORT}` : undefined);
  }
  if (written === undefined || written === "") {
    const hint = address.replace(/:?$/, `:${USUAL_PORT}`);
    return fault("it has no port", at < 0 ? hint : undefined);
  }
  const port = /^\d{1,5}$/.test(written) ? Number(written) : 0;
  if (port < 1 || port > 65_535) return fault("its port is not between 1 and 65535");
  const [username, password] = credentials(text.slice(0, Math.max(0, at)));
  if (at >= 0 && username === undefined) return fault("it has no name before the @");
  if ([host, username, password].some((part) => encodeUtf8(part ?? "").length > MOST_BYTES)) {
    return fault("host, name and password may have 255 bytes each");
  }
  return { proxy: { host, port, username, password } };
}

/** The proxy as people may see it: without the password. */
export function socks5Text({ host, port, username, password }: Socks5Address): string {
  const who = username === undefined ? "" : `${username}${password === undefined ? "" : ":***"}@`;
  return `${who}${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function credentials(text: string): readonly [string | undefined, string | undefined] {
  const colon = text.indexOf(":");
  const username = colon < 0 ? text : text.slice(0, colon);
  return [username === "" ? undefined : username, colon < 0 ? undefined : text.slice(colon + 1)];
}

function fault(why: string, suggestion?: string): Socks5Reading {
  return { proxy: undefined, why, suggestion };
}
