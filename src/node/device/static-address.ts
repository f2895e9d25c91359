import type { InterfaceAddress, Network, PartHost, Route, SystemPart } from "../../context/index.ts";
import { SecureStreamsError, UsageError } from "../../lib/errors.ts";
import type { StaticInterface } from "./options.ts";

const DEFAULT_METRIC = 1024;
/** RTPROT_STATIC */
const BY_HAND = 4;

/** An address and a default route set by hand, for as long as the system runs. Holds nothing: it is there at once. */
export class StaticAddress implements SystemPart {
  readonly name = "static";
  readonly #network: Network;
  readonly #options: StaticInterface;

  constructor(network: Network, options: StaticInterface) {
    this.#network = network;
    this.#options = options;
  }

  start(_: PartHost): () => void {
    const { interface: name, gateway, metric = DEFAULT_METRIC } = this.#options;
    const link = this.#network.snapshot().links.find((each) => each.name === name);
    if (link === undefined) throw missing(name);
    const [text = "", length = ""] = this.#options.address.split("/");
    const prefixLength = Number(length);
    if (!/^\d+$/.test(length) || prefixLength > 128) {
      throw new UsageError(
        `Cannot set "${this.#options.address}": write it as 192.0.2.10/24`,
        "usage",
        "system",
      );
    }
    const address: InterfaceAddress = {
      ...{ link: link.index, address: text, prefixLength, protocol: BY_HAND, prefixMetric: metric },
      ...{ validSeconds: Number.POSITIVE_INFINITY, preferredSeconds: Number.POSITIVE_INFINITY },
    };
    const destination = text.includes(":") ? "::" : "0.0.0.0";
    const route: Route | undefined =
      gateway === undefined
        ? undefined
        : { link: link.index, destination, prefixLength: 0, gateway, metric, protocol: BY_HAND };
    this.#network.bringUp(link.index);
    this.#network.putAddress(address);
    if (route !== undefined) this.#network.putRoute(route);
    return () => {
      if (route !== undefined) this.#network.dropRoute(route);
      this.#network.dropAddress(address);
    };
  }
}

function missing(name: string): SecureStreamsError {
  const message = `Cannot configure "${name}": there is no such network interface`;
  return new SecureStreamsError({ layer: "system", code: "interface-missing", message });
}
