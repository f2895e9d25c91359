import { expect, test } from "vitest";
import type { Reason } from "../lib/errors.ts";
import { timedOut } from "./timed-out.ts";

const REFUSED: Reason = {
  layer: "tcp",
  code: "connection-refused",
  message: "Nobody listens",
  retryAfter: 5,
};

test("a timeout before anything failed is of its own layer", () => {
  expect(timedOut("Not done within 5 ms", undefined, { own: "http", isConnected: false })).toEqual({
    layer: "http",
    code: "timeout",
    message: "Not done within 5 ms",
  });
});

test("a timeout tells the last failure, and is of its layer", () => {
  expect(timedOut("Not done within 5 ms", REFUSED, { own: "http", isConnected: false })).toEqual({
    layer: "tcp",
    code: "timeout",
    message: "Not done within 5 ms; the last failure (tcp): Nobody listens",
  });
});

test("a timeout on a connection that came after a failure is of its own layer", () => {
  expect(timedOut("Not done within 5 ms", REFUSED, { own: "http", isConnected: true })).toEqual({
    layer: "http",
    code: "timeout",
    message: "Not done within 5 ms; the last failure (tcp): Nobody listens",
  });
});
