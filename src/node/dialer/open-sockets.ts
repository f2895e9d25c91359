import type { Socket } from "node:net";
import type { Path } from "../../context/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";

/** The sockets that were handed out and have not closed, with the path each takes through the network. */
export class OpenSockets {
  readonly #open = new Map<Socket, Path>();

  /** `plain` is the socket under TLS, or `socket` itself. A Unix socket takes no path. */
  add(socket: Socket, plain: Socket): void {
    const { localAddress: local, remoteAddress: remote } = plain;
    if (local === undefined || remote === undefined) return;
    this.#open.set(socket, { local: unmapped(local), remote: unmapped(remote) });
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Breaks those whose path is gone; returns how many. */
  abandon(isGone: (path: Path) => boolean): number {
    const gone = [...this.#open].filter(([, path]) => isGone(path));
    for (const [socket, path] of gone) {
      this.#open.delete(socket);
      socket.destroy(networkChanged(path));
    }
    return gone.length;
  }
}

function networkChanged({ local, remote }: Path): SecureStreamsError {
  const message = `Cannot go on from ${local} to ${remote}: the address or the route of the connection is gone`;
  return new SecureStreamsError({ layer: "tcp", code: "network-changed", message });
}

function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
