import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createNetwork, createSuspend } from "./index.ts";

describe("another system than Linux", () => {
  const platform = Object.getOwnPropertyDescriptor(process, "platform") ?? {};

  beforeEach(() => void Object.defineProperty(process, "platform", { ...platform, value: "sunos" }));
  afterEach(() => void Object.defineProperty(process, "platform", platform));

  test("is named by each call", () => {
    const network = createNetwork();
    const address = {
      link: 1,
      address: "192.0.2.1",
      prefixLength: 24,
      validSeconds: 1,
      preferredSeconds: 1,
      protocol: 68,
    };
    const route = { link: 1, destination: "0.0.0.0", prefixLength: 0, metric: 0, protocol: 16 };
    const calls = [
      () => network.snapshot(),
      () => network.watch(() => {}),
      () => network.bringUp(1),
      () => network.setMtu(1, 1500),
      () => network.putAddress(address),
      () => network.dropAddress(address),
      () => network.putRoute(route),
      () => network.dropRoute(route),
      () => network.openPackets({ link: 1, kind: "dhcp" }, { packet: () => {}, linkDown: () => {} }),
      () => network.openDatagrams({ link: 1, address: "192.0.2.1" }, { message: () => {}, failed: () => {} }),
      () => createSuspend().watch(() => {}),
    ];

    for (const call of calls) {
      expect(call).toThrow(
        expect.objectContaining({
          name: "SecureStreamsError",
          code: "unsupported",
          layer: "system",
          message: 'Cannot use the network of this system: only Linux is known, not "sunos"',
        }),
      );
    }
  });
});
