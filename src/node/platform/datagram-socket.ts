import { createSocket, type Socket } from "node:dgram";
import { constants } from "node:os";
import type { DatagramEvents, DatagramOptions, DatagramSocket } from "../../context/index.ts";
import { UsageError } from "../../lib/errors.ts";
import { AF_INET, ipBytes } from "./ip-bytes.ts";
import {
  checked,
  type Libc,
  MSG_ERRQUEUE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  setOption,
} from "./libc.ts";
import { IS_LITTLE_ENDIAN, viewOf } from "./netlink-bytes.ts";

import type { LinkSurroundings } from "./packet-socket.ts";
import { plain } from "./readable-socket.ts";
import { systemError } from "./system-error.ts";

const SOL_IP = 0;
const IP_RECVERR = 11;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTOIFINDEX = 62;
const CLIENT_PORT = 68;
const SERVER_PORT = 67;

type Found = (error: null, address: string, family: number) => void;

/** A UDP socket of the DHCP client's port on one address and one link, which also hears ICMP errors. */
export class LinuxDatagrams implements DatagramSocket {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #socket: Socket;
  readonly #events: DatagramEvents;
  #isOpen = true;

  constructor(libc: Libc, options: DatagramOptions, { events, findLink }: LinkSurroundings<DatagramEvents>) {
    this.#libc = libc;
    this.#events = events;
    // The kernel would bind to an index that no link has.
    if (findLink(options.link) === undefined)
      throw systemError({ verb: verbOf(options), errno: constants.errno.ENODEV });
    this.#descriptor = openDatagramSocket(libc, options);
    this.#socket = createSocket({ type: "udp4", lookup: literal as never });
    try {
      this.#socket.bind({ fd: this.#descriptor, exclusive: true });
    } catch (error) {
      libc.close(this.#descriptor);
      throw error;
    }
    this.#socket.on("message", (bytes, { address, port }) => {
      if (this.#isOpen) events.message(plain(bytes), { address, port });
    });
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
  }

  send(bytes: Uint8Array, to: string): void {
    if (!this.#isOpen) throw new UsageError("Cannot send: the socket is closed", "usage", "system");
    this.#socket.send(bytes, SERVER_PORT, to, (error: NodeJS.ErrnoException | null) => {
      if (error !== null) this.#failed(error);
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.close();
  }

  #failed({ code }: NodeJS.ErrnoException): void {
    if (!this.#isOpen) return;
    // What the error queue holds makes the descriptor readable for ever.
    const scrap = new Uint8Array(1);
    while (this.#libc.recv(this.#descriptor, scrap, scrap.length, MSG_ERRQUEUE) >= 0) {}
    this.#events.failed(code ?? "unknown");
  }
}

function openDatagramSocket(libc: Libc, options: DatagramOptions): number {
  const { link, address } = options;
  const verb = verbOf(options);
  const name = socketAddress(address);
  const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const descriptor = checked(libc, libc.socket(AF_INET, type, 0), { verb });
  try {
    setOption(libc, descriptor, [SOL_SOCKET, SO_REUSEADDR, 1]);
    setOption(libc, descriptor, [SOL_IP, IP_RECVERR, 1]);
    checked(libc, setOption(libc, descriptor, [SOL_SOCKET, SO_BINDTOIFINDEX, link]) ? 0 : -1, { verb });
    checked(libc, libc.bind(descriptor, name, name.length), { verb, capability: "CAP_NET_BIND_SERVICE" });
    return descriptor;
  } catch (error) {
    libc.close(descriptor);
    throw error;
  }
}

function verbOf({ link, address }: DatagramOptions): string {
  return `open UDP port ${CLIENT_PORT} of "${address}" on link ${link}`;
}

/** struct sockaddr_in */
function socketAddress(address: string): Uint8Array {
  const bytes = ipBytes(address);
  if (bytes.length !== 4)
    throw new UsageError(`Cannot use "${address}": not an IPv4 address`, "usage", "system");
  const name = new Uint8Array(16);
  viewOf(name).setUint16(0, AF_INET, IS_LITTLE_ENDIAN);
  viewOf(name).setUint16(2, CLIENT_PORT);
  name.set(bytes, 4);
  return name;
}

/** Addresses are literal: nothing is looked up. */
function literal(host: string, options: unknown, found?: Found): void {
  const callback = found ?? (options as Found);
  callback(null, host, 4);
}
