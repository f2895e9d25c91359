import type { Random } from "../../lib/random.ts";
import type { Network, SmallFiles, Suspend } from "../network-ports.ts";
import type { Clock } from "../ports.ts";

/** The world as a DHCP client sees it. */
export interface DhcpPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly files: SmallFiles;
  readonly suspend: Suspend;
  readonly diagnostics: DhcpDiagnostics;
  /** A listener of the program threw: it surfaces as an uncaught exception, after the present work is done. */
  raise(error: unknown): void;
}

/** `node:diagnostics_channel`, "secure-streams:dhcp": states, leases, and what came that was no answer. */
export interface DhcpDiagnostics {
  readonly hasSubscribers: () => boolean;
  readonly publish: (event: object) => void;
}
