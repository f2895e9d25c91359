import type { ErrorCode } from "../../src/lib/errors.ts";

/** A response as raw bytes, and what has to come of it. */
export interface HostileCase {
  readonly name: string;
  readonly bytes: string;
  /** The body of a response that is whole, or the code it fails with. */
  readonly wanted: { readonly body: string } | ErrorCode;
  /** The connection may not carry another request. */
  readonly kills: boolean;
  readonly method?: string;
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const long = (length: number) => "a".repeat(length);

/** After each the server closes its side. */
export const CASES: readonly HostileCase[] = [
  {
    name: "differing Content-Length",
    bytes: `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "duplicate Content-Length",
    bytes: `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "negative Content-Length",
    bytes: `${OK}Content-Length: -5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "Content-Length with a plus",
    bytes: `${OK}Content-Length: +5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "huge Content-Length",
    bytes: `${OK}Content-Length: 99999999999999999999999\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "Transfer-Encoding with Content-Length",
    bytes: `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "body shorter than Content-Length",
    bytes: `${OK}Content-Length: 10\r\n\r\nhello`,
    wanted: "http-incomplete",
    kills: true,
  },
  { name: "truncated chunk", bytes: `${CHUNKED}a\r\nhello`, wanted: "http-incomplete", kills: true },
  { name: "unterminated chunks", bytes: `${CHUNKED}5\r\nhello\r\n`, wanted: "http-incomplete", kills: true },
  {
    name: "bad chunk size",
    bytes: `${CHUNKED}zz\r\nhello\r\n0\r\n\r\n`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "space before the colon",
    bytes: `${OK}Content-Length : 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "folded header",
    bytes: `${OK}X-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "lines that end in LF alone",
    bytes: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "CR alone in a header",
    bytes: `${OK}X-A: b\rc\r\nContent-Length: 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "NUL in a header",
    bytes: `${OK}X-A: b\0c\r\nContent-Length: 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "header larger than 16 KB",
    bytes: `${OK}X-A: ${long(17_000)}\r\nContent-Length: 5\r\n\r\nhello`,
    wanted: "http-headers-too-large",
    kills: true,
  },
  {
    name: "3000 headers",
    bytes: `${OK}${"X-A: bcd\r\n".repeat(3000)}Content-Length: 5\r\n\r\nhello`,
    wanted: "http-headers-too-large",
    kills: true,
  },
  { name: "HTTP/0.9", bytes: "hello", wanted: "http-protocol", kills: true },
  {
    name: "status 99",
    bytes: "HTTP/1.1 99 No\r\nContent-Length: 5\r\n\r\nhello",
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "status 1000",
    bytes: "HTTP/1.1 1000 No\r\nContent-Length: 5\r\n\r\nhello",
    wanted: "http-protocol",
    kills: true,
  },
  { name: "nothing at all", bytes: "", wanted: "connection-closed", kills: true },
  {
    name: "garbage",
    bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "HTTP/2.0 status line",
    bytes: "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "1000 interim responses",
    bytes: `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)}${OK}Content-Length: 5\r\n\r\nhello`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "a few interim responses",
    bytes: `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(5)}${OK}Content-Length: 5\r\n\r\nhello`,
    wanted: { body: "hello" },
    kills: false,
  },
  {
    name: "extra bytes after the response",
    bytes: `${OK}Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`,
    wanted: { body: "hello" },
    kills: true,
  },
  {
    name: "70 KB of chunk extension",
    bytes: `${CHUNKED}5;a=${long(70_000)}\r\nhello\r\n0\r\n\r\n`,
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "101 nobody asked for",
    bytes: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello",
    wanted: "http-protocol",
    kills: true,
  },
  {
    name: "204 with a body",
    bytes: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    wanted: { body: "" },
    kills: true,
  },
  {
    name: "body longer than Content-Length",
    bytes: `${OK}Content-Length: 3\r\n\r\nhello`,
    wanted: { body: "hel" },
    kills: true,
  },
  {
    name: "trailers larger than 16 KB",
    bytes: `${CHUNKED}5\r\nhello\r\n0\r\nX-A: ${long(17_000)}\r\n\r\n`,
    wanted: "http-headers-too-large",
    kills: true,
  },
];
