import type { Link, Network } from "./network-ports.ts";
import type { PartHost, SystemPart } from "./system-part.ts";

export interface LinkPartOptions {
  /** Names of interfaces; one that is up and has a carrier is enough. */
  readonly interfaces: readonly string[];
  /** Sets those that are down up at the start. Default: false. */
  readonly bringUp?: boolean;
}

/** Holds IFACE_COLDPLUG until an interface can be used, and again when the last one cannot. */
export class LinkPart implements SystemPart {
  readonly name = "link";
  readonly #network: Pick<Network, "snapshot" | "watch" | "bringUp">;
  readonly #options: LinkPartOptions;
  readonly #usable = new Set<number>();

  constructor(network: Pick<Network, "snapshot" | "watch" | "bringUp">, options: LinkPartOptions) {
    this.#network = network;
    this.#options = options;
  }

  start(host: PartHost): () => void {
    const { interfaces, bringUp = false } = this.#options;
    const names = interfaces.join(", ");
    const gate = host.gate("IFACE_COLDPLUG", `${names}: not up, or no carrier`);
    const judge = (link: Link, isThere: boolean): void => {
      if (!interfaces.includes(link.name)) return;
      if (isThere && link.isUp && link.hasCarrier) this.#usable.add(link.index);
      else this.#usable.delete(link.index);
      if (this.#usable.size > 0 !== gate.isOpen) {
        if (gate.isOpen) gate.close(`${names}: no carrier any more`);
        else gate.open();
      }
    };
    const unwatch = this.#network.watch((event) => {
      if (event.type === "link" || event.type === "link-gone") judge(event.link, event.type === "link");
    });
    for (const link of this.#network.snapshot().links) {
      judge(link, true);
      if (bringUp && interfaces.includes(link.name) && !link.isUp) this.#network.bringUp(link.index);
    }
    return unwatch;
  }
}
