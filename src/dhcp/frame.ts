import { Malformed } from "../lib/malformed.ts";
import { type Ipv4, ipv4Bytes, readIpv4 } from "./address.ts";
import { checksum, onesSum } from "./checksum.ts";

export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;

const UDP = 17;
const MIN_IP = 20;
const UDP_HEADER = 8;
const CLASS_SELECTOR_6 = 0xc0;
const DONT_FRAGMENT = 0x4000;
/** MF and the offset: whatever is a fragment has one of these bits. */
const FRAGMENT = 0x3fff;

/** A packet as it came from a packet socket: what follows the link-layer header. */
export interface Captured {
  readonly bytes: Uint8Array;
  /** `partial`: the UDP checksum field holds the folded sum of the pseudo-header only (TP_STATUS_CSUMNOTREADY). */
  readonly checksum: "full" | "partial";
  /** VLAN id of the frame's tag; 0 for a priority tag; undefined without one. */
  readonly vlan: number | undefined;
}

export interface Datagram {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** The UDP datagram in an IPv4 packet, every length and both checksums verified. Throws Malformed. */
export function decodeDatagram({ bytes, checksum: status, vlan }: Captured): Datagram {
  // A frame of another VLAN reaches a packet socket of the parent device; the id 0 is a priority tag.
  if (vlan !== undefined && vlan !== 0) throw new Malformed(`The frame belongs to VLAN ${vlan}`);
  const packet = requirePacket(bytes);
  const header = ((packet[0] as number) & 0x0f) * 4;
  const udp = packet.subarray(header);
  if (udp.length < UDP_HEADER) throw new Malformed("The UDP header is cut off");
  const length = uint16(udp, 4);
  if (length < UDP_HEADER || length > udp.length)
    throw new Malformed(`The UDP length ${length} is impossible`);
  const segment = udp.subarray(0, length);
  if (!isSumRight(packet, segment, status)) throw new Malformed("The UDP checksum is wrong");
  return {
    source: readIpv4(packet, 12),
    destination: readIpv4(packet, 16),
    sourcePort: uint16(segment, 0),
    destinationPort: uint16(segment, 2),
    payload: segment.subarray(UDP_HEADER),
  };
}

/** An IPv4 packet with a UDP datagram, both checksums full. */
export function encodeDatagram(datagram: Datagram): Uint8Array {
  const { payload, source, destination } = datagram;
  const packet = new Uint8Array(MIN_IP + UDP_HEADER + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x45);
  view.setUint8(1, CLASS_SELECTOR_6);
  view.setUint16(2, packet.length);
  view.setUint16(6, DONT_FRAGMENT);
  view.setUint8(8, 64);
  view.setUint8(9, UDP);
  packet.set(ipv4Bytes(source), 12);
  packet.set(ipv4Bytes(destination), 16);
  view.setUint16(10, checksum(packet.subarray(0, MIN_IP)));
  const segment = packet.subarray(MIN_IP);
  view.setUint16(MIN_IP, datagram.sourcePort);
  view.setUint16(MIN_IP + 2, datagram.destinationPort);
  view.setUint16(MIN_IP + 4, segment.length);
  packet.set(payload, MIN_IP + UDP_HEADER);
  // A sum of 0 is sent as 0xffff: 0 says that there is none (RFC 768).
  view.setUint16(MIN_IP + 6, checksum(segment, pseudoSum(packet, segment.length)) || 0xffff);
  return packet;
}

/** The packet without what pads the frame. */
function requirePacket(bytes: Uint8Array): Uint8Array {
  if (bytes.length < MIN_IP) throw new Malformed("The IP header is cut off");
  const first = bytes[0] as number;
  if (first >> 4 !== 4) throw new Malformed("The packet is not IPv4");
  const header = (first & 0x0f) * 4;
  const total = uint16(bytes, 2);
  if (header < MIN_IP || header > total) throw new Malformed("The IP header length is impossible");
  if (total > bytes.length) throw new Malformed("The IP total length runs past the end");
  if ((uint16(bytes, 6) & FRAGMENT) !== 0) throw new Malformed("The packet is a fragment");
  if (bytes[9] !== UDP) throw new Malformed("The packet is not UDP");
  if (onesSum(bytes.subarray(0, header)) !== 0xffff) throw new Malformed("The IP checksum is wrong");
  return bytes.subarray(0, total);
}

function isSumRight(packet: Uint8Array, segment: Uint8Array, status: "full" | "partial"): boolean {
  const sum = uint16(segment, 6);
  const pseudo = pseudoSum(packet, segment.length);
  if (status === "partial") return sum === pseudo;
  return sum === 0 || onesSum(segment, pseudo) === 0xffff;
}

function pseudoSum(packet: Uint8Array, length: number): number {
  return onesSum(packet.subarray(12, 20), UDP + length);
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
}
