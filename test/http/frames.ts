import type { Socket } from "node:net";

/** Frame types and flags of RFC 9113, 6. */
export const DATA = 0x0;
export const HEADERS = 0x1;
export const PRIORITY = 0x2;
export const RST_STREAM = 0x3;
export const SETTINGS = 0x4;
export const PUSH_PROMISE = 0x5;
export const PING = 0x6;
export const GOAWAY = 0x7;
export const WINDOW_UPDATE = 0x8;
export const CONTINUATION = 0x9;
export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const WITH_PRIORITY = 0x20;

const PREFACE = 24;

/** One frame; `payload` as bytes, numbers of one byte or text. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | number[] | string = [],
) {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** SETTINGS with these identifiers and values. */
export function settings(...pairs: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame(SETTINGS, 0, 0, payload);
}

/** A header field as HPACK writes it without table or Huffman code. */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0x00), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>= 7) length.push((rest & 0x7f) | 0x80);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
}

/** `:status: 200`, from the static table. */
export const STATUS_200 = Buffer.of(0x88);

/** A whole response on `stream`. */
export function response(stream: number, body: string): Buffer {
  return Buffer.concat([
    frame(HEADERS, END_HEADERS, stream, STATUS_200),
    frame(DATA, END_STREAM, stream, body),
  ]);
}

export interface Received {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Calls back for each frame of a client, after its preface. */
export function onFrames(socket: Socket, hear: (received: Received) => void): void {
  let held = Buffer.alloc(0);
  let hasPreface = false;
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    if (!hasPreface && held.length >= PREFACE) {
      hasPreface = true;
      held = held.subarray(PREFACE);
    }
    while (hasPreface && held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
      const length = held.readUIntBE(0, 3);
      const [type, flags] = [held.readUInt8(3), held.readUInt8(4)];
      const received = { type, flags, stream: held.readUInt32BE(5), payload: held.subarray(9, 9 + length) };
      held = held.subarray(9 + length);
      hear(received);
    }
  });
}
