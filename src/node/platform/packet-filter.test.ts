import { describe, expect, test } from "vitest";
import { arpFrame, dhcpFrame, type FrameOptions } from "../../../test/platform/raw-frames.ts";
import { encodeFilter, type Instruction, packetFilter } from "./packet-filter.ts";
import { decodeFrame, encodeFrame } from "./packet-frame.ts";

/** What the kernel knows of a frame beside its bytes. */
interface Known {
  readonly packetType?: number;
  readonly link?: number;
  readonly vlan?: number;
}

const LINK = 3;

describe("the filter for DHCP", () => {
  const passes = (frame: Uint8Array, known?: Known): boolean =>
    run(packetFilter({ kind: "dhcp", link: LINK }), frame, known) > 0;

  test("lets pass a whole reply to this host, to a group and to everybody", () => {
    expect(run(packetFilter({ kind: "dhcp", link: LINK }), dhcpFrame())).toBe(0xffff);
    for (const packetType of [0, 1, 2]) expect(passes(dhcpFrame(), { packetType })).toBe(true);
    for (const ipOptions of [0, 4, 20, 40])
      expect(passes(dhcpFrame({ ipOptions })), `${ipOptions}`).toBe(true);
    expect(passes(dhcpFrame({ fragment: 0x4000 }))).toBe(true);
    expect(passes(dhcpFrame(), { vlan: 0xe000 })).toBe(true);
  });

  test.each<[string, FrameOptions, Known]>([
    ["to another host", {}, { packetType: 3 }],
    ["of this host's own", {}, { packetType: 4 }],
    ["of another link", {}, { link: 4 }],
    ["of another VLAN", {}, { vlan: 5 }],
    ["of another VLAN with a priority", {}, { vlan: 0xe005 }],
    ["of another protocol than IPv4", { etherType: 0x86dd }, {}],
    ["of IP version 6", { version: 6 }, {}],
    ["of a header that is too short", { headerWords: 4 }, {}],
    ["of TCP", { protocol: 6 }, {}],
    ["that is a first fragment", { fragment: 0x2000 }, {}],
    ["that is a last fragment", { fragment: 0x0001 }, {}],
    ["to the server's port", { port: 67 }, {}],
    ["that is a request", { op: 1 }, {}],
    ["without the magic cookie", { cookie: 0 }, {}],
  ])("drops a frame %s", (_, options, known) => {
    expect(passes(dhcpFrame(options), known)).toBe(false);
  });

  test("drops what is cut off before the cookie ends", () => {
    const frame = dhcpFrame();
    const end = 14 + 20 + 8 + 240;

    for (let length = 0; length < end; length++)
      expect(passes(frame.subarray(0, length)), `${length}`).toBe(false);
    expect(passes(frame.subarray(0, end))).toBe(true);
  });
});

describe("the filter for ARP", () => {
  const passes = (frame: Uint8Array, known?: Known): boolean =>
    run(packetFilter({ kind: "arp", link: LINK }), frame, known) > 0;

  test("lets pass requests and replies for IPv4 on Ethernet", () => {
    expect(passes(arpFrame({ 7: 1 }))).toBe(true);
    expect(passes(arpFrame({ 7: 2 }))).toBe(true);
  });

  test("drops the rest", () => {
    for (const [index, value] of [
      [0, 1],
      [1, 6],
      [2, 0x86],
      [3, 6],
      [4, 8],
      [5, 16],
      [6, 1],
      [7, 0],
      [7, 3],
    ] as const) {
      expect(passes(arpFrame({ [index]: value })), `${index}`).toBe(false);
    }
    expect(passes(dhcpFrame())).toBe(false);
    expect(passes(arpFrame(), { packetType: 3 })).toBe(false);
    expect(passes(arpFrame(), { link: 4 })).toBe(false);
    expect(passes(arpFrame(), { vlan: 5 })).toBe(false);
    expect(passes(arpFrame().subarray(0, 21))).toBe(false);
  });
});

