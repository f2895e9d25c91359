import { describe, expect, test } from "vitest";
import { createServiceManager } from "./service-manager.ts";

describe("who started this process", () => {
  test.each([
    ["nothing", {}],
    ["an empty path", { NOTIFY_SOCKET: "" }],
    ["a socket of another kind", { NOTIFY_SOCKET: "vsock:2:1234" }],
    ["a path that no socket has", { NOTIFY_SOCKET: `/${"x".repeat(108)}` }],
  ])("wants to hear nothing where the environment names %s", (_, environment) => {
    expect(createServiceManager(environment)).toBeUndefined();
  });
});

describe.skipIf(process.platform !== "linux")("a service manager", () => {
  test.each([
    [{}, undefined],
    [{ WATCHDOG_USEC: "30000000" }, 30_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: `${process.pid}` }, 30_000],
    [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }, undefined],
    [{ WATCHDOG_USEC: "0" }, undefined],
    [{ WATCHDOG_USEC: "soon" }, undefined],
  ])("with %j expects a sign of life within %s ms", (environment, expected) => {
    const manager = createServiceManager({ NOTIFY_SOCKET: "@nobody", ...environment });

    expect(manager?.watchdog).toBe(expected);
    manager?.close();
  });

  test("that has gone is told nothing, and nobody suffers", () => {
    const manager = createServiceManager({ NOTIFY_SOCKET: "/nonexistent/notify" });

    manager?.tell("READY=1");
    manager?.close();
    manager?.tell("READY=1");
    manager?.close();

    expect(manager?.watchdog).toBeUndefined();
  });
});
