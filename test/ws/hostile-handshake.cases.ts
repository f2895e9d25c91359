import type { ErrorCode } from "../../src/lib/errors.ts";
import { acceptOf, GOOD, switching } from "./frames.ts";

/** What a server answers to the handshake, none of which opens a WebSocket. */
export interface HandshakeCase {
  readonly name: string;
  readonly answer: (key: string) => string;
  readonly code: ErrorCode;
  readonly status?: number;
  /** What the message must say. */
  readonly says?: RegExp;
}

const [UPGRADE, CONNECTION] = GOOD;
const STATUSES: readonly (readonly [number, RegExp])[] = [
  [200, /200/],
  [204, /204/],
  [304, /304/],
  [400, /400/],
  [401, /401.*credentials/],
  [403, /403.*credentials/],
  [404, /404.*http_url/],
  [405, /405/],
  [407, /407/],
  [426, /426/],
  [429, /429/],
  [500, /500/],
  [502, /502/],
  [503, /503/],
  [999, /999/],
];

export const HANDSHAKES: readonly HandshakeCase[] = [
  refused("no Sec-WebSocket-Accept", (key) => switching([UPGRADE, CONNECTION], key), /Accept/),
  refused("a wrong Sec-WebSocket-Accept", () => switching(GOOD, "another key"), /Accept/),
  refused(
    "the key itself as Sec-WebSocket-Accept",
    (key) => switching([UPGRADE, CONNECTION, `Sec-WebSocket-Accept: ${key}`], key),
    /Accept/,
  ),
  refused(
    "a Sec-WebSocket-Accept in other letters",
    (key) => switching([UPGRADE, CONNECTION, `Sec-WebSocket-Accept: ${swapCase(acceptOf(key))}`], key),
    /Accept/,
  ),
  refused(
    "two Sec-WebSocket-Accepts",
    (key) => switching([...GOOD, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="], key),
    /Accept/,
  ),
  refused("no Upgrade", (key) => switching([CONNECTION, GOOD[2]], key)),
  refused(
    "an upgrade to something else",
    (key) => switching(["Upgrade: h2c", CONNECTION, GOOD[2]], key),
    /Upgrade|upgrade/,
  ),
  refused("a subprotocol that nobody asked for", extended("Sec-WebSocket-Protocol: chat"), /subprotocol/),
  refused(
    "an extension that nobody asked for",
    extended("Sec-WebSocket-Extensions: permessage-deflate"),
    /extension/,
  ),
  refused(
    "a window of 7 bits",
    extended("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7"),
    /extension/,
  ),
  refused(
    "a window of 16 bits",
    extended("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16"),
    /extension/,
  ),
  refused("an extension that makes no sense", extended("Sec-WebSocket-Extensions: ,;=;,"), /extension/),
  ...STATUSES.map(
    ([status, says]): HandshakeCase => ({
      name: `status ${status}`,
      answer: () => `HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`,
      code: "ws-handshake",
      status,
      says,
    }),
  ),
  ...[301, 302, 307, 308].map(
    (status): HandshakeCase => ({
      name: `a redirect ${status}`,
      answer: () => `HTTP/1.1 ${status} X\r\nLocation: ws://evil.example/\r\nContent-Length: 0\r\n\r\n`,
      code: "ws-handshake",
      status,
      says: /evil\.example.*redirect|redirect.*evil\.example/,
    }),
  ),
  refused("200 with all that a 101 has", (key) =>
    switching(GOOD, key).replace("101 Switching Protocols", "200 OK"),
  ),
  refused("garbage", () => "\x00\x01\x02garbage\r\n\r\n"),
  refused("a frame instead of HTTP", () => "\x81\x05hello"),
  refused("an HTTP/2 server", () => "\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
  refused("a TLS alert", () => "\x15\x03\x01\x00\x02\x02\x46"),
  tooLarge("a status line without an end", () => `HTTP/1.1 101 ${"x".repeat(100_000)}`),
  refused("a header with NUL", extended("X: a\x00b")),
  refused("a header without a colon", extended("nonsense")),
  tooLarge("1 MB in one header", extended(`X: ${"x".repeat(1_000_000)}`)),
  tooLarge("1 MB of headers", (key) =>
    switching([...GOOD, ...Array<string>(50_000).fill("X: 0123456789abcdef")], key),
  ),
  lost("nothing", () => ""),
  lost("half a status line", () => "HTTP/1.1 10"),
  lost("headers that do not end", (key) => switching(GOOD, key).slice(0, -2)),
  lost("interim responses alone", () => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)),
];

function extended(line: string): (key: string) => string {
  return (key) => switching([...GOOD, line], key);
}

function refused(name: string, answer: (key: string) => string, says = /./): HandshakeCase {
  return { name, answer, code: "ws-handshake", says };
}

function tooLarge(name: string, answer: (key: string) => string): HandshakeCase {
  return { name, answer, code: "http-headers-too-large" };
}

function lost(name: string, answer: (key: string) => string): HandshakeCase {
  return { name, answer, code: "connection-closed" };
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}
