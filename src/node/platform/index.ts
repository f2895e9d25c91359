export { createDhcpPorts } from "./dhcp-ports.ts";
export { createServiceManager } from "./service-manager.ts";
export { createClockSetter } from "./set-clock.ts";

import type { Network, SmallFiles, Suspend } from "../../context/index.ts";
import { LinuxNetwork } from "./linux-network.ts";
import { systemFiles } from "./small-files.ts";
import { kernelTimeAsleep, LinuxSuspend } from "./suspend.ts";

/**
 * The network of this machine. Needs Linux and the package koffi: each call without them throws SecureStreamsError
 * `unsupported`. Reading needs no privilege, changing CAP_NET_ADMIN, packets CAP_NET_RAW, datagrams CAP_NET_BIND_SERVICE.
 */
export function createNetwork(): Network {
  return new LinuxNetwork();
}

export function createSmallFiles(): SmallFiles {
  return systemFiles;
}

/** Needs what `createNetwork` needs, no privilege. Changes of the wall clock are no sleep. */
export function createSuspend(): Suspend {
  return new LinuxSuspend(kernelTimeAsleep());
}
