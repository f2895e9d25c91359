import { Malformed } from "../lib/malformed.ts";

/**
 * A domain name as text: labels parted by dots, no dot at the end, ASCII in lower case, `.` alone for the root.
 * A dot or backslash inside a label is `\.` or `\\`; bytes outside 0x21..0x7e are `\DDD` (RFC 4343, 2.1).
 */
export type Name = string;

export const ROOT: Name = ".";
export const MAX_LABEL = 63;
/** On the wire, with the root's byte (RFC 1035, 2.3.4). */
export const MAX_NAME = 255;
/** As many jumps as a name of 255 bytes can have labels of one byte. */
const MAX_JUMPS = 126;

const PLAIN = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const HOSTNAME = /^[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/;

const BACKSLASH = 0x5c;
const DOT = 0x2e;

/** What stands for a byte in a name's text. */
const CHARACTERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  if (byte === DOT || byte === BACKSLASH) return `\\${String.fromCharCode(byte)}`;
  if (byte <= 0x20 || byte >= 0x7f) return `\\${String(byte).padStart(3, "0")}`;
  return String.fromCharCode(byte).toLowerCase();
});

/** The code in lower case of a byte that stands for itself, 0 for one that is escaped. */
const CODES = Uint8Array.from(CHARACTERS, (text) => (text.length === 1 ? text.charCodeAt(0) : 0));

/** The name that `text` means, a dot at its end allowed; undefined when it is none (too long, empty label, not ASCII). */
export function parseName(text: string): Name | undefined {
  if (text.length <= 253 && PLAIN.test(text)) return text;
  const wire = toWire(text);
  if (wire === undefined) return undefined;
  return new NameReader(wire).read(0);
}

/** Whether a program that wants a host's name may be given this: letters, digits, `_` and, but first, `-`. */
export function isHostname(name: Name): boolean {
  return HOSTNAME.test(name);
}

/** The labels of a name, from the left. */
export function labels(name: Name): string[] {
  if (name === ROOT) return [];
  if (!name.includes("\\")) return name.split(".");
  const found: string[] = [];
  let start = 0;
  for (let index = 0; index < name.length; index++) {
    if (name[index] === "\\") index++;
    else if (name[index] === ".") {
      found.push(name.slice(start, index));
      start = index + 1;
    }
  }
  found.push(name.slice(start));
  return found;
}

/** Whether `name` is `parent` or below it. */
export function isWithin(name: Name, parent: Name): boolean {
  if (parent === ROOT || name === parent) return true;
  if (!name.endsWith(`.${parent}`)) return false;
  let escapes = 0;
  while (name[name.length - parent.length - 2 - escapes] === "\\") escapes++;
  return escapes % 2 === 0;
}

/** The bytes of a name with its root's byte; undefined when `text` is no name. Case is kept. */
export function toWire(text: string): Uint8Array | undefined {
  const wire = new Uint8Array(Math.min(text.length + 2, MAX_NAME));
  const length = writeName(text, wire, 0);
  if (length === undefined) return undefined;
  return length === wire.length ? wire : wire.slice(0, length);
}

/** Writes `text` at `offset`, and returns where it ends; undefined when it is no name or there is no room. */
export function writeName(text: string, target: Uint8Array, offset: number): number | undefined {
  const limit = Math.min(target.length, offset + MAX_NAME);
  if (text === ROOT) {
    if (offset >= limit) return undefined;
    target[offset] = 0;
    return offset + 1;
  }
  let start = offset;
  let end = offset + 1;
  for (let index = 0; index < text.length; index++) {
    let code = text.charCodeAt(index);
    if (code === DOT) {
      if (end === start + 1 || end >= limit) return undefined;
      target[start] = end - start - 1;
      start = end;
      end += 1;
      continue;
    }
    if (code === BACKSLASH) {
      const escaped = /^(?:\d{3}|\D)/.exec(text.slice(index + 1, index + 4))?.[0];
      if (escaped === undefined) return undefined;
      index += escaped.length;
      code = escaped.length === 3 ? Number(escaped) : escaped.charCodeAt(0);
      if (code > 0xff) return undefined;
    }
    if (code > 0x7f && text.charCodeAt(index) > 0x7f) return undefined;
    if (end - start > MAX_LABEL || end >= limit) return undefined;
    target[end++] = code;
  }
  if (end === start + 1) {
    if (start === offset) return undefined;
    target[start] = 0;
    return end;
  }
  if (end >= limit) return undefined;
  target[start] = end - start - 1;
  target[end] = 0;
  return end + 1;
}

