const BACKSLASH = 0x5c;
/** Letters, digits, `-` and `_` in labels of 63, parted by dots; a dot at the end allowed. */
const DOMAIN = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/;
/** The characters of RFC 3986; quotes, blanks and brackets of shells and terminals are not among them. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$/;

/**
 * Bytes of the network as text that does no harm wherever it is printed: what is not printable ASCII becomes `\xNN`, a
 * backslash becomes `\\`. Zero bytes at the end are dropped (RFC 2132, 2).
 */
export function safeText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of withoutZeros(bytes)) {
    if (byte === BACKSLASH) text += "\\\\";
    else if (byte >= 0x20 && byte <= 0x7e) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

/** Whether nothing of it had to be escaped. */
export function isPlain(bytes: Uint8Array): boolean {
  return withoutZeros(bytes).every((byte) => byte >= 0x20 && byte <= 0x7e);
}

/** Whether it can be the name of a host or domain without a second meaning to anyone. */
export function isDomain(text: string): boolean {
  return text.length <= 253 && DOMAIN.test(text);
}

/** Whether it is a URI by its characters; nothing more is known of it. */
export function isUri(text: string): boolean {
  return URI.test(text);
}

function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}
