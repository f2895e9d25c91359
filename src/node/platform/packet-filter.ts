import type { LinkIndex, PacketOptions } from "../../context/index.ts";
import { IS_LITTLE_ENDIAN, viewOf } from "./netlink-bytes.ts";

/** One step of a classic BPF program (struct sock_filter). Jumps are forward and relative. */
export interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly value: number;
}

/** A test that drops the frame where it does not hold; the accumulator has what was loaded last. */
type Step = Load | Check;
type Load = { readonly load: number; readonly value: number };
type Check = { readonly jump: number; readonly value: number; readonly drops: boolean };

const LOAD_WORD_AT = 0x20;
const LOAD_HALF_AT = 0x28;
const LOAD_BYTE_AT = 0x30;
const LOAD_WORD_BEHIND = 0x40;
const LOAD_HALF_BEHIND = 0x48;
const LOAD_BYTE_BEHIND = 0x50;
/** X = 4 * (byte & 0xf): the length of an IPv4 header. */
const LOAD_HEADER_LENGTH = 0xb1;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Offsets of what the kernel knows beside the bytes (SKF_AD_OFF). */
const KNOWN = -0x1000;
const PACKET_TYPE = KNOWN + 4;
const INTERFACE = KNOWN + 8;
const VLAN_TAG = KNOWN + 44;
const PACKET_MULTICAST = 2;
const VLAN_ID = 0xfff;

const ETHERNET = 14;
const IP = ETHERNET;
const UDP = 17;
const FRAGMENT = 0x3fff;
const DHCP_CLIENT = 68;
const BOOTREPLY = 2;
const MAGIC_COOKIE = 0x63825363;
const WHOLE = 0xffff;

/**
 * For frames with their Ethernet header. Of another VLAN the kernel takes the tag off and shows the frame all the same, as
 * one for another host, or as one of the VLAN's own link: both are dropped here. A priority tag (VLAN 0) changes nothing.
 */
export function packetFilter({ kind, link }: PacketOptions): readonly Instruction[] {
  return assemble([...forUs(link), ...(kind === "dhcp" ? DHCP : ARP)]);
}

export function encodeFilter(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = viewOf(bytes);
  for (const [index, { code, whenTrue, whenFalse, value }] of instructions.entries()) {
    view.setUint16(index * 8, code, IS_LITTLE_ENDIAN);
    view.setUint8(index * 8 + 2, whenTrue);
    view.setUint8(index * 8 + 3, whenFalse);
    view.setUint32(index * 8 + 4, value, IS_LITTLE_ENDIAN);
  }
  return bytes;
}

function forUs(link: LinkIndex): readonly Step[] {
  return [
    { load: LOAD_WORD_AT, value: PACKET_TYPE },
    { jump: JUMP_GREATER, value: PACKET_MULTICAST, drops: true },
    { load: LOAD_WORD_AT, value: INTERFACE },
    { jump: JUMP_EQUAL, value: link, drops: false },
    { load: LOAD_WORD_AT, value: VLAN_TAG },
    { jump: JUMP_ANY_BIT, value: VLAN_ID, drops: true },
  ];
}

const DHCP: readonly Step[] = [
  { load: LOAD_HALF_AT, value: 12 },
  { jump: JUMP_EQUAL, value: 0x0800, drops: false },
  { load: LOAD_BYTE_AT, value: IP },
  { jump: JUMP_AT_LEAST, value: 0x45, drops: false },
  { jump: JUMP_GREATER, value: 0x4f, drops: true },
  { load: LOAD_BYTE_AT, value: IP + 9 },
  { jump: JUMP_EQUAL, value: UDP, drops: false },
  { load: LOAD_HALF_AT, value: IP + 6 },
  { jump: JUMP_ANY_BIT, value: FRAGMENT, drops: true },
  { load: LOAD_HEADER_LENGTH, value: IP },
  { load: LOAD_HALF_BEHIND, value: IP + 2 },
  { jump: JUMP_EQUAL, value: DHCP_CLIENT, drops: false },
  { load: LOAD_BYTE_BEHIND, value: IP + 8 },
  { jump: JUMP_EQUAL, value: BOOTREPLY, drops: false },
  { load: LOAD_WORD_BEHIND, value: IP + 8 + 236 },
  { jump: JUMP_EQUAL, value: MAGIC_COOKIE, drops: false },
];

const ARP: readonly Step[] = [
  { load: LOAD_HALF_AT, value: 12 },
  { jump: JUMP_EQUAL, value: 0x0806, drops: false },
  // Ethernet and IPv4, addresses of 6 and 4 bytes.
  { load: LOAD_WORD_AT, value: ETHERNET },
  { jump: JUMP_EQUAL, value: 0x00010800, drops: false },
  { load: LOAD_HALF_AT, value: ETHERNET + 4 },
  { jump: JUMP_EQUAL, value: 0x0604, drops: false },
  { load: LOAD_HALF_AT, value: ETHERNET + 6 },
  { jump: JUMP_AT_LEAST, value: 1, drops: false },
  { jump: JUMP_GREATER, value: 2, drops: true },
];

function assemble(steps: readonly Step[]): readonly Instruction[] {
  const drop = steps.length + 1;
  return [
    ...steps.map((step, index) => {
      if ("load" in step) return { code: step.load, whenTrue: 0, whenFalse: 0, value: step.value };
      const away = drop - index - 1;
      return {
        code: step.jump,
        whenTrue: step.drops ? away : 0,
        whenFalse: step.drops ? 0 : away,
        value: step.value,
      };
    }),
    { code: RETURN, whenTrue: 0, whenFalse: 0, value: WHOLE },
    { code: RETURN, whenTrue: 0, whenFalse: 0, value: 0 },
  ];
}
