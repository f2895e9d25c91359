import { createServiceManager } from "../node/platform/index.ts";
import type { Device } from "../system.ts";
import { printable } from "./output.ts";

/**
 * Tells systemd how the device fares, where it is a service of type `notify`: ready when it is OPERATIONAL for the first
 * time, what it waits for before that and later, that it stops, and with `WatchdogSec=` that its event loop turns.
 * Returns what to call when the device is to be stopped, and what to call when it has.
 */
export function reportToServiceManager({ system }: Pick<Device, "system">): {
  readonly stopping: () => void;
  readonly stopped: () => void;
} {
  const manager = createServiceManager(process.env);
  if (manager === undefined) return { stopping: () => {}, stopped: () => {} };
  const { watchdog } = manager;
  let isReady = false;
  const tell = (): void => {
    const [hold] = system.heldBy;
    const waits = hold === undefined ? "" : `: ${hold.state} is held by ${hold.by}: ${printable(hold.why)}`;
    const status = `STATUS=${system.state}${waits}`;
    const isFirst = !isReady && system.state === "OPERATIONAL";
    isReady ||= isFirst;
    if (isFirst) manager.tell("READY=1", status);
    else manager.tell(status);
  };
  system.on("state", tell);
  system.on("held", tell);
  // Half of the time, as sd_watchdog_enabled(3) says.
  const timer =
    watchdog === undefined ? undefined : setInterval(() => manager.tell("WATCHDOG=1"), watchdog / 2);
  return {
    stopping: () => manager.tell("STOPPING=1"),
    stopped: () => {
      clearInterval(timer);
      manager.close();
    },
  };
}
