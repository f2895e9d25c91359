import { createHash } from "node:crypto";

export interface FrameOptions {
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits, as a number from 0 to 7; default 0. */
  readonly rsv?: number;
  /** Masked as only a client may; default false. */
  readonly mask?: boolean;
  /** The length that the frame says it has; default the payload's. */
  readonly says?: bigint;
  /** Bits of the length field; default as few as will do. */
  readonly lengthBits?: 7 | 16 | 64;
}

export const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0x0, 0x1, 0x2, 0x8, 0x9, 0xa];

/** One frame as a server sends it (RFC 6455, 5.2), right or wrong. */
export function frame(opcode: number, payload: string | Buffer = "", options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, mask = false } = options;
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const { says = BigInt(bytes.length) } = options;
  const bits = options.lengthBits ?? (says < 126n ? 7 : says < 65_536n ? 16 : 64);
  const field = Buffer.alloc(bits === 7 ? 0 : bits / 8);
  if (bits === 16) field.writeUInt16BE(Number(says));
  if (bits === 64) field.writeBigUInt64BE(says);
  const short = bits === 7 ? Number(says) : bits === 16 ? 126 : 127;
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, (mask ? 0x80 : 0) | short]);
  return Buffer.concat([head, field, mask ? Buffer.alloc(4) : Buffer.alloc(0), bytes]);
}

/** A close frame. Without a code it is empty. */
export function closeFrame(code?: number, text: string | Buffer = ""): Buffer {
  if (code === undefined) return frame(CLOSE);
  return frame(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(text)]));
}

/** The right answer to a key (RFC 6455, 4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** A 101 with these lines after the status line; `accept` stands for the right answer. */
export function switching(lines: readonly string[], key: string): string {
  const text = lines.join("\r\n").replace("{accept}", acceptOf(key));
  return `HTTP/1.1 101 Switching Protocols\r\n${text}\r\n\r\n`;
}

export const GOOD = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: {accept}"] as const;
