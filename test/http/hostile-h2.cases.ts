import type { ErrorCode } from "../../src/lib/errors.ts";
import * as f from "./frames.ts";
import { field, frame, STATUS_200, settings, uint32 } from "./frames.ts";

/** What the server sends after it has seen the request on stream 1, and what has to come of it. */
export interface HostileCase {
  readonly name: string;
  readonly bytes: Buffer;
  readonly wanted: ErrorCode | "complete";
}

const HEAD = frame(f.HEADERS, f.END_HEADERS, 1, STATUS_200);
const GOOD = f.response(1, "hello");
const WHOLE_HEAD = f.END_HEADERS | f.END_STREAM;

function cases(wanted: HostileCase["wanted"], list: Readonly<Record<string, Buffer | readonly Buffer[]>>) {
  return Object.entries(list).map(([name, bytes]) => ({
    name,
    wanted,
    bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.concat([...bytes, GOOD]),
  }));
}

const head = (...fields: readonly Buffer[]) => frame(f.HEADERS, WHOLE_HEAD, 1, Buffer.concat(fields));

/** A response head of about `size` bytes, in frames of 16 KB. */
function bigHead(size: number): Buffer {
  const count = Math.ceil(size / 200);
  const block = Buffer.concat([STATUS_200, ...Array<Buffer>(count).fill(field("x-a", "b".repeat(195)))]);
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += 16_000) {
    const isLast = at + 16_000 >= block.length;
    const flags = (isLast ? f.END_HEADERS : 0) | (at === 0 ? f.END_STREAM : 0);
    frames.push(frame(at === 0 ? f.HEADERS : f.CONTINUATION, flags, 1, block.subarray(at, at + 16_000)));
  }
  return Buffer.concat(frames);
}