/** Reads names out of a message, following compression pointers, which may only go backwards (RFC 1035, 4.1.4). */
export class NameReader {
  /** Where the byte after the last name read stands. */
  end = 0;
  readonly #bytes: Uint8Array;
  #knownOffset = -1;
  #known: Name = ROOT;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Says which name stands at `offset`, so that it is not read. */
  know(name: Name, offset: number): void {
    this.#known = name;
    this.#knownOffset = offset;
  }

  /** The name at `offset`. Throws Malformed. */
  read(offset: number): Name {
    const bytes = this.#bytes;
    // Most owners are a pointer to the question's name.
    if (this.#knownOffset >= 0 && bytes[offset] === 0xc0 && bytes[offset + 1] === this.#knownOffset) {
      this.end = offset + 2;
      return this.#known;
    }
    const name = this.#walk(offset);
    if (this.#knownOffset < 0 && offset < 0x100) {
      this.know(name, offset);
    }
    return name;
  }

  /** Passes over the name at `offset` without reading it. Throws Malformed. */
  skip(offset: number): undefined {
    let at = offset;
    for (;;) {
      const size = this.#bytes[at];
      if (size === undefined) throw new Malformed("A name runs past the end");
      if (size === 0 || size >= 0xc0) {
        this.end = at + (size === 0 ? 1 : 2);
        return undefined;
      }
      if (size > MAX_LABEL) throw new Malformed("A label has a reserved type");
      at += size + 1;
    }
  }

  #walk(start: number): Name {
    const bytes = this.#bytes;
    let text = "";
    let at = start;
    let length = 1;
    let jumps = 0;
    let lowest = start;
    for (;;) {
      const size = bytes[at];
      if (size === undefined) throw new Malformed("A name runs past the end");
      if (size === 0) {
        if (jumps === 0) this.end = at + 1;
        return text === "" ? ROOT : text;
      }
      if (size >= 0xc0) {
        const low = bytes[at + 1];
        if (low === undefined) throw new Malformed("A pointer runs past the end");
        const target = ((size & 0x3f) << 8) | low;
        if (target >= lowest) throw new Malformed("A pointer does not go backwards");
        if (jumps === 0) this.end = at + 2;
        if (++jumps > MAX_JUMPS) throw new Malformed("A name has too many pointers");
        lowest = target;
        at = target;
        continue;
      }
      if (size > MAX_LABEL) throw new Malformed("A label has a reserved type");
      length += size + 1;
      if (length > MAX_NAME) throw new Malformed("A name is too long");
      const last = at + size;
      if (last >= bytes.length) throw new Malformed("A label runs past the end");
      if (text !== "") text += ".";
      text += labelText(bytes, at + 1, last + 1);
      at = last + 1;
    }
  }
}

/** Four bytes at a time, because each piece of text that is joined costs as much as its bytes. */
function labelText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const a = CODES[bytes[at] as number] as number;
    const b = CODES[bytes[at + 1] as number] as number;
    const c = CODES[bytes[at + 2] as number] as number;
    const d = CODES[bytes[at + 3] as number] as number;
    if (a === 0 || b === 0 || c === 0 || d === 0) break;
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) text += CHARACTERS[bytes[at] as number];
  return text;
}
