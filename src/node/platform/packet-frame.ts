import type { Packet, PacketOptions } from "../../context/index.ts";
import { concat } from "../../lib/bytes.ts";
import { IS_LITTLE_ENDIAN, viewOf } from "./netlink-bytes.ts";

export const ETHERTYPES: Readonly<Record<PacketOptions["kind"], number>> = { dhcp: 0x0800, arp: 0x0806 };
export const BROADCAST: Uint8Array = new Uint8Array(6).fill(0xff);

/** struct virtio_net_hdr, in front of each frame where PACKET_VNET_HDR is set */
const OFFLOAD = 10;
const NEEDS_CHECKSUM = 0x1;
const ETHERNET = 14;
const UDP_CHECKSUM = 6;

/** What a read of the packet socket gives; undefined for what is no whole frame (too short, several in one). */
export function decodeFrame(bytes: Uint8Array, kind: PacketOptions["kind"]): Packet | undefined {
  if (bytes.length <= OFFLOAD + ETHERNET) return undefined;
  const view = viewOf(bytes);
  if (view.getUint8(1) !== 0) return undefined;
  const payload = bytes.subarray(OFFLOAD + ETHERNET);
  const isPartial = (view.getUint8(0) & NEEDS_CHECKSUM) !== 0 && kind === "dhcp" && isOfUdp(view, payload);
  return { bytes: payload, checksum: isPartial ? "partial" : "full", vlan: undefined };
}

/** What a write to the packet socket takes. */
export function encodeFrame(
  payload: Uint8Array,
  {
    kind,
    from,
    to,
  }: { readonly kind: PacketOptions["kind"]; readonly from: Uint8Array; readonly to: Uint8Array },
): Uint8Array {
  const type = ETHERTYPES[kind];
  return concat([new Uint8Array(OFFLOAD), to, from, Uint8Array.of(type >> 8, type & 0xff), payload]);
}

/** The sum that is left to do is that of the UDP header behind this IPv4 header. */
function isOfUdp(view: DataView, payload: Uint8Array): boolean {
  const start = view.getUint16(6, IS_LITTLE_ENDIAN);
  const offset = view.getUint16(8, IS_LITTLE_ENDIAN);
  return start === ETHERNET + (Number(payload[0]) & 0x0f) * 4 && offset === UDP_CHECKSUM;
}
