import type { ErrorCode } from "../../src/lib/errors.ts";
import { BINARY, CLOSE, CONTINUATION, closeFrame, frame, PING, PONG, TEXT } from "./frames.ts";

/** What a server says after a good handshake, and what must come of it. */
export interface FramesCase {
  readonly name: string;
  readonly bytes: readonly Buffer[];
  readonly code: ErrorCode;
  /** Messages the reader must get, as text; default none. */
  readonly messages?: readonly string[];
}

const MIB = 1024 * 1024;
const HELLO = frame(TEXT, "hello");

const RESERVED: readonly FramesCase[] = [
  ...[0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf].map((opcode) =>
    broken(`the reserved opcode ${opcode}`, [frame(opcode, "x")]),
  ),
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) =>
    broken(`reserved bits ${rsv} on a message`, [frame(TEXT, "x", { rsv })]),
  ),
  ...[1, 2, 4].map((rsv) => broken(`reserved bits ${rsv} on a ping`, [frame(PING, "x", { rsv })])),
  broken("reserved bits on a continuation", [
    frame(TEXT, "a", { fin: false }),
    frame(CONTINUATION, "b", { rsv: 4 }),
  ]),
  broken("a compressed message that nobody has agreed on", [frame(TEXT, Buffer.alloc(6 * MIB), { rsv: 4 })]),
];

const MASKED: readonly FramesCase[] = [TEXT, BINARY, PING, PONG, CLOSE].map((opcode) =>
  broken(`a masked frame of opcode ${opcode}`, [frame(opcode, "", { mask: true })]),
);

const LENGTHS: readonly FramesCase[] = [
  ...[PING, PONG, CLOSE].flatMap((opcode) => [
    broken(`a control frame ${opcode} of 126 bytes`, [frame(opcode, Buffer.alloc(126))]),
    broken(`a control frame ${opcode} with a 64-bit length`, [frame(opcode, "x", { lengthBits: 64 })]),
    broken(`a control frame ${opcode} in fragments`, [frame(opcode, "", { fin: false })]),
  ]),
  ...[2n ** 63n, 2n ** 64n - 1n, 2n ** 53n, 2n ** 53n - 1n, 2n ** 32n, BigInt(16 * MIB + 1)].flatMap(
    (says) => [
      tooLarge(`a text that says it has ${says} bytes`, [frame(TEXT, "", { says, lengthBits: 64 })]),
      tooLarge(`a binary that says it has ${says} bytes`, [frame(BINARY, "", { says, lengthBits: 64 })]),
    ],
  ),
  tooLarge("17 fragments of 1 MiB", [
    frame(BINARY, Buffer.alloc(MIB), { fin: false }),
    ...Array<Buffer>(16).fill(frame(CONTINUATION, Buffer.alloc(MIB), { fin: false })),
  ]),
];

