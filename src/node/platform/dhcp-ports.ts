import { channel } from "node:diagnostics_channel";
import type { DhcpPorts } from "../../context/index.ts";
import { systemClock } from "../clock.ts";
import { raise } from "../raise.ts";
import { createNetwork, createSmallFiles, createSuspend } from "./index.ts";
import { kernelRandom } from "./kernel-random.ts";

const events = channel("secure-streams:dhcp");

/** The real world for DHCP clients. Throws `unsupported` where the platform has no implementation. */
export function createDhcpPorts(): DhcpPorts {
  return {
    clock: systemClock,
    random: kernelRandom(),
    network: createNetwork(),
    files: createSmallFiles(),
    suspend: createSuspend(),
    diagnostics: { hasSubscribers: () => events.hasSubscribers, publish: (event) => events.publish(event) },
    raise,
  };
}
