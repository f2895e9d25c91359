import { concat } from "../../lib/bytes.ts";
import { Malformed } from "../../lib/malformed.ts";

/** One message as it stands between programs and the kernel (netlink(7)). `body` follows the header. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

export type Attributes = ReadonlyMap<number, Uint8Array>;

const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are not part of an attribute's type. */
const ATTRIBUTE_TYPE = 0x3fff;
/** Numbers are in the order of the machine's processor. */
export const IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The messages of one read. Throws Malformed. */
export function decodeMessages(bytes: Uint8Array): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = viewOf(bytes);
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < HEADER) throw new Malformed("A netlink message is shorter than its header");
    const length = view.getUint32(offset, IS_LITTLE_ENDIAN);
    if (length < HEADER || length > bytes.length - offset) {
      throw new Malformed(`A netlink message says it has ${length} bytes of ${bytes.length - offset}`);
    }
    messages.push({
      type: view.getUint16(offset + 4, IS_LITTLE_ENDIAN),
      flags: view.getUint16(offset + 6, IS_LITTLE_ENDIAN),
      sequence: view.getUint32(offset + 8, IS_LITTLE_ENDIAN),
      body: bytes.subarray(offset + HEADER, offset + length),
    });
    offset += aligned(length);
  }
  return messages;
}

export function encodeMessage({ type, flags, sequence, body }: NetlinkMessage): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length);
  const view = viewOf(bytes);
  view.setUint32(0, bytes.length, IS_LITTLE_ENDIAN);
  view.setUint16(4, type, IS_LITTLE_ENDIAN);
  view.setUint16(6, flags, IS_LITTLE_ENDIAN);
  view.setUint32(8, sequence, IS_LITTLE_ENDIAN);
  bytes.set(body, HEADER);
  return bytes;
}

/** The attributes by type, the last of a type winning as in the kernel. Throws Malformed. */
export function decodeAttributes(bytes: Uint8Array): Attributes {
  const attributes = new Map<number, Uint8Array>();
  const view = viewOf(bytes);
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < ATTRIBUTE_HEADER) {
      throw new Malformed("A netlink attribute is shorter than its header");
    }
    const length = view.getUint16(offset, IS_LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER || length > bytes.length - offset) {
      throw new Malformed(`A netlink attribute says it has ${length} bytes of ${bytes.length - offset}`);
    }
    const type = view.getUint16(offset + 2, IS_LITTLE_ENDIAN) & ATTRIBUTE_TYPE;
    attributes.set(type, bytes.subarray(offset + ATTRIBUTE_HEADER, offset + length));
    offset += aligned(length);
  }
  return attributes;
}

/** One attribute with its padding. */
export function encodeAttribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(ATTRIBUTE_HEADER + value.length));
  const view = viewOf(bytes);
  view.setUint16(0, ATTRIBUTE_HEADER + value.length, IS_LITTLE_ENDIAN);
  view.setUint16(2, type, IS_LITTLE_ENDIAN);
  bytes.set(value, ATTRIBUTE_HEADER);
  return bytes;
}

/** A body: a fixed part and attributes, those without a value left out. */
export function encodeBody(
  fixed: Uint8Array,
  attributes: readonly (readonly [type: number, value: Uint8Array | undefined])[],
): Uint8Array {
  const parts = attributes.flatMap(([type, value]) =>
    value === undefined ? [] : [encodeAttribute(type, value)],
  );
  return concat([fixed, ...parts]);
}

export function encodeUint32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = viewOf(bytes);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, IS_LITTLE_ENDIAN);
  return bytes;
}

/** The value of an attribute that holds numbers of 32 bits; undefined without it. Throws Malformed where it is shorter. */
export function uint32(attributes: Attributes, type: number, index = 0): number | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  if (value.length < index * 4 + 4) throw new Malformed(`Attribute ${type} has only ${value.length} bytes`);
  return viewOf(value).getUint32(index * 4, IS_LITTLE_ENDIAN);
}

/** The fixed part in front of the attributes. Throws Malformed where the body is shorter. */
export function fixedPart(body: Uint8Array, length: number): DataView {
  if (body.length < length) throw new Malformed(`A message of ${length} bytes has only ${body.length}`);
  return viewOf(body.subarray(0, length));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
