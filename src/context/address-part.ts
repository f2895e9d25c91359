import type { Lease } from "../dhcp/index.ts";
import type { DhcpClient } from "./dhcp/index.ts";
import { type Gate, type PartHost, type SystemPart, watchTurn } from "./system-part.ts";

export interface AddressPartOptions {
  readonly clients: readonly DhcpClient[];
  /** The leases that hold now, the best interface's first; called with each change. */
  readonly leased: (leases: readonly Lease[]) => void;
}

/** Holds DHCP until one interface has a lease, and again when the last one is lost. */
export class AddressPart implements SystemPart {
  readonly name = "dhcp";
  readonly #options: AddressPartOptions;

  constructor(options: AddressPartOptions) {
    this.#options = options;
  }

  start(host: PartHost): () => Promise<void> {
    const { clients, leased } = this.#options;
    const gate = host.gate("DHCP", "no server has given an address yet");
    for (const client of clients) {
      client.on("lease", ({ change, reason }) => {
        const leases = clients.flatMap(({ lease }) => lease ?? []);
        leased(leases);
        judge(gate, leases, change === "lost" ? (reason?.message ?? "the lease was given back") : "");
      });
      client.on("state", ({ state, reason }) => {
        if (state === "ended" && reason !== undefined) gate.close(reason.message);
      });
    }
    watchTurn(host, "DHCP", {
      up: () => {
        // What a capability is missing for is said by the state `ended`.
        for (const client of clients) client.start().catch(() => {});
      },
      down: () => {},
    });
    return async () => {
      await Promise.all(clients.map((client) => client.stop()));
    };
  }
}

function judge(gate: Gate, leases: readonly Lease[], why: string): void {
  if (leases.length > 0) {
    if (!gate.isOpen) gate.open();
  } else gate.close(why);
}
