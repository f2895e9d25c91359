import { expect, test } from "vitest";
import { encodeRequest, mismatch } from "./request.ts";
import { Slab } from "./slab.ts";

const WIRE = Uint8Array.of(1, 0x61, 0);
const REQUEST = encodeRequest(
  { id: 0x1234, wire: WIRE, type: 1, casing: undefined, ednsSize: undefined, cookie: undefined },
  new Slab(),
);
const REPLY = REQUEST.map((byte, at) => (at === 2 ? byte | 0x80 : byte));

test.each<[string, Uint8Array, string | undefined]>([
  ["the request's echo as a response", REPLY, undefined],
  ["what is shorter than a header", REPLY.slice(0, 11), "short"],
  ["another high byte of the id", changed(0, 0x13), "id"],
  ["another low byte of the id", changed(1, 0x35), "id"],
  ["a query", REQUEST, "not-a-response"],
  ["another opcode", changed(2, 0x88), "not-a-response"],
  ["no question", changed(5, 0), "question"],
  ["a question that is cut off", REPLY.slice(0, -1), "question"],
  ["another name", changed(13, 0x62), "question"],
  ["another case", changed(13, 0x41), "casing"],
  ["another type by the bit that parts the cases", changed(16, 0x21), "question"],
])("DNS-01 %s is told from an answer", (_, reply, expected) => {
  expect(mismatch(REQUEST, reply, WIRE.length)).toBe(expected);
});

function changed(at: number, value: number): Uint8Array {
  return REPLY.map((byte, index) => (index === at ? value : byte));
}
