import { equalBytes } from "../lib/bytes.ts";
import type { Edns } from "./message.ts";

/** The option's code (RFC 7873, 4). */
export const COOKIE = 10;
export const CLIENT_COOKIE_LENGTH = 8;

/**
 * The server's half of the cookie in an answer; undefined where there is none and none is due; `wrong` when the
 * answer cannot come from who was asked, or has lost the cookie on its way.
 */
export function cookieState(
  edns: Edns | undefined,
  clientCookie: Uint8Array | undefined,
  expectsCookie: boolean,
): Uint8Array | undefined | "wrong" {
  if (clientCookie === undefined) return undefined;
  const value = edns?.options.find(({ code }) => code === COOKIE)?.value;
  if (value === undefined) return expectsCookie ? "wrong" : undefined;
  const hasLength = value.length === CLIENT_COOKIE_LENGTH || (value.length >= 16 && value.length <= 40);
  if (!hasLength || !equalBytes(value.subarray(0, CLIENT_COOKIE_LENGTH), clientCookie)) return "wrong";
  if (value.length > CLIENT_COOKIE_LENGTH) return value.slice(CLIENT_COOKIE_LENGTH);
  return expectsCookie ? "wrong" : undefined;
}
