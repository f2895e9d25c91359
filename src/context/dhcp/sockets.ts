import { type ChannelId, type ClientInput, type ClientOutput, UNSPECIFIED } from "../../dhcp/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";
import type { DatagramSocket, LinkIndex, Network, PacketSocket } from "../network-ports.ts";

type Opened =
  | { readonly kind: "dhcp" | "arp"; readonly socket: PacketSocket }
  | { readonly kind: "datagrams"; readonly socket: DatagramSocket };

/** The sockets that the machine has open, by the names it gave them. */
export class DhcpSockets {
  readonly #network: Network;
  readonly #link: LinkIndex;
  readonly #feed: (input: ClientInput) => void;
  readonly #open = new Map<ChannelId, Opened>();

  constructor(network: Network, link: LinkIndex, feed: (input: ClientInput) => void) {
    this.#network = network;
    this.#link = link;
    this.#feed = feed;
  }

  /** Throws `not-permitted` where the client's port will be refused when it comes to renewing. */
  requirePort(): void {
    const options = { link: this.#link, address: UNSPECIFIED };
    try {
      this.#network.openDatagrams(options, { message: () => {}, failed: () => {} }).close();
    } catch (error) {
      // Another program may have the port of every address: that of the lease is still to be had.
      if (error instanceof SecureStreamsError && error.code === "not-permitted") throw error;
    }
  }

  /** Throws what the network throws: a capability is missing. */
  open(output: Extract<ClientOutput, { type: "open" }>): void {
    const { channel } = output;
    if (output.kind === "datagrams") {
      const events = {
        message: (bytes: Uint8Array) => this.#feed({ type: "datagram", channel, bytes }),
        failed: () => this.#feed({ type: "unreachable", channel }),
      };
      const socket = this.#network.openDatagrams({ link: this.#link, address: output.address }, events);
      this.#open.set(channel, { kind: "datagrams", socket });
      return;
    }
    const { kind } = output;
    const socket = this.#network.openPackets(
      { link: this.#link, kind },
      {
        packet: (packet) =>
          this.#feed(
            kind === "dhcp"
              ? { type: "packet", channel, packet }
              : { type: "arp", channel, bytes: packet.bytes },
          ),
        // The link's own events say so.
        linkDown: () => {},
      },
    );
    this.#open.set(channel, { kind, socket });
  }

  send({ channel, bytes, to }: Extract<ClientOutput, { type: "send" }>): void {
    const opened = this.#open.get(channel);
    if (opened === undefined) return;
    if (opened.kind !== "datagrams") opened.socket.send(bytes);
    else if (to !== undefined) opened.socket.send(bytes, to);
  }

  close(channel: ChannelId): void {
    this.#open.get(channel)?.socket.close();
    this.#open.delete(channel);
  }

  closeAll(): void {
    for (const channel of [...this.#open.keys()]) this.close(channel);
  }
}
