import { createRequire } from "node:module";
import { onTestFinished } from "vitest";

type Koffi = typeof import("koffi");

const AF_PACKET = 17;
const SOCK_RAW = 3;

/** Puts frames on a cable as they are: test equipment. */
export function rawSender(link: number): (frame: Uint8Array) => void {
  const koffi: Koffi = createRequire(import.meta.url)("koffi");
  const libc = koffi.load(null);
  const socket = libc.func("socket", "int", ["int", "int", "int"]);
  const sendto = libc.func("sendto", "long", ["int", "void *", "size_t", "int", "void *", "uint32_t"]);
  const close = libc.func("close", "int", ["int"]);
  const descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  if (descriptor < 0) throw new Error(`Cannot open a raw socket: errno ${koffi.errno()}`);
  onTestFinished(() => void close(descriptor));
  const to = new DataView(new ArrayBuffer(20));
  to.setUint16(0, AF_PACKET, true);
  to.setInt32(4, link, true);
  return (frame) => {
    if (sendto(descriptor, frame, frame.length, 0, new Uint8Array(to.buffer), 20) !== frame.length) {
      throw new Error(`Cannot send ${frame.length} bytes: errno ${koffi.errno()}`);
    }
  };
}

export interface FrameOptions {
  readonly to?: readonly number[];
  /** Tags from the outside in: [ethertype, VLAN id]. */
  readonly tags?: readonly (readonly [number, number])[];
  readonly etherType?: number;
  readonly version?: number;
  /** What the header says of its length, in words of four bytes. */
  readonly headerWords?: number;
  /** Bytes of IP options, a multiple of four. */
  readonly ipOptions?: number;
  /** The 16 bits of flags and fragment offset. */
  readonly fragment?: number;
  readonly protocol?: number;
  readonly port?: number;
  readonly op?: number;
  readonly cookie?: number;
  /** Told apart by it: the first byte of the transaction id. */
  readonly id?: number;
}

/** A frame with a BOOTP reply, right in everything but what the options say. Checksums are 0. */
export function dhcpFrame(options: FrameOptions = {}): Uint8Array {
  const { to = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], tags = [], ipOptions = 0 } = options;
  const header = 20 + ipOptions;
  const bootp = new DataView(new ArrayBuffer(300));
  bootp.setUint8(0, options.op ?? 2);
  bootp.setUint8(4, options.id ?? 0);
  bootp.setUint32(236, options.cookie ?? 0x63825363);
  const udp = new DataView(new ArrayBuffer(8));
  udp.setUint16(0, 67);
  udp.setUint16(2, options.port ?? 68);
  udp.setUint16(4, 308);
  const ip = new DataView(new ArrayBuffer(header));
  ip.setUint8(0, ((options.version ?? 4) << 4) | (options.headerWords ?? header / 4));
  ip.setUint16(2, header + 308);
  ip.setUint16(6, options.fragment ?? 0);
  ip.setUint8(8, 64);
  ip.setUint8(9, options.protocol ?? 17);
  ip.setUint32(12, 0xc0000201);
  ip.setUint32(16, 0xffffffff);
  for (let offset = 20; offset < header; offset += 4) ip.setUint32(offset, 0x01010101);
  return Uint8Array.from([
    ...ethernet(to, tags, options.etherType ?? 0x0800),
    ...[ip, udp, bootp].flatMap((part) => [...new Uint8Array(part.buffer)]),
  ]);
}

/** An ARP packet for IPv4 on Ethernet, `over` writing bytes of it. */
export function arpFrame(
  over: Readonly<Record<number, number>> = {},
  tags: FrameOptions["tags"] = [],
): Uint8Array {
  const arp = [0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 9, 192, 0, 2, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (const [index, value] of Object.entries(over)) arp[Number(index)] = value;
  return Uint8Array.from([...ethernet([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], tags, 0x0806), ...arp]);
}

function ethernet(to: readonly number[], tags: FrameOptions["tags"], etherType: number): number[] {
  const from = [2, 0, 0, 0, 0, 9];
  const inner = [...(tags ?? []).flatMap(([type, id]) => [type >> 8, type & 0xff, id >> 8, id & 0xff])];
  return [...to, ...from, ...inner, etherType >> 8, etherType & 0xff];
}

/** What arrives at a link from now on, of one type. Waits for the first `count` frames. */
export function rawReceiver(link: number, etherType: number): (count: number) => readonly Uint8Array[] {
  const koffi: Koffi = createRequire(import.meta.url)("koffi");
  const libc = koffi.load(null);
  const socket = libc.func("socket", "int", ["int", "int", "int"]);
  const bind = libc.func("bind", "int", ["int", "void *", "uint32_t"]);
  const recv = libc.func("recv", "long", ["int", "void *", "size_t", "int"]);
  const close = libc.func("close", "int", ["int"]);
  const descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  onTestFinished(() => void close(descriptor));
  const at = new DataView(new ArrayBuffer(20));
  at.setUint16(0, AF_PACKET, true);
  at.setUint16(2, etherType);
  at.setInt32(4, link, true);
  if (bind(descriptor, new Uint8Array(at.buffer), 20) !== 0) throw new Error(`errno ${koffi.errno()}`);
  return (count) =>
    Array.from({ length: count }, () => {
      const buffer = new Uint8Array(2048);
      return buffer.slice(0, recv(descriptor, buffer, buffer.length, 0));
    });
}
