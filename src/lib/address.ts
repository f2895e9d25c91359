/** 4 or 6 for a literal IP address, with or without a zone (`fe80::1%eth0`); undefined for anything else. */
export function familyOf(text: string): 4 | 6 | undefined {
  if (addressBytes(text) === undefined) return undefined;
  return text.includes(":") ? 6 : 4;
}

/**
 * The 16 bytes of an address, IPv4 as `::ffff:a.b.c.d`; undefined where `text` is none (RFC 4291, 2.2). IPv4 must be
 * four decimal numbers without leading zeros.
 */
export function addressBytes(text: string): Uint8Array | undefined {
  const percent = text.indexOf("%");
  const bare = percent > 0 && percent < text.length - 1 ? text.slice(0, percent) : text;
  const bytes = new Uint8Array(16);
  if (!bare.includes(":")) {
    bytes.fill(0xff, 10, 12);
    return bare === text && writeIpv4(bytes, 12, bare) ? bytes : undefined;
  }
  return writeIpv6(bytes, bare) ? bytes : undefined;
}

function writeIpv4(bytes: Uint8Array, offset: number, text: string): boolean {
  const parts = text.split(".");
  if (parts.length !== 4) return false;
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return false;
    bytes[offset + index] = Number(part);
  }
  return true;
}

function writeIpv6(bytes: Uint8Array, text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const [head = "", tail] = halves;
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const last = tail === undefined ? left : right;
  const dotted = last.at(-1)?.includes(".") === true ? last.pop() : undefined;
  const groups = left.length + right.length + (dotted === undefined ? 0 : 2);
  if (tail === undefined ? groups !== 8 : groups > 7) return false;
  const end = dotted === undefined ? 16 : 12;
  if (dotted !== undefined && !writeIpv4(bytes, 12, dotted)) return false;
  return writeGroups(bytes, 0, left) && writeGroups(bytes, end - right.length * 2, right);
}

function writeGroups(bytes: Uint8Array, offset: number, groups: readonly string[]): boolean {
  for (const [index, group] of groups.entries()) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return false;
    const value = Number.parseInt(group, 16);
    bytes[offset + index * 2] = value >> 8;
    bytes[offset + index * 2 + 1] = value & 0xff;
  }
  return true;
}
