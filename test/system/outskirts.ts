import type { Pool } from "../dhcp/servers.ts";
import { Namespace } from "../namespace.ts";
import { SECOND, TOWN, Town } from "./town.ts";

export interface OutskirtsOptions {
  /** The bare interface; default `dev0`. */
  readonly link?: string;
  /** Of the town's end of the cable, beside its own and the second for time. */
  readonly addresses?: readonly string[];
  readonly pool?: Partial<Pool>;
}

/** A network for this thread with nothing but a bare interface that is down, and a town at the other end of its cable. */
export class Outskirts {
  readonly network: Namespace;
  /** The town's network. */
  readonly namespace: string;
  readonly town: Town;

  static async open({ link = "dev0", addresses = [], pool = {} }: OutskirtsOptions = {}): Promise<Outskirts> {
    const outskirts = new Outskirts(link, [SECOND, ...addresses]);
    await outskirts.town.open(pool);
    return outskirts;
  }

  private constructor(link: string, addresses: readonly string[]) {
    this.network = new Namespace();
    this.namespace = this.network.neighbour(link, "town0", `${TOWN}/24`);
    for (const address of addresses) {
      this.network.ip(`-n ${this.namespace} address add ${address}/24 dev town0`);
    }
    this.network.ip(`link set ${link} down`);
    this.town = new Town({ namespace: this.namespace, link: "town0" });
  }

  async close(): Promise<void> {
    await this.town.close();
    this.network.leave();
  }
}
