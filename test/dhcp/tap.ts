import { createRequire } from "node:module";
import { constants } from "node:os";

type Koffi = typeof import("koffi");

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const MSG_DONTWAIT = 0x40;
const NAMES = ["", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform"];

/** A DHCP message as it was on the cable. */
export interface DhcpFrame {
  readonly type: string;
  readonly source: string;
  readonly destination: string;
  /** ciaddr */
  readonly current: string;
  /** yiaddr */
  readonly given: string;
  /** Option 50. */
  readonly requested: string | undefined;
}

export interface ArpFrame {
  readonly type: "arp-request" | "arp-reply";
  readonly sender: string;
  readonly target: string;
}

export interface Tap {
  /** What of DHCP has passed in either direction, in order. */
  readonly dhcp: () => readonly DhcpFrame[];
  readonly arp: () => readonly ArpFrame[];
  /** The types of `dhcp()`. */
  readonly types: () => readonly string[];
  readonly close: () => void;
}

/** Sees everything that passes a link of this thread's network, in both directions: test equipment. */
export function tap(link: number): Tap {
  const koffi: Koffi = createRequire(import.meta.url)("koffi");
  const libc = koffi.load(null);
  const recv = libc.func("recv", "long", ["int", "void *", "size_t", "int"]);
  const descriptor: number = libc.func("socket", "int", ["int", "int", "int"])(AF_PACKET, SOCK_RAW, 0);
  const at = new DataView(new ArrayBuffer(20));
  at.setUint16(0, AF_PACKET, true);
  at.setUint16(2, ETH_P_ALL);
  at.setInt32(4, link, true);
  if (
    libc.func("bind", "int", ["int", "void *", "uint32_t"])(descriptor, new Uint8Array(at.buffer), 20) !== 0
  )
    throw new Error(`Cannot open a tap: errno ${koffi.errno()}`);
  const dhcp: DhcpFrame[] = [];
  const arp: ArpFrame[] = [];
  const buffer = new Uint8Array(2048);
  const drain = (): void => {
    for (;;) {
      const length: number = recv(descriptor, buffer, buffer.length, MSG_DONTWAIT);
      if (length < 0 && koffi.errno() === constants.errno.EAGAIN) return;
      // Once after the link was down (ENETDOWN); what was heard before and after is behind it.
      if (length < 0) continue;
      const frame = buffer.slice(0, length);
      const etherType = new DataView(frame.buffer).getUint16(12);
      const message = etherType === 0x0800 ? readDhcp(frame.subarray(14)) : undefined;
      if (message !== undefined) dhcp.push(message);
      if (etherType === 0x0806) arp.push(readArp(frame.subarray(14)));
    }
  };
  return {
    dhcp() {
      drain();
      return dhcp;
    },
    arp() {
      drain();
      return arp;
    },
    types() {
      drain();
      return dhcp.map(({ type }) => type);
    },
    close: () => void libc.func("close", "int", ["int"])(descriptor),
  };
}

function readDhcp(packet: Uint8Array): DhcpFrame | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const header = (view.getUint8(0) & 0x0f) * 4;
  if (view.getUint8(9) !== 17 || ![67, 68].includes(view.getUint16(header + 2))) return undefined;
  const bootp = packet.subarray(header + 8);
  const options = new Map<number, Uint8Array>();
  for (let offset = 240; offset < bootp.length && bootp[offset] !== 255; ) {
    const length = Number(bootp[offset + 1]);
    options.set(Number(bootp[offset]), bootp.subarray(offset + 2, offset + 2 + length));
    offset += bootp[offset] === 0 ? 1 : 2 + length;
  }
  return {
    type: NAMES[Number(options.get(53)?.[0])] ?? "",
    source: packet.subarray(12, 16).join("."),
    destination: packet.subarray(16, 20).join("."),
    current: bootp.subarray(12, 16).join("."),
    given: bootp.subarray(16, 20).join("."),
    requested: options.get(50)?.join("."),
  };
}

function readArp(packet: Uint8Array): ArpFrame {
  return {
    type: packet[7] === 1 ? "arp-request" : "arp-reply",
    sender: packet.subarray(14, 18).join("."),
    target: packet.subarray(24, 28).join("."),
  };
}
