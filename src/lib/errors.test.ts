import { describe, expect, test } from "vitest";
import { ERROR_CODES, type Reason, SecureStreamsError, UsageError } from "./errors.ts";
import { Malformed } from "./malformed.ts";
import { hours, minutes, seconds } from "./millis.ts";
import { unreachable } from "./unreachable.ts";

const REASON: Reason = { layer: "http", code: "http-status", message: "The status is 500", status: 500 };

describe("SecureStreamsError", () => {
  test("says what the reason says", () => {
    const error = new SecureStreamsError(REASON, { streamtype: "config" });

    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "SecureStreamsError", ...REASON, streamtype: "config" });
    expect("cause" in error).toBe(false);
  });

  test("keeps the cause", () => {
    const cause = new Error("below");

    expect(new SecureStreamsError(REASON, { cause }).cause).toBe(cause);
  });
});

test("UsageError is the caller's fault unless told otherwise", () => {
  expect(new UsageError("Cannot send: closed")).toMatchObject({
    name: "UsageError",
    code: "usage",
    layer: "stream",
  });
  expect(new UsageError("Cannot", "policy-value", "policy")).toMatchObject({
    code: "policy-value",
    layer: "policy",
  });
});

test("every code is kebab-case and says what it means in a sentence without a period", () => {
  for (const [code, meaning] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(meaning, code).toMatch(/^(.*[^.])$/s);
  }
});

test("Malformed has its own name", () => {
  expect(new Malformed("Not base64")).toMatchObject({ name: "Malformed", message: "Not base64" });
});

test("spans are milliseconds", () => {
  expect([seconds(2), minutes(2), hours(2)]).toEqual([2000, 120_000, 7_200_000]);
});

test("unreachable names what the types did not foresee", () => {
  expect(() => unreachable({ type: "new" } as never)).toThrow(
    'Cannot handle: unexpected value {"type":"new"}',
  );
});
