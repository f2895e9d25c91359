const DECIMALS: readonly string[] = Array.from({ length: 256 }, (_, byte) => String(byte));

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
  return `${DECIMALS[bytes[offset] as number]}.${DECIMALS[bytes[offset + 1] as number]}.${
    DECIMALS[bytes[offset + 2] as number]
  }.${DECIMALS[bytes[offset + 3] as number]}`;
}

/** The canonical text of the sixteen bytes at `offset` (RFC 5952). */
export function formatIpv6(bytes: Uint8Array, offset = 0): string {
  if (isMapped(bytes, offset)) return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  const groups: number[] = [];
  for (let index = offset; index < offset + 16; index += 2) {
    groups.push(((bytes[index] as number) << 8) | (bytes[index + 1] as number));
  }
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.map(hex).join(":");
  const head = groups.slice(0, zeros.start).map(hex).join(":");
  const tail = groups
    .slice(zeros.start + zeros.length)
    .map(hex)
    .join(":");
  return `${head}::${tail}`;
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

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index - length + 1, length };
  }
  return best;
}

function hex(value: number): string {
  return value.toString(16);
}
