import type {
  ConnectionInfo,
  Link,
  LinkEvents,
  LinkRequest,
  Path,
  StreamId,
  Transport,
} from "../context/index.ts";
import type { Reason } from "../lib/errors.ts";
import type { Target } from "../stream/index.ts";
import { Custody } from "./custody.ts";
import type { SimClock } from "./sim-clock.ts";
import { SimExchange } from "./sim-exchange.ts";
import { SimLink } from "./sim-link.ts";
import { type PeerOptions, SimPeer } from "./sim-peer.ts";

const LOCAL = "192.0.2.1";
const NETWORK_CHANGED: Reason = {
  layer: "tcp",
  code: "network-changed",
  message: "The address or the route of the connection is gone",
};

/** Simulated peers by endpoint, and the transport that leads to them. It speaks every protocol, as messages only. */
export class SimTransport implements Transport {
  readonly #clock: SimClock;
  readonly #peers = new Map<string, SimPeer>();
  readonly #links = new Set<SimLink | SimExchange>();
  readonly #custody = new Map<StreamId, Custody>();

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  /** Puts a peer at `host:port` or at the path of a Unix socket. Another one there is replaced. */
  peer(name: string, options: PeerOptions = {}): SimPeer {
    const peer = new SimPeer(name, this.#clock, options);
    this.#peers.set(name, peer);
    return peer;
  }

  open(request: LinkRequest, events: LinkEvents): Link {
    const { target, stream } = request;
    const parts = {
      clock: this.#clock,
      peer: this.#peers.get(nameOf(target)),
      target,
      events,
      left: (link: SimLink | SimExchange) => this.#links.delete(link),
    };
    const isTransaction = target.protocol === "h1" || target.protocol === "h2" || target.protocol === "h3";
    const link = isTransaction
      ? new SimExchange(parts, request.body)
      : new SimLink(parts, this.#custodyOf(stream));
    this.#links.add(link);
    return link;
  }

  forget(stream: StreamId): void {
    this.#custody.delete(stream);
  }

  inspect(): readonly ConnectionInfo[] {
    return [...this.#links].map(({ target, isOpen }) => ({
      protocol: target.protocol,
      peer: nameOf(target),
      state: isOpen ? "open" : "connecting",
      streams: 1,
    }));
  }

  /** Every path of a simulation begins at 192.0.2.1 and ends at the peer's name. */
  abandon(isGone: (path: Path) => boolean): number {
    const gone = [...this.#peers.values()].filter(({ name }) => isGone({ local: LOCAL, remote: name }));
    let count = 0;
    for (const peer of gone) {
      count += peer.connections.size;
      peer.cut(NETWORK_CHANGED);
    }
    return count;
  }

  async close(): Promise<void> {
    for (const link of [...this.#links]) link.close();
  }

  #custodyOf(stream: StreamId): Custody {
    const custody = this.#custody.get(stream) ?? new Custody();
    this.#custody.set(stream, custody);
    return custody;
  }
}

function nameOf({ unixPath, host, port }: Target): string {
  return unixPath ?? `${host}:${port}`;
}