describe("the bytes of a packet socket", () => {
  test("are a program that the kernel reads", () => {
    const bytes = encodeFilter([{ code: 0x15, whenTrue: 1, whenFalse: 2, value: 0xfffff004 }]);

    expect([...bytes]).toEqual([0x15, 0, 1, 2, 0x04, 0xf0, 0xff, 0xff]);
  });

  test("are a frame behind a header about checksums", () => {
    const from = Uint8Array.of(2, 0, 0, 0, 0, 1);
    const to = Uint8Array.of(2, 0, 0, 0, 0, 2);

    const frame = encodeFrame(Uint8Array.of(0x45, 7), { kind: "dhcp", from, to });

    expect([...frame]).toEqual([
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 7,
    ]);
    expect(encodeFrame(Uint8Array.of(1), { kind: "arp", from, to }).subarray(22)).toEqual(
      Uint8Array.of(8, 6, 1),
    );
    expect(decodeFrame(frame, "dhcp")).toEqual({
      bytes: Uint8Array.of(0x45, 7),
      checksum: "full",
      vlan: undefined,
    });
  });

  test("say whether the UDP checksum is still to be done", () => {
    const checksum = (header: readonly number[], kind: "dhcp" | "arp" = "dhcp", ipOptions = 0) =>
      decodeFrame(Uint8Array.from([...header, ...dhcpFrame({ ipOptions })]), kind)?.checksum;

    expect(checksum([1, 0, 0, 0, 0, 0, 34, 0, 6, 0])).toBe("partial");
    expect(checksum([1, 0, 0, 0, 0, 0, 38, 0, 6, 0], "dhcp", 4)).toBe("partial");
    expect(checksum([1, 0, 0, 0, 0, 0, 34, 0, 6, 0], "dhcp", 4)).toBe("full");
    expect(checksum([1, 0, 0, 0, 0, 0, 34, 0, 16, 0])).toBe("full");
    expect(checksum([2, 0, 0, 0, 0, 0, 34, 0, 6, 0])).toBe("full");
    expect(checksum([1, 0, 0, 0, 0, 0, 34, 0, 6, 0], "arp")).toBe("full");
  });

  test("are nothing where they are several packets in one, or no packet", () => {
    expect(
      decodeFrame(Uint8Array.from([0, 3, 0, 0, 0, 0, 0, 0, 0, 0, ...dhcpFrame()]), "dhcp"),
    ).toBeUndefined();
    expect(decodeFrame(new Uint8Array(24), "dhcp")).toBeUndefined();
    expect(decodeFrame(new Uint8Array(), "arp")).toBeUndefined();
  });
});

/** A classic BPF machine as the kernel has it: how many bytes are let pass; a load outside the frame drops it. */
function run(program: readonly Instruction[], frame: Uint8Array, known: Known = {}): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const ancillary = new Map([
    [0xfffff004, known.packetType ?? 0],
    [0xfffff008, known.link ?? LINK],
    [0xfffff02c, known.vlan ?? 0],
  ]);
  let a = 0;
  let x = 0;
  try {
    for (let at = 0; ; at++) {
      const step = program[at];
      if (step === undefined) throw new Error("The program does not end");
      const { code, whenTrue, whenFalse, value } = step;
      const k = value >>> 0;
      const jump = (holds: boolean): void => {
        at += holds ? whenTrue : whenFalse;
      };
      if (code === 0x06) return k;
      else if (code === 0x20) a = ancillary.get(k) ?? view.getUint32(k);
      else if (code === 0x28) a = view.getUint16(k);
      else if (code === 0x30) a = view.getUint8(k);
      else if (code === 0x40) a = view.getUint32(x + k);
      else if (code === 0x48) a = view.getUint16(x + k);
      else if (code === 0x50) a = view.getUint8(x + k);
      else if (code === 0xb1) x = (view.getUint8(k) & 0x0f) * 4;
      else if (code === 0x15) jump(a === k);
      else if (code === 0x25) jump(a > k);
      else if (code === 0x35) jump(a >= k);
      else if (code === 0x45) jump((a & k) !== 0);
      else throw new Error(`No such instruction: ${code}`);
    }
  } catch (error) {
    if (error instanceof RangeError) return 0;
    throw error;
  }
}
