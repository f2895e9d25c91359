import { type ChannelId, type ClientInput, type ClientOutput, UNSPECIFIED } from "../../dhcp/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";
import type { DatagramSocket, LinkIndex, Network, PacketSocket } from "../network-ports.ts";
import { isLasting } from "./reason.ts";

type Wanted = Extract<ClientOutput, { type: "open" }>;
type Opened =
  | { readonly kind: "dhcp" | "arp"; readonly socket: PacketSocket }
  | { readonly kind: "datagrams"; readonly socket: DatagramSocket };

export interface SocketEvents {
  readonly feed: (input: ClientInput) => void;
  /** A socket could not be opened now, or could not send. */
  readonly warn: (error: unknown) => void;
}

/** The sockets that the machine has open, by the names it gave them. */
export class DhcpSockets {
  readonly #network: Network;
  readonly #link: LinkIndex;
  readonly #feed: (input: ClientInput) => void;
  readonly #warn: (error: unknown) => void;
  readonly #channels = new Map<ChannelId, { readonly wanted: Wanted; readonly opened: Opened | undefined }>();

  constructor(network: Network, link: LinkIndex, { feed, warn }: SocketEvents) {
    this.#network = network;
    this.#link = link;
    this.#feed = feed;
    this.#warn = warn;
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

  /** Throws what the system will refuse again. What fails for a while is tried again at the next message. */
  open(wanted: Wanted): void {
    const opened = this.#attempt(wanted, () => this.#opened(wanted));
    this.#channels.set(wanted.channel, { wanted, opened });
  }

  send({ channel, bytes, to }: Extract<ClientOutput, { type: "send" }>): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    if (known.opened === undefined) this.open(known.wanted);
    const opened = this.#channels.get(channel)?.opened;
    if (opened === undefined) return;
    this.#attempt(known.wanted, () => {
      if (opened.kind !== "datagrams") opened.socket.send(bytes);
      else if (to !== undefined) opened.socket.send(bytes, to);
    });
  }

  close(channel: ChannelId): void {
    this.#channels.get(channel)?.opened?.socket.close();
    this.#channels.delete(channel);
  }

  closeAll(): void {
    for (const channel of [...this.#channels.keys()]) this.close(channel);
  }

  #opened(wanted: Wanted): Opened {
    const { channel, kind } = wanted;
    if (kind === "datagrams") {
      const events = {
        message: (bytes: Uint8Array) => this.#feed({ type: "datagram", channel, bytes }),
        failed: () => this.#feed({ type: "unreachable", channel }),
      };
      return {
        kind,
        socket: this.#network.openDatagrams({ link: this.#link, address: wanted.address }, events),
      };
    }
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
    return { kind, socket };
  }

  /** A datagram socket that cannot be had, for its address is gone, is as good as a server that cannot be reached. */
  #attempt<Result>({ kind, channel }: Wanted, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      if (isLasting(error)) throw error;
      this.#warn(error);
      if (kind === "datagrams") this.#feed({ type: "unreachable", channel });
      return undefined;
    }
  }
}