/** An array is followed by a good response, which must not be believed. */
export const CASES: readonly HostileCase[] = [
  ...cases("complete", {
    "a good response": GOOD,
    "a frame of unknown type": [frame(0xfa, 0xff, 0, "whatever"), frame(0xfa, 0xff, 1, "whatever")],
    "reserved bits and flags": [frame(f.PING, 0xfe, 0x80000000, "12345678")],
    "an unknown setting": [settings([0xfafa, 1])],
    "a priority": [frame(f.PRIORITY, 0, 1, [0, 0, 0, 3, 5])],
    "GOAWAY that spares the stream": [frame(f.GOAWAY, 0, 0, uint32(1, 0))],
    "a few interim responses": [
      ...Array<Buffer>(5).fill(frame(f.HEADERS, f.END_HEADERS, 1, field(":status", "103"))),
    ],
    trailers: Buffer.concat([HEAD, frame(f.DATA, 0, 1, "hello"), head(field("x-sum", "1"))]),
    "PUSH_PROMISE before our settings are acknowledged": [
      frame(f.PUSH_PROMISE, f.END_HEADERS, 1, Buffer.concat([uint32(2), STATUS_200])),
    ],
    "a padded body": Buffer.concat([HEAD, frame(f.DATA, f.PADDED | f.END_STREAM, 1, "\x03hello\0\0\0")]),
  }),
  ...cases("http-protocol", {
    "HTTP/1.1": Buffer.from("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "a frame larger than allowed": [frame(f.DATA, 0, 1, Buffer.alloc(16_385))],
    "DATA on stream 0": [frame(f.DATA, 0, 0, "hello")],
    "DATA before HEADERS": [frame(f.DATA, 0, 1, "hello")],
    "DATA on a stream nobody opened": [frame(f.DATA, 0, 3, "hello")],
    "DATA padded beyond its end": [HEAD, frame(f.DATA, f.PADDED, 1, "\x09hello")],
    "DATA padded without a length": [HEAD, frame(f.DATA, f.PADDED, 1, "")],
    "HEADERS on stream 0": [frame(f.HEADERS, f.END_HEADERS, 0, STATUS_200)],
    "HEADERS on a stream of the server": [frame(f.HEADERS, f.END_HEADERS, 2, STATUS_200)],
    "HEADERS on a stream nobody opened": [frame(f.HEADERS, f.END_HEADERS, 3, STATUS_200)],
    "HEADERS padded beyond their end": [frame(f.HEADERS, f.END_HEADERS | f.PADDED, 1, [9, 0x88])],
    "HEADERS too short for a priority": [frame(f.HEADERS, f.END_HEADERS | f.WITH_PRIORITY, 1, [0x88])],
    "HEADERS without a status": head(field("x-a", "b")),
    "a status of letters": head(field(":status", "abc")),
    "a status of two digits": head(field(":status", "99")),
    "two statuses": head(STATUS_200, STATUS_200),
    "a status after a header": head(field("x-a", "b"), STATUS_200),
    "a pseudo-header of requests": head(STATUS_200, field(":path", "/")),
    "an unknown pseudo-header": head(STATUS_200, field(":mood", "bad")),
    "a header name in upper case": head(STATUS_200, field("X-A", "b")),
    "a connection header": head(STATUS_200, field("connection", "close")),
    "a transfer-encoding header": head(STATUS_200, field("transfer-encoding", "chunked")),
    "a header index of zero": head(STATUS_200, Buffer.of(0x80)),
    "a header index beyond the table": head(STATUS_200, Buffer.of(0xff, 0x80, 0x80, 0x01)),
    "a header integer without end": head(STATUS_200, Buffer.of(0xff, ...Array<number>(20).fill(0xff))),
    "a Huffman code that makes no sense": head(STATUS_200, Buffer.of(0x00, 0x81, 0xff, 0x81, 0xff)),
    "a table larger than allowed": head(Buffer.of(0x3f, 0xe1, 0xff, 0x7f), STATUS_200),
    "a header cut off": head(STATUS_200, Buffer.of(0x00, 0x05, 0x61)),
    "an interim response that ends the stream": head(field(":status", "103")),
    "101": frame(f.HEADERS, f.END_HEADERS, 1, field(":status", "101")),
    "two Content-Lengths": head(STATUS_200, field("content-length", "5"), field("content-length", "6")),
    "a body shorter than Content-Length": Buffer.concat([
      frame(f.HEADERS, f.END_HEADERS, 1, Buffer.concat([STATUS_200, field("content-length", "9")])),
      frame(f.DATA, f.END_STREAM, 1, "hello"),
    ]),
    "a body longer than Content-Length": Buffer.concat([
      frame(f.HEADERS, f.END_HEADERS, 1, Buffer.concat([STATUS_200, field("content-length", "3")])),
      frame(f.DATA, f.END_STREAM, 1, "hello"),
    ]),
    "a body announced and missing": head(STATUS_200, field("content-length", "5")),
    "trailers that do not end the stream": Buffer.concat([
      HEAD,
      frame(f.HEADERS, f.END_HEADERS, 1, field("x-a", "b")),
    ]),
    "a priority of four bytes": [frame(f.PRIORITY, 0, 1, [0, 0, 0, 0])],
    "RST_STREAM of three bytes": [frame(f.RST_STREAM, 0, 1, [0, 0, 0])],
    "RST_STREAM of stream 0": [frame(f.RST_STREAM, 0, 0, uint32(8))],
    "RST_STREAM of a stream nobody opened": [frame(f.RST_STREAM, 0, 3, uint32(8))],
    "SETTINGS on a stream": [frame(f.SETTINGS, 0, 1)],
    "SETTINGS of five bytes": [frame(f.SETTINGS, 0, 0, [0, 1, 0, 0, 0])],
    "an acknowledgement with settings": [frame(f.SETTINGS, f.ACK, 0, [0, 1, 0, 0, 0, 0])],
    "push enabled with 2": [settings([0x2, 2])],
    "a window of 2^31": [settings([0x4, 0x80000000])],
    "a frame size of 100": [settings([0x5, 100])],
    "more settings than anybody needs": [settings(...Array<[number, number]>(1000).fill([0xfafa, 1]))],
    "PING of seven bytes": [frame(f.PING, 0, 0, "1234567")],
    "PING on a stream": [frame(f.PING, 0, 1, "12345678")],
    "GOAWAY of four bytes": [frame(f.GOAWAY, 0, 0, uint32(1))],
    "GOAWAY on a stream": [frame(f.GOAWAY, 0, 1, uint32(1, 0))],
    "WINDOW_UPDATE of three bytes": [frame(f.WINDOW_UPDATE, 0, 0, [0, 0, 1])],
    "WINDOW_UPDATE of nothing": [frame(f.WINDOW_UPDATE, 0, 0, uint32(0))],
    "WINDOW_UPDATE of nothing on the stream": [frame(f.WINDOW_UPDATE, 0, 1, uint32(0))],
    "WINDOW_UPDATE beyond 2^31": [frame(f.WINDOW_UPDATE, 0, 0, uint32(0x7fffffff))],
    "WINDOW_UPDATE beyond 2^31 on the stream": [frame(f.WINDOW_UPDATE, 0, 1, uint32(0x7fffffff))],
    "WINDOW_UPDATE on a stream nobody opened": [frame(f.WINDOW_UPDATE, 0, 3, uint32(1))],
    "CONTINUATION of nothing": [frame(f.CONTINUATION, f.END_HEADERS, 1, STATUS_200)],
    "DATA between HEADERS and CONTINUATION": [frame(f.HEADERS, 0, 1, STATUS_200), frame(f.DATA, 0, 1, "x")],
    "CONTINUATION on another stream": [
      frame(f.HEADERS, 0, 1, STATUS_200),
      frame(f.CONTINUATION, f.END_HEADERS, 3),
    ],
    "1 MB of headers": bigHead(1_000_000),
    "CONTINUATION without end": [
      frame(f.HEADERS, 0, 1, STATUS_200),
      ...Array<Buffer>(5000).fill(frame(f.CONTINUATION, 0, 1)),
    ],
    "1000 interim responses": [
      ...Array<Buffer>(1000).fill(frame(f.HEADERS, f.END_HEADERS, 1, field(":status", "103"))),
    ],
  }),
  ...cases("http-headers-too-large", {
    "70 KB of headers": bigHead(70_000),
    "1000 headers": head(STATUS_200, ...Array<Buffer>(1000).fill(field("x", "y"))),
  }),
  ...cases("http-incomplete", {
    "RST_STREAM NO_ERROR in the body": Buffer.concat([
      HEAD,
      frame(f.DATA, 0, 1, "hel"),
      frame(f.RST_STREAM, 0, 1, uint32(0)),
    ]),
    "RST_STREAM NO_ERROR at once": frame(f.RST_STREAM, 0, 1, uint32(0)),
  }),
  ...cases("http-stream-reset", {
    "RST_STREAM CANCEL": frame(f.RST_STREAM, 0, 1, uint32(8)),
    "RST_STREAM CANCEL in the body": Buffer.concat([
      HEAD,
      frame(f.DATA, 0, 1, "hel"),
      frame(f.RST_STREAM, 0, 1, uint32(8)),
    ]),
    "RST_STREAM INTERNAL_ERROR": frame(f.RST_STREAM, 0, 1, uint32(2)),
    "RST_STREAM HTTP_1_1_REQUIRED": frame(f.RST_STREAM, 0, 1, uint32(13)),
    "RST_STREAM of an unknown code": frame(f.RST_STREAM, 0, 1, uint32(0xfafafafa)),
  }),
  ...cases("http-goaway", {
    "GOAWAY INTERNAL_ERROR": frame(f.GOAWAY, 0, 0, uint32(1, 2)),
    "GOAWAY INTERNAL_ERROR before the stream, twice": frame(f.GOAWAY, 0, 0, uint32(0, 2)),
  }),
  ...cases("http-retry-later", { "GOAWAY ENHANCE_YOUR_CALM": frame(f.GOAWAY, 0, 0, uint32(1, 11)) }),
  ...cases("http-enhance-your-calm", {
    "a flood of SETTINGS": [...Array<Buffer>(5000).fill(settings([0x4, 65_535]))],
    "a flood of PING": [...Array<Buffer>(5000).fill(frame(f.PING, 0, 0, "12345678"))],
  }),
];
