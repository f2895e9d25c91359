/** The text of UTF-8 bytes. Throws an Error whose message ends a sentence and says where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return STRICT.decode(bytes);
  } catch (cause) {
    if (bytes[0] === 0xff || bytes[0] === 0xfe) throw new Error("it is UTF-16; save it as UTF-8", { cause });
    const { line, column } = firstFault(bytes);
    throw new Error(`${name}:${line}:${column} is not UTF-8`, { cause });
  }
}

const STRICT = new TextDecoder("utf-8", { fatal: true });
const LINE_END = 0x0a;

/** Line and column, from 1, of the first byte that is not UTF-8. No character but a line end holds its byte. */
function firstFault(bytes: Uint8Array): { readonly line: number; readonly column: number } {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(LINE_END, start);
    const whole = bytes.subarray(start, end === -1 ? bytes.length : end);
    try {
      STRICT.decode(whole);
    } catch {
      return { line, column: new TextDecoder().decode(whole).indexOf("\ufffd") + 1 };
    }
    start = end + 1;
  }
}
