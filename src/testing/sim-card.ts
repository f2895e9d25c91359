import type {
  DatagramEvents,
  DatagramSocket,
  NetworkLink,
  PacketEvents,
  PacketOptions,
  PacketSocket,
} from "../context/index.ts";
import { CLIENT_PORT, decodeDatagram, encodeDatagram, type Ipv4, SERVER_PORT } from "../dhcp/index.ts";
import { Malformed } from "../lib/malformed.ts";
import type { SimClock } from "./sim-clock.ts";
import { ARP, IPV4, type SimFrame, type SimSegment, type SimStation, TO_ALL } from "./sim-segment.ts";

/** How long a kernel looks for a neighbour that does not answer. */
const ARP_TIMEOUT = 3000;

interface Opened {
  readonly kind: PacketOptions["kind"];
  readonly events: PacketEvents;
}

/** One network interface of a simulated machine, with its cable and the sockets that are open on it. */
export class SimCard implements SimStation {
  link: NetworkLink;
  readonly #clock: SimClock;
  readonly #addressesOf: (card: SimCard) => readonly Ipv4[];
  readonly #packets = new Set<Opened>();
  readonly #datagrams = new Map<DatagramEvents, Ipv4>();
  #segment: SimSegment | undefined;
  #unplug: (() => void) | undefined;

  constructor(link: NetworkLink, clock: SimClock, addressesOf: (card: SimCard) => readonly Ipv4[]) {
    this.link = link;
    this.#clock = clock;
    this.#addressesOf = addressesOf;
  }

  get hardwareAddress(): Uint8Array {
    return this.link.hardwareAddress;
  }

  get addresses(): readonly Ipv4[] {
    return this.#addressesOf(this);
  }

  /** Sockets that are open on it, by kind. */
  get sockets(): readonly string[] {
    return [...[...this.#packets].map(({ kind }) => kind), ...[...this.#datagrams].map(() => "datagrams")];
  }

  plug(segment: SimSegment): void {
    this.unplug();
    this.#segment = segment;
    this.#unplug = segment.plug(this);
  }

  unplug(): void {
    this.#unplug?.();
    this.#segment = undefined;
  }

  /** Packet sockets hear once that the link went down (ENETDOWN). */
  tellDown(): void {
    for (const { events } of [...this.#packets]) events.linkDown();
  }

  frame(frame: SimFrame): void {
    if (!this.link.isUp) return;
    const { payload: bytes, etherType, vlan } = frame;
    const kind = etherType === ARP ? "arp" : "dhcp";
    for (const { kind: wanted, events } of [...this.#packets]) {
      if (kind === wanted && (kind === "arp" || isForClients(bytes))) {
        events.packet({ bytes, checksum: "full", vlan });
      }
    }
    const isTagged = vlan !== undefined && vlan !== 0;
    if (kind !== "dhcp" || isTagged || this.#datagrams.size === 0 || !isForClients(bytes)) return;
    const { destination, source, sourcePort, payload } = decodeDatagram({ bytes, checksum: "full", vlan });
    for (const [events, address] of [...this.#datagrams]) {
      if (address === destination) events.message(payload, { address: source, port: sourcePort });
    }
  }

  openPackets(kind: PacketOptions["kind"], events: PacketEvents): PacketSocket {
    const opened = { kind, events };
    this.#packets.add(opened);
    return {
      send: (payload, to = TO_ALL) => {
        if (!this.#packets.has(opened)) throw new TypeError("Cannot send: the packet socket is closed");
        return this.#send({ to, etherType: kind === "arp" ? ARP : IPV4, payload });
      },
      close: () => void this.#packets.delete(opened),
    };
  }

  openDatagrams(source: Ipv4, events: DatagramEvents): DatagramSocket {
    const own = { ...events };
    this.#datagrams.set(own, source);
    const later = (span: number, run: () => void): void => {
      this.#clock.wake(this.#clock.now() + span, () => {
        if (this.#datagrams.has(own)) run();
      });
    };
    return {
      send: (payload, destination) => {
        if (!this.#datagrams.has(own)) throw new TypeError("Cannot send: the socket is closed");
        const owner = this.#segment?.owner(destination);
        if (owner === undefined) {
          later(ARP_TIMEOUT, () => events.failed("EHOSTUNREACH"));
          return;
        }
        const ports = { sourcePort: CLIENT_PORT, destinationPort: SERVER_PORT };
        const bytes = encodeDatagram({ source, destination, ...ports, payload });
        this.#send({ to: owner.hardwareAddress, etherType: IPV4, payload: bytes });
      },
      close: () => void this.#datagrams.delete(own),
    };
  }

  #send(frame: Omit<SimFrame, "from">): boolean {
    if (this.#segment === undefined || !this.link.isUp) return false;
    this.#segment.send({ ...frame, from: this.hardwareAddress });
    return true;
  }
}

/** What the kernel's filter lets through, near enough. */
function isForClients(bytes: Uint8Array): boolean {
  try {
    return decodeDatagram({ bytes, checksum: "full", vlan: undefined }).destinationPort === CLIENT_PORT;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}
