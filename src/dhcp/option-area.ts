import { concat } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";

/** Options by their code, each whole: its parts are joined (RFC 3396). */
export type RawOptions = ReadonlyMap<number, Uint8Array>;

const PAD = 0;
const END = 255;
const OVERLOAD = 52;
const IN_FILE = 1;
const IN_SNAME = 2;

export interface Areas {
  readonly options: Uint8Array;
  readonly file: Uint8Array;
  readonly sname: Uint8Array;
}

export interface ReadAreas {
  readonly options: RawOptions;
  /** Whether something other than padding follows an end. */
  readonly hasRest: boolean;
}

/** The options of a message, those in an overloaded `file` and `sname` included. Throws Malformed. */
export function readAreas({ options, file, sname }: Areas): ReadAreas {
  const parts = new Map<number, Uint8Array[]>();
  let hasRest = readArea(options, parts);
  const overload = overloaded(parts.get(OVERLOAD));
  // An overload inside an overloaded field could go round for ever; no server has a reason for it.
  parts.delete(OVERLOAD);
  if ((overload & IN_FILE) !== 0) hasRest = readArea(file, parts) || hasRest;
  if ((overload & IN_SNAME) !== 0) hasRest = readArea(sname, parts) || hasRest;
  if (parts.has(OVERLOAD)) throw new Malformed("Option overload stands in an overloaded field");
  const whole = new Map<number, Uint8Array>();
  for (const [code, each] of parts) whole.set(code, concat(each));
  return { options: whole, hasRest };
}

/** The bytes of options in their order with an end; what is longer than 255 bytes is split (RFC 3396, 7). */
export function writeOptions(options: Iterable<readonly [number, Uint8Array]>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [code, value] of options) {
    for (let start = 0; start === 0 || start < value.length; start += 255) {
      const part = value.subarray(start, start + 255);
      parts.push(Uint8Array.of(code, part.length), part);
    }
  }
  return concat([...parts, Uint8Array.of(END)]);
}

/** Adds the options of one field to `parts`; tells whether something follows its end. */
function readArea(bytes: Uint8Array, parts: Map<number, Uint8Array[]>): boolean {
  let at = 0;
  for (;;) {
    const code = bytes[at++];
    if (code === undefined) throw new Malformed("The options have no end");
    if (code === PAD) continue;
    if (code === END) return bytes.subarray(at).some((byte) => byte !== PAD);
    const length = bytes[at++];
    if (length === undefined || at + length > bytes.length) throw new Malformed(`Option ${code} is cut off`);
    const part = bytes.subarray(at, at + length);
    at += length;
    const before = parts.get(code);
    if (before === undefined) parts.set(code, [part]);
    else before.push(part);
  }
}

function overloaded(parts: readonly Uint8Array[] | undefined): number {
  if (parts === undefined) return 0;
  const [value, more] = concat(parts);
  if (value === undefined || more !== undefined || value < 1 || value > 3) {
    throw new Malformed("Option overload is not 1, 2 or 3");
  }
  return value;
}
