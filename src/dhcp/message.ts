import { equalBytes } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { type Ipv4, ipv4Bytes, readIpv4, UNSPECIFIED } from "./address.ts";
import { type RawOptions, readAreas, writeOptions } from "./option-area.ts";

const FIXED = 236;
const COOKIE = Uint8Array.of(0x63, 0x82, 0x53, 0x63);
/** What relays and servers of BOOTP's time expect at least (RFC 1542, 2.1). */
const LEAST = 300;
const BROADCAST_FLAG = 0x8000;
const ETHERNET = 1;

/** Option 53 (RFC 2132, 9.6; RFC 3203). */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
  forceRenew: 9,
} as const;

/** A BOOTP message with DHCP options, for Ethernet (RFC 2131, 2). */
export interface Message {
  readonly op: "request" | "reply";
  readonly xid: number;
  readonly secs: number;
  readonly isBroadcast: boolean;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  /** The six bytes of the client's hardware address. */
  readonly chaddr: Uint8Array;
  readonly options: RawOptions;
  /** Whether something other than padding follows the end of options. */
  readonly hasRest: boolean;
}

export type Fields = Partial<Message> & Pick<Message, "op" | "xid" | "chaddr" | "options">;

/** The message in the payload of a datagram. Throws Malformed. */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.length <= FIXED + COOKIE.length) throw new Malformed("The message is cut off");
  if (!equalBytes(bytes.subarray(FIXED, FIXED + 4), COOKIE)) throw new Malformed("The magic cookie is wrong");
  const view = new DataView(bytes.buffer, bytes.byteOffset, FIXED);
  const op = view.getUint8(0);
  if (op !== 1 && op !== 2) throw new Malformed(`The operation ${op} is unknown`);
  if (view.getUint8(1) !== ETHERNET || view.getUint8(2) !== 6) throw new Malformed("Not for Ethernet");
  const { options, hasRest } = readAreas({
    options: bytes.subarray(FIXED + COOKIE.length),
    sname: bytes.subarray(44, 108),
    file: bytes.subarray(108, FIXED),
  });
  return {
    op: op === 1 ? "request" : "reply",
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    isBroadcast: (view.getUint16(10) & BROADCAST_FLAG) !== 0,
    ciaddr: readIpv4(bytes, 12),
    yiaddr: readIpv4(bytes, 16),
    siaddr: readIpv4(bytes, 20),
    giaddr: readIpv4(bytes, 24),
    chaddr: bytes.slice(28, 34),
    options,
    hasRest,
  };
}

/** The bytes of a message, at least 300. Fields left out are zero. */
export function encodeMessage(message: Fields): Uint8Array {
  const options = writeOptions(message.options);
  const bytes = new Uint8Array(Math.max(LEAST, FIXED + COOKIE.length + options.length));
  const view = new DataView(bytes.buffer);
  const { ciaddr = UNSPECIFIED, yiaddr = UNSPECIFIED, siaddr = UNSPECIFIED, giaddr = UNSPECIFIED } = message;
  view.setUint8(0, message.op === "request" ? 1 : 2);
  view.setUint8(1, ETHERNET);
  view.setUint8(2, 6);
  view.setUint32(4, message.xid);
  view.setUint16(8, message.secs ?? 0);
  view.setUint16(10, message.isBroadcast === true ? BROADCAST_FLAG : 0);
  bytes.set(ipv4Bytes(ciaddr), 12);
  bytes.set(ipv4Bytes(yiaddr), 16);
  bytes.set(ipv4Bytes(siaddr), 20);
  bytes.set(ipv4Bytes(giaddr), 24);
  bytes.set(message.chaddr, 28);
  bytes.set(COOKIE, FIXED);
  bytes.set(options, FIXED + COOKIE.length);
  return bytes;
}
