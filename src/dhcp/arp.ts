import { equalBytes } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { type Ipv4, ipv4Bytes, readIpv4 } from "./address.ts";

const LENGTH = 28;
/** Ethernet, IPv4, lengths 6 and 4 (RFC 826). */
const PREFIX = Uint8Array.of(0x00, 0x01, 0x08, 0x00, 0x06, 0x04);

export interface Arp {
  readonly operation: "request" | "reply";
  readonly senderHardware: Uint8Array;
  readonly sender: Ipv4;
  readonly targetHardware: Uint8Array;
  readonly target: Ipv4;
}

/** An ARP packet for IPv4 on Ethernet; what pads the frame is ignored. Throws Malformed. */
export function decodeArp(bytes: Uint8Array): Arp {
  if (bytes.length < LENGTH) throw new Malformed("The ARP packet is cut off");
  if (!equalBytes(bytes.subarray(0, 6), PREFIX)) throw new Malformed("Not ARP for IPv4 on Ethernet");
  const operation = ((bytes[6] as number) << 8) | (bytes[7] as number);
  if (operation !== 1 && operation !== 2) throw new Malformed(`The ARP operation ${operation} is unknown`);
  return {
    operation: operation === 1 ? "request" : "reply",
    senderHardware: bytes.slice(8, 14),
    sender: readIpv4(bytes, 14),
    targetHardware: bytes.slice(18, 24),
    target: readIpv4(bytes, 24),
  };
}

export function encodeArp(arp: Arp): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  bytes.set(PREFIX);
  bytes[7] = arp.operation === "request" ? 1 : 2;
  bytes.set(arp.senderHardware, 8);
  bytes.set(ipv4Bytes(arp.sender), 14);
  bytes.set(arp.targetHardware, 18);
  bytes.set(ipv4Bytes(arp.target), 24);
  return bytes;
}
