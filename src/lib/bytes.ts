import { Malformed } from "./malformed.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX = "0123456789abcdef";

/** One array with the bytes of all, in order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Same length and same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Lower-case hexadecimal, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX.charAt(byte >> 4) + HEX.charAt(byte & 0x0f);
  return text;
}

/** The bytes of hexadecimal text of either case. Throws Malformed. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new Malformed("Not hexadecimal");
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** Standard base64 with padding (RFC 4648, 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < bytes.length; index += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(index, index + 3);
    const left = bytes.length - index;
    text += BASE64.charAt(a >> 2) + BASE64.charAt(((a & 0x03) << 4) | (b >> 4));
    text += left > 1 ? BASE64.charAt(((b & 0x0f) << 2) | (c >> 6)) : "=";
    text += left > 2 ? BASE64.charAt(c & 0x3f) : "=";
  }
  return text;
}

/**
 * The bytes of standard base64. White space is skipped, missing padding is accepted; anything else that is not
 * base64 throws Malformed.
 */
export function fromBase64(text: string): Uint8Array {
  const digits = text.replace(/[\t\n\r ]/g, "").replace(/={1,2}$/, "");
  if (digits.length % 4 === 1) throw new Malformed("Not base64: its length fits no number of bytes");
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let held = 0;
  let bits = 0;
  let filled = 0;
  for (let index = 0; index < digits.length; index++) {
    const value = base64Digit(digits.charCodeAt(index));
    if (value < 0) throw new Malformed(`Not base64: unexpected "${digits.charAt(index)}"`);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[filled++] = (held >> bits) & 0xff;
  }
  return bytes;
}

/** UTF-8 of `text`; a surrogate without its pair becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (const character of text) {
    let code = Number(character.codePointAt(0));
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) {
      bytes[length++] = code;
    } else if (code < 0x800) {
      bytes[length++] = 0xc0 | (code >> 6);
      bytes[length++] = 0x80 | (code & 0x3f);
    } else if (code < 0x10000) {
      bytes[length++] = 0xe0 | (code >> 12);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[length++] = 0x80 | (code & 0x3f);
    } else {
      bytes[length++] = 0xf0 | (code >> 18);
      bytes[length++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[length++] = 0x80 | (code & 0x3f);
    }
  }
  return bytes.slice(0, length);
}

/** The text of UTF-8. Overlong forms, surrogates, values above U+10FFFF and cut-off ends throw Malformed. */
export function decodeUtf8(bytes: Uint8Array): string {
  const parts: string[] = [];
  let units: number[] = [];
  for (let index = 0; index < bytes.length; ) {
    const first = Number(bytes[index]);
    const size = utf8Size(first);
    if (size === 0 || index + size > bytes.length) throw new Malformed(`Not UTF-8 at byte ${index}`);
    let code = size === 1 ? first : first & (0x7f >> size);
    for (const next of bytes.subarray(index + 1, index + size)) {
      if ((next & 0xc0) !== 0x80) throw new Malformed(`Not UTF-8 at byte ${index}`);
      code = (code << 6) | (next & 0x3f);
    }
    if (code < Number(LEAST[size]) || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      throw new Malformed(`Not UTF-8 at byte ${index}`);
    }
    index += size;
    units.push(code);
    if (units.length === 4096) {
      parts.push(String.fromCodePoint(...units));
      units = [];
    }
  }
  parts.push(String.fromCodePoint(...units));
  return parts.join("");
}

/** The least code point that needs so many bytes. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000];

function utf8Size(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc0 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

function base64Digit(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 26;
  if (code >= 0x30 && code <= 0x39) return code - 0x30 + 52;
  if (code === 0x2b) return 62;
  return code === 0x2f ? 63 : -1;
}
