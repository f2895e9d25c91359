import {
  type Consequence,
  type PathFault,
  portalCheckMessage,
  Reachability,
  routeMessage,
} from "../system/index.ts";
import type { Context } from "./context.ts";
import type { Network, NetworkEvent } from "./network-ports.ts";
import type { PartHost, SystemPart } from "./system-part.ts";

export interface NetworkPartOptions {
  /** Contexts whose connections follow the network. */
  readonly contexts: readonly Pick<Context, "abandon" | "retryNow">[];
  /** Breaks connections whose path is gone. False only tells. Default: true. */
  readonly breaks?: boolean;
  /** There is an address or a route that was not there before. */
  readonly hasMore?: () => void;
  /** The way to everything changed: another network, perhaps. */
  readonly defaultRouteChanged?: () => void;
}

/** Tells what changes of addresses and routes mean, and lets connections that lost their path try again at once. */
export class NetworkPart implements SystemPart {
  readonly name = "network";
  readonly #network: Pick<Network, "snapshot" | "watch">;
  readonly #options: NetworkPartOptions;
  readonly #reachability = new Reachability();

  constructor(network: Pick<Network, "snapshot" | "watch">, options: NetworkPartOptions) {
    this.#network = network;
    this.#options = options;
  }

  start(host: PartHost): () => void {
    // Watching comes first: what happens between the two is then seen twice, not never.
    const unwatch = this.#network.watch((event) => this.#changed(event, host));
    this.#reachability.reset(this.#network.snapshot());
    return unwatch;
  }

  #changed(event: NetworkEvent, host: PartHost): void {
    const consequence = this.#reachability.handle(event);
    const { mayBreak, mayHelp, route, isDefaultRoute } = consequence;
    if (!mayBreak && !mayHelp) return;
    const broken = mayBreak ? this.#abandon() : {};
    if (mayHelp) {
      this.#options.hasMore?.();
      for (const context of this.#options.contexts) context.retryNow();
    }
    this.#tell(consequence, broken, host);
    if (route !== undefined) host.bus.send(routeMessage(route));
    if (!isDefaultRoute || route !== "add") return;
    host.bus.send(portalCheckMessage("gw-change"));
    this.#options.defaultRouteChanged?.();
  }

  #abandon(): Partial<Record<PathFault, number>> {
    const broken: Partial<Record<PathFault, number>> = {};
    if (this.#options.breaks === false) return broken;
    for (const context of this.#options.contexts) {
      context.abandon((path) => {
        const fault = this.#reachability.whyGone(path);
        if (fault !== undefined) broken[fault] = (broken[fault] ?? 0) + 1;
        return fault !== undefined;
      });
    }
    return broken;
  }

  #tell(
    { route, isDefaultRoute }: Consequence,
    broken: Partial<Record<PathFault, number>>,
    host: PartHost,
  ): void {
    if (route === undefined && Object.keys(broken).length === 0) return;
    host.emit("network", { route, isDefaultRoute, broken });
  }
}
