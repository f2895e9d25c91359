import type { Random } from "../lib/random.ts";
import type { Slab } from "./slab.ts";

/** How a request is written. */
export interface RequestForm {
  readonly id: number;
  /** The name in lower case as wire bytes, from `toWire`. */
  readonly wire: Uint8Array;
  readonly type: number;
  /** Source of the letters' case; undefined leaves them in lower case. */
  readonly casing: Random | undefined;
  /** The size to announce in an OPT record; undefined sends none. */
  readonly ednsSize: number | undefined;
  /** The COOKIE option's bytes (RFC 7873); only with `ednsSize`. */
  readonly cookie: Uint8Array | undefined;
}

/** What is wrong with a datagram that should be the answer to a request. */
export type Mismatch = "short" | "not-a-response" | "id" | "question" | "casing";

const HEADER = 12;
const OPT = 11;
const COOKIE = 10;

/** A query with recursion desired for one question of class IN. */
export function encodeRequest(
  { id, wire, type, casing, ednsSize, cookie }: RequestForm,
  slab: Slab,
): Uint8Array {
  const end = HEADER + wire.length + 4;
  const cookieSize = cookie === undefined ? 0 : 4 + cookie.length;
  const bytes = slab.cut(ednsSize === undefined ? end : end + OPT + cookieSize);
  bytes[0] = id >> 8;
  bytes[1] = id;
  bytes[2] = 0x01;
  bytes[5] = 1;
  writeQuestion(bytes, wire, casing);
  bytes[end - 4] = type >> 8;
  bytes[end - 3] = type;
  bytes[end - 1] = 1;
  if (ednsSize === undefined) return bytes;
  bytes[11] = 1;
  bytes[end + 2] = 41;
  bytes[end + 3] = ednsSize >> 8;
  bytes[end + 4] = ednsSize;
  bytes[end + 10] = cookieSize;
  if (cookie !== undefined) {
    bytes[end + 12] = COOKIE;
    bytes[end + 14] = cookie.length;
    bytes.set(cookie, end + 15);
  }
  return bytes;
}

/** Where the question ends in a message; its name takes `wireLength` bytes. */
export function questionEnd(wireLength: number): number {
  return HEADER + wireLength + 4;
}

/** Whether `reply` can be the answer to `request` at all: DNS-01. Undefined when it can. */
export function mismatch(request: Uint8Array, reply: Uint8Array, wireLength: number): Mismatch | undefined {
  const end = questionEnd(wireLength);
  if (reply.length < HEADER) return "short";
  if (reply[0] !== request[0] || reply[1] !== request[1]) return "id";
  if (((reply[2] as number) & 0xf8) !== 0x80) return "not-a-response";
  if (reply[4] !== 0 || reply[5] !== 1) return "question";
  if (reply.length < end) return "question";
  let sameLetters = true;
  for (let index = HEADER; index < end; index++) {
    const a = request[index] as number;
    const b = reply[index] as number;
    if (a === b) continue;
    if ((a ^ b) !== 0x20 || index >= end - 4 || !isLetter(a)) return "question";
    sameLetters = false;
  }
  return sameLetters ? undefined : "casing";
}

/** 0x20: one bit a letter that a forger has to guess (draft-vixie-dnsext-dns0x20). */
function writeQuestion(bytes: Uint8Array, wire: Uint8Array, casing: Random | undefined): void {
  let bits = 0;
  let left = 0;
  for (let index = 0; index < wire.length; index++) {
    const byte = wire[index] as number;
    if (casing === undefined || byte < 0x61 || byte > 0x7a) {
      bytes[HEADER + index] = byte;
      continue;
    }
    if (left === 0) {
      bits = casing.uint16();
      left = 16;
    }
    bytes[HEADER + index] = byte ^ ((bits & 1) << 5);
    bits >>= 1;
    left -= 1;
  }
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}
