import type {
  InterfaceAddress,
  Link,
  Network,
  NetworkEvent,
  NetworkSnapshot,
  Route,
} from "../../src/context/network-ports.ts";

/** A kernel's links, addresses and routes as lists that a test changes. */
export class SimNetwork implements Pick<Network, "snapshot" | "watch" | "bringUp"> {
  #links: readonly Link[] = [];
  #addresses: readonly InterfaceAddress[] = [];
  #routes: readonly Route[] = [];
  readonly broughtUp: number[] = [];
  readonly #listeners = new Set<(event: NetworkEvent) => void>();

  snapshot(): NetworkSnapshot {
    return { links: this.#links, addresses: this.#addresses, routes: this.#routes };
  }

  watch(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  bringUp(link: number): void {
    this.broughtUp.push(link);
  }

  link(
    name: string,
    index: number,
    state: { readonly isUp?: boolean; readonly hasCarrier?: boolean } = {},
  ): void {
    const { isUp = true, hasCarrier = true } = state;
    const link: Link = {
      index,
      name,
      hardwareType: 1,
      hardwareAddress: new Uint8Array(6),
      mtu: 1500,
      isUp,
      hasCarrier,
    };
    this.#links = [...this.#links.filter((each) => each.index !== index), link];
    this.#tell({ type: "link", link });
  }

  unplug(index: number): void {
    const link = this.#links.find((each) => each.index === index);
    if (link === undefined) return;
    this.#links = this.#links.filter((each) => each !== link);
    this.#tell({ type: "link-gone", link });
  }

  address(address: string, link: number): void {
    const entry = { link, address, prefixLength: 24, validSeconds: Number.POSITIVE_INFINITY };
    const whole: InterfaceAddress = { ...entry, preferredSeconds: Number.POSITIVE_INFINITY, protocol: 68 };
    this.#addresses = [...this.#addresses, whole];
    this.#tell({ type: "address", address: whole });
  }

  dropAddress(address: string): void {
    const gone = this.#addresses.filter((each) => each.address === address);
    this.#addresses = this.#addresses.filter((each) => each.address !== address);
    for (const each of gone) this.#tell({ type: "address-gone", address: each });
  }

  defaultRoute(gateway: string, link: number): void {
    const route: Route = {
      link,
      destination: "0.0.0.0",
      prefixLength: 0,
      gateway,
      metric: 100,
      protocol: 16,
    };
    this.#routes = [...this.#routes, route];
    this.#tell({ type: "route", route });
  }

  dropRoutes(): void {
    const gone = this.#routes;
    this.#routes = [];
    for (const route of gone) this.#tell({ type: "route-gone", route });
  }

  #tell(event: NetworkEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
