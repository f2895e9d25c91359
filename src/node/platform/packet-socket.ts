import { constants } from "node:os";
import type {
  LinkIndex,
  NetworkLink,
  PacketEvents,
  PacketOptions,
  PacketSocket,
} from "../../context/index.ts";
import { SecureStreamsError, UsageError } from "../../lib/errors.ts";
import { checked, type Libc, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, setOption } from "./libc.ts";
import { IS_LITTLE_ENDIAN, viewOf } from "./netlink-bytes.ts";
import { encodeFilter, packetFilter } from "./packet-filter.ts";
import { BROADCAST, decodeFrame, ETHERTYPES, encodeFrame } from "./packet-frame.ts";
import { ReadableSocket } from "./readable-socket.ts";
import { systemError } from "./system-error.ts";

const { EAGAIN, ENETDOWN, ENOBUFS, ENODEV, ENXIO } = constants.errno;
const AF_PACKET = 17;
const SOL_SOCKET = 1;
const SO_LOCK_FILTER = 44;
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const ARPHRD_ETHER = 1;
/** Frames that are not sent for these reasons are lost like any other frame. */
const LOST: readonly number[] = [EAGAIN, ENETDOWN, ENOBUFS, ENODEV, ENXIO];

/** What a socket of a link tells and asks. */
export interface LinkSurroundings<Events> {
  readonly events: Events;
  readonly findLink: (link: LinkIndex) => NetworkLink | undefined;
}

/** A packet socket of one link (packet(7)). */
export class LinuxPackets implements PacketSocket {
  readonly #libc: Libc;
  readonly #options: PacketOptions;
  readonly #findLink: LinkSurroundings<PacketEvents>["findLink"];
  readonly #socket: ReadableSocket;
  #isOpen = true;

  constructor(libc: Libc, options: PacketOptions, { events, findLink }: LinkSurroundings<PacketEvents>) {
    this.#libc = libc;
    this.#options = options;
    this.#findLink = findLink;
    requireEthernet(options, findLink(options.link));
    this.#socket = new ReadableSocket(libc, openPacketSocket(libc, options), {
      message: (bytes) => {
        const packet = decodeFrame(bytes, options.kind);
        if (packet !== undefined) events.packet(packet);
      },
      // ENETDOWN, once; after the link is up again the same socket goes on.
      failed: () => events.linkDown(),
    });
  }

  send(payload: Uint8Array, to: Uint8Array = BROADCAST): boolean {
    if (!this.#isOpen) throw new UsageError("Cannot send: the packet socket is closed", "usage", "system");
    const { kind, link } = this.#options;
    // Asked for each frame: the hardware address may have changed.
    const from = this.#findLink(link)?.hardwareAddress;
    if (from?.length !== BROADCAST.length) return false;
    const frame = encodeFrame(payload, { kind, from, to });
    const address = linkAddress(this.#options);
    const { descriptor } = this.#socket;
    if (this.#libc.sendto(descriptor, frame, frame.length, 0, address, address.length) >= 0) return true;
    const errno = this.#libc.errno();
    if (LOST.includes(errno)) return false;
    throw systemError({ verb: `send a frame of ${payload.length} bytes on link ${link}`, errno });
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.close();
  }
}

/**
 * Without a protocol until it is bound: before that it would show the frames of every link, unfiltered, and binding would
 * wait milliseconds for the kernel's readers.
 */
function openPacketSocket(libc: Libc, options: PacketOptions): number {
  const verb = `open a packet socket on link ${options.link}`;
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const descriptor = checked(libc, libc.socket(AF_PACKET, type, 0), { verb, capability: "CAP_NET_RAW" });
  try {
    checked(libc, libc.attachFilter(descriptor, encodeFilter(packetFilter(options))), { verb });
    setOption(libc, descriptor, [SOL_SOCKET, SO_LOCK_FILTER, 1]);
    setOption(libc, descriptor, [SOL_PACKET, PACKET_IGNORE_OUTGOING, 1]);
    // The only way to hear of partial checksums without control messages.
    checked(libc, setOption(libc, descriptor, [SOL_PACKET, PACKET_VNET_HDR, 1]) ? 0 : -1, { verb });
    const address = linkAddress(options);
    checked(libc, libc.bind(descriptor, address, address.length), { verb });
    return descriptor;
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}

function requireEthernet({ link }: PacketOptions, found: NetworkLink | undefined): void {
  const verb = `open a packet socket on link ${link}`;
  if (found === undefined) throw systemError({ verb, errno: ENODEV });
  if (found.hardwareType === ARPHRD_ETHER) return;
  const why = `"${found.name}" is no Ethernet link (hardware type ${found.hardwareType})`;
  throw new SecureStreamsError({ layer: "system", code: "unsupported", message: `Cannot ${verb}: ${why}` });
}

/** struct sockaddr_ll */
function linkAddress({ kind, link }: PacketOptions): Uint8Array {
  const address = new Uint8Array(20);
  const view = viewOf(address);
  view.setUint16(0, AF_PACKET, IS_LITTLE_ENDIAN);
  view.setUint16(2, ETHERTYPES[kind]);
  view.setInt32(4, link, IS_LITTLE_ENDIAN);
  return address;
}
