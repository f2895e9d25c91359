import { Malformed } from "../lib/malformed.ts";
import type { Timestamp } from "./timestamp.ts";

/** Bytes of the header (RFC 5905, 7.3); extension fields and a MAC may follow. */
const HEADER = 48;
/** No extension of a reply that we asked for is near this. */
const LONGEST = 1024;
const VERSION = 4;
const MODE_CLIENT = 3;

/** A reply's header as it stands on the wire; nothing in it has been judged. */
export interface NtpReply {
  /** 0 no warning, 1 and 2 a leap second today, 3 not synchronised. */
  readonly leap: number;
  readonly version: number;
  /** 4 is a server. */
  readonly mode: number;
  /** 0 is a Kiss-o'-Death, 1 a primary server, 2 to 15 a secondary one. */
  readonly stratum: number;
  /** Milliseconds to the reference clock and back. */
  readonly rootDelay: number;
  /** Milliseconds of doubt about the reference clock. */
  readonly rootDispersion: number;
  /** Milliseconds that the server's clock resolves. */
  readonly precision: number;
  /** Four bytes: of a Kiss-o'-Death its code in ASCII. */
  readonly referenceId: Uint8Array;
  readonly reference: Timestamp;
  /** What the request had as its transmit timestamp. */
  readonly originate: Uint8Array;
  readonly receive: Timestamp;
  readonly transmit: Timestamp;
  /** Bytes after the header: extension fields and MAC, which are not read. */
  readonly rest: number;
}

/**
 * A client's request. Its transmit timestamp is `nonce`, eight random bytes: it says nothing about our clock, and a
 * reply has to repeat it (draft-ietf-ntp-data-minimization).
 */
export function encodeRequest(nonce: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  bytes[0] = (VERSION << 3) | MODE_CLIENT;
  bytes.set(nonce.subarray(0, 8), 40);
  return bytes;
}

/** The header of a reply. Throws Malformed for a length that no packet has. */
export function decodeReply(bytes: Uint8Array): NtpReply {
  if (bytes.length < HEADER || bytes.length > LONGEST || bytes.length % 4 !== 0) {
    throw new Malformed(`Not a reply: ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER);
  const first = view.getUint8(0);
  return {
    leap: first >> 6,
    version: (first >> 3) & 0x07,
    mode: first & 0x07,
    stratum: view.getUint8(1),
    precision: 1000 * 2 ** view.getInt8(3),
    rootDelay: short(view, 4),
    rootDispersion: short(view, 8),
    referenceId: bytes.slice(12, 16),
    reference: timestamp(view, 16),
    originate: bytes.slice(24, 32),
    receive: timestamp(view, 32),
    transmit: timestamp(view, 40),
    rest: bytes.length - HEADER,
  };
}

/** The four letters of a Kiss-o'-Death, such as `RATE`; anything else becomes `?`. */
export function kissCode({ referenceId }: NtpReply): string {
  return Array.from(referenceId, (byte) =>
    byte >= 0x41 && byte <= 0x5a ? String.fromCharCode(byte) : "?",
  ).join("");
}

/** Milliseconds of a 32-bit fixed-point number of seconds. One that is meant as negative comes out as hours. */
function short(view: DataView, offset: number): number {
  return (view.getUint32(offset) * 1000) / 0x1_0000;
}

function timestamp(view: DataView, offset: number): Timestamp {
  return { seconds: view.getUint32(offset), fraction: view.getUint32(offset + 4) };
}
