import { fromBase64 } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;
const SEQUENCE = 0x30;
const INTEGER = 0x02;
/** Largest DER accepted. */
const MOST_BYTES = 16_384;

/** DER from base64 or PEM of one certificate or private key. Throws Malformed with what is wrong. */
export function readDer(text: string): Uint8Array {
  if (text.length > MOST_BYTES * 2) throw new Malformed(`It is larger than ${MOST_BYTES} bytes`);
  const der = fromBase64(text.includes("-----") ? pemBody(text) : text);
  if (der.length > MOST_BYTES) throw new Malformed(`It is larger than ${MOST_BYTES} bytes`);
  const length = sequenceLength(der);
  if (length === undefined) throw new Malformed("Not DER: it does not begin with a SEQUENCE");
  if (length !== der.length) {
    throw new Malformed(`Not DER: it should have ${length} bytes and has ${der.length}`);
  }
  return der;
}

/** Whether it is a CertificateList (RFC 5280, 5.1) and no certificate, which has its version in brackets, nor a key. */
export function isRevocationList(der: Uint8Array): boolean {
  const body = headerLength(der, 0);
  const first = body + headerLength(der, body);
  return der[body] === SEQUENCE && (der[first] === SEQUENCE || der[first] === INTEGER);
}

/** Bytes of tag and length of the value at `at`. */
function headerLength(der: Uint8Array, at: number): number {
  const length = Number(der[at + 1]);
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}

function pemBody(text: string): string {
  if (text.includes("ENCRYPTED")) throw new Malformed("It is encrypted: give the key in clear");
  const blocks = [...text.matchAll(PEM)];
  if (blocks.length === 0) throw new Malformed("Not PEM: no complete block from BEGIN to END");
  if (blocks.length > 1) throw new Malformed(`It holds ${blocks.length} PEM blocks: give each its own name`);
  return String(blocks[0]?.[2]);
}

/** The whole length that the outermost SEQUENCE announces (X.690, 8.1.3). */
function sequenceLength(der: Uint8Array): number | undefined {
  const [tag, first, second, third] = der;
  if (tag !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return first + 2;
  if (first === 0x81 && second !== undefined) return second + 3;
  if (first === 0x82 && second !== undefined && third !== undefined) return ((second << 8) | third) + 4;
  return undefined;
}
