/** A time server as a value: the bytes of a reply, every field of which may be a lie. */
export interface ReplyFields {
  readonly leap?: number;
  readonly version?: number;
  readonly mode?: number;
  readonly stratum?: number;
  readonly poll?: number;
  readonly precision?: number;
  /** Milliseconds. */
  readonly rootDelay?: number;
  readonly rootDispersion?: number;
  readonly referenceId?: string;
  /** Milliseconds since 1970; undefined is all zeros. */
  readonly reference?: number | undefined;
  readonly originate?: Uint8Array;
  readonly receive?: number | undefined;
  readonly transmit?: number | undefined;
}

/** Milliseconds from 1900 to 1970. */
const TO_UNIX = 2_208_988_800_000;

/** The reply of an honest stratum 2 server whose clock says `time` throughout, but for `fields`. */
export function replyTo(request: Uint8Array, time: number, fields: ReplyFields = {}): Uint8Array {
  const bytes = new Uint8Array(48);
  const view = new DataView(bytes.buffer);
  const { leap = 0, version = 4, mode = 4, stratum = 2, poll = 6, precision = -20 } = fields;
  bytes[0] = (leap << 6) | (version << 3) | mode;
  bytes[1] = stratum;
  bytes[2] = poll;
  view.setInt8(3, precision);
  view.setUint32(4, Math.round((fields.rootDelay ?? 10) * 65.536));
  view.setUint32(8, Math.round((fields.rootDispersion ?? 1) * 65.536));
  const referenceId = fields.referenceId ?? "GPS\0";
  for (let index = 0; index < 4; index++) bytes[12 + index] = referenceId.charCodeAt(index);
  put(view, 16, "reference" in fields ? fields.reference : time - 10_000);
  bytes.set(fields.originate ?? request.subarray(40, 48), 24);
  put(view, 32, "receive" in fields ? fields.receive : time);
  put(view, 40, "transmit" in fields ? fields.transmit : time);
  return bytes;
}

function put(view: DataView, offset: number, time: number | undefined): void {
  if (time === undefined) return;
  // BigInt keeps every bit: 2^-32 s is less than a double of this size resolves.
  const units = (BigInt(Math.round((time + TO_UNIX) * 1000)) << 32n) / 1_000_000n;
  view.setBigUint64(offset, BigInt.asUintN(64, units));
}
