import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { filterFault, topicFault, utf8Length } from "./mqtt-topic.ts";

describe("a topic", () => {
  test.each(["a", "/", "a/b", "/a", "a/", "sensor température", "$SYS/x", "😀"])("may be %j", (topic) => {
    expect(topicFault(topic)).toBeUndefined();
    expect(filterFault(topic)).toBeUndefined();
  });

  test.each(["", "a/+", "#", "a\0b", "a\ud800", "é".repeat(32_768)])("may not be %j", (topic) => {
    expect(topicFault(topic)).toBeDefined();
  });

  test("has 65535 bytes at most", () => {
    expect(topicFault("a".repeat(65_535))).toBeUndefined();
    expect(topicFault("a".repeat(65_536))).toBeDefined();
    expect(topicFault("é".repeat(32_767))).toBeUndefined();
  });

  test("is measured as Node measures UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
    for (const text of ["\ud800", "\ud800a", "\udc00", "é€😀"])
      expect(utf8Length(text)).toBe(Buffer.byteLength(text));
  });
});

describe("a filter", () => {
  test.each(["#", "+", "+/+", "a/#", "/#", "a/+/b", "$share/group/a/#", "$share/group//", "$SYS/#"])(
    "may be %j",
    (filter) => expect(filterFault(filter)).toBeUndefined(),
  );

  test.each([
    "",
    "a#",
    "a/#/b",
    "a+",
    "a/b+/c",
    "##",
    "$share/",
    "$share/g",
    "$share/g/",
    "$share/+/a",
    "$share/g/a#",
  ])("may not be %j", (filter) => expect(filterFault(filter)).toBeDefined());
});
