const DECIMALS: readonly string[] = Array.from({ length: 256 }, (_, byte) => String(byte));
const DOTTED: readonly string[] = DECIMALS.map((decimal) => `${decimal}.`);
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16));
const TWO_DIGITS: readonly string[] = HEX.map((digits) => digits.padStart(2, "0"));

/** The four bytes of dotted decimal; undefined when it is not exactly that (no octal, no short forms). */
export function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  for (const [index, part] of parts.entries()) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

/** The sixteen bytes of an IPv6 address without a zone; undefined when it is none (RFC 4291, 2.2). */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length < 2 || text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves[1] === undefined ? [] : parseGroups(halves[1], true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Dotted decimal of the four bytes at `offset`. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  const head = at(DOTTED, bytes, offset) + at(DOTTED, bytes, offset + 1);
  return head + (at(DOTTED, bytes, offset + 2) + at(DECIMALS, bytes, offset + 3));
}

/** The canonical text of the sixteen bytes at `offset` (RFC 5952). */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  if (isMapped(bytes, offset)) return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  const zeros = longestZeros(bytes, offset);
  if (zeros.length < 2) return groups(bytes, offset, offset + 16);
  const start = offset + 2 * zeros.start;
  return `${groups(bytes, offset, start)}::${groups(bytes, start + 2 * zeros.length, offset + 16)}`;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (mayEndInIpv4 && index === groups.length - 1 && group.includes(".")) {
      const four = parseIpv4(group);
      if (four === undefined) return undefined;
      bytes.push(...four);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes.length <= 16 ? bytes : undefined;
}

function isMapped(bytes: Uint8Array, offset: number): boolean {
  for (let index = 0; index < 10; index++) if (bytes[offset + index] !== 0) return false;
  return bytes[offset + 10] === 0xff && bytes[offset + 11] === 0xff;
}

/** In groups of two bytes. */
function longestZeros(
  bytes: Uint8Array,
  offset: number,
): { readonly start: number; readonly length: number } {
  let start = 0;
  let longest = 0;
  let length = 0;
  for (let group = 0; group < 8; group++) {
    const isZero = bytes[offset + 2 * group] === 0 && bytes[offset + 2 * group + 1] === 0;
    length = isZero ? length + 1 : 0;
    if (length <= longest) continue;
    longest = length;
    start = group - length + 1;
  }
  return { start, length: longest };
}

/** Groups of two bytes in hexadecimal without leading zeros, colons between. */
function groups(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let index = start; index < end; index += 2) {
    if (index > start) text += ":";
    if (bytes[index] === 0) text += at(HEX, bytes, index + 1);
    else text += at(HEX, bytes, index) + at(TWO_DIGITS, bytes, index + 1);
  }
  return text;
}

function at(texts: readonly string[], bytes: Uint8Array, index: number): string {
  return texts[bytes[index] as number] as string;
}