const FRAGMENTS: readonly FramesCase[] = [
  broken("a continuation of nothing", [frame(CONTINUATION, "x")]),
  broken("a continuation of nothing, to be continued", [frame(CONTINUATION, "x", { fin: false })]),
  broken("a text within a text", [frame(TEXT, "a", { fin: false }), HELLO]),
  broken("a binary within a text", [frame(TEXT, "a", { fin: false }), frame(BINARY, "b")]),
  broken(
    "a continuation after the last one",
    [frame(TEXT, "a", { fin: false }), frame(CONTINUATION, "b"), frame(CONTINUATION, "c")],
    ["ab"],
  ),
  tooLarge("131 000 fragments of 1 byte", [
    frame(BINARY, "x", { fin: false }),
    Buffer.concat(Array<Buffer>(131_000).fill(frame(CONTINUATION, "x", { fin: false }))),
  ]),
  tooLarge("131 000 empty fragments", [
    frame(BINARY, "", { fin: false }),
    Buffer.concat(Array<Buffer>(131_000).fill(frame(CONTINUATION, "", { fin: false }))),
  ]),
  ended("a message that never ends", [
    frame(TEXT, "a", { fin: false }),
    frame(CONTINUATION, "b", { fin: false }),
  ]),
  ended("half a frame", [frame(TEXT, "hello").subarray(0, 4)]),
  closed(
    "pings and pongs within a message",
    [
      frame(TEXT, "he", { fin: false }),
      frame(PING, "1"),
      frame(CONTINUATION, "l", { fin: false }),
      frame(PONG, "2"),
      frame(CONTINUATION, "lo"),
      closeFrame(1000),
    ],
    ["hello"],
  ),
  closed(
    "a message in empty fragments",
    [
      frame(TEXT, "", { fin: false }),
      frame(CONTINUATION, "", { fin: false }),
      frame(CONTINUATION, ""),
      closeFrame(1000),
    ],
    [""],
  ),
  // RFC 6455, 5.2 wants the shortest length; what is said is clear all the same.
  closed(
    "lengths longer than need be",
    [frame(TEXT, "a", { lengthBits: 16 }), frame(TEXT, "b", { lengthBits: 64 }), closeFrame(1000)],
    ["a", "b"],
  ),
  closed("pongs that nobody asked for", [frame(PONG, "x"), frame(PONG), HELLO, closeFrame(1000)], ["hello"]),
];

const NOT_UTF8: readonly FramesCase[] = [
  "80",
  "bf",
  "c080",
  "c1bf",
  "c3",
  "e0809f",
  "e282",
  "eda080",
  "edbfbf",
  "f08080af",
  "f4908080",
  "f8888080",
  "fe",
  "ff",
].flatMap((hex) => {
  const bytes = Buffer.from(hex, "hex");
  return [
    broken(`the text ${hex}`, [frame(TEXT, bytes)]),
    broken(`the close frame's words ${hex}`, [closeFrame(1000, bytes)]),
    closed(`the binary ${hex}`, [frame(BINARY, bytes), closeFrame(1000)], [bytes.toString()]),
  ];
});

const UTF8: readonly FramesCase[] = [
  closed(
    "a character in two fragments",
    [
      frame(TEXT, Buffer.from("e2", "hex"), { fin: false }),
      frame(CONTINUATION, Buffer.from("82ac", "hex")),
      closeFrame(1000),
    ],
    ["€"],
  ),
  broken("half a character in two fragments", [
    frame(TEXT, Buffer.from("e2", "hex"), { fin: false }),
    frame(CONTINUATION, Buffer.from("82", "hex")),
  ]),
];

const CLOSES: readonly FramesCase[] = [
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    broken(`the close code ${code}`, [closeFrame(code)]),
  ),
  broken("a close frame of 1 byte", [frame(CLOSE, "x")]),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code) => closed(`the close code ${code}`, [HELLO, closeFrame(code, "bye")], ["hello"]),
  ),
  closed("a close frame without a code", [closeFrame()]),
  closed("a message after the close frame", [closeFrame(1000), HELLO]),
  closed("two close frames", [closeFrame(1000), closeFrame(1011)]),
  ended("no close frame", [HELLO], ["hello"]),
  ended("nothing", []),
];

export const FRAMES: readonly FramesCase[] = [
  ...RESERVED,
  ...MASKED,
  ...LENGTHS,
  ...FRAGMENTS,
  ...NOT_UTF8,
  ...UTF8,
  ...CLOSES,
];

function broken(name: string, bytes: readonly Buffer[], messages: readonly string[] = []): FramesCase {
  return { name, bytes, code: "ws-protocol", messages };
}

function tooLarge(name: string, bytes: readonly Buffer[]): FramesCase {
  return { name, bytes, code: "ws-too-large" };
}

/** The connection ends without a close frame. */
function ended(name: string, bytes: readonly Buffer[], messages: readonly string[] = []): FramesCase {
  return { name, bytes, code: "connection-closed", messages };
}

function closed(name: string, bytes: readonly Buffer[], messages: readonly string[] = []): FramesCase {
  return { name, bytes, code: "ws-closed", messages };
}
