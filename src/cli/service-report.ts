import { createServiceManager } from "../node/platform/index.ts";
import type { Device } from "../system.ts";
import { printable } from "./output.ts";
import { told } from "./tell-device.ts";

/** A manager that is busy is told again after so long. */
const AGAIN = 1000;

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
  let again: NodeJS.Timeout | undefined;
  const tell = (): void => {
    const [hold] = system.heldBy;
    const status = `STATUS=${system.state}${hold === undefined ? "" : `: ${printable(told(hold))}`}`;
    if (isReady || system.state !== "OPERATIONAL") manager.tell(status);
    else isReady = manager.tell("READY=1", status);
    clearTimeout(again);
    if (!isReady && system.state === "OPERATIONAL") again = setTimeout(tell, AGAIN);
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
      clearTimeout(again);
      manager.close();
    },
  };
}
