import { createSocket, type Socket } from "node:dgram";
import { checked, type Libc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "./libc.ts";

const AF_INET = 2;

export interface ReadableEvents {
  readonly message: (bytes: Uint8Array) => void;
  /** A read failed; the socket goes on. `code` is a name of errno. */
  readonly failed: (code: string) => void;
}

/**
 * A socket of any family whose datagrams the event loop reads. Node takes no such socket, so it is given a UDP socket, and
 * before the loop first looks at the descriptor the other socket takes its place (docs/decisions/0010).
 */
export class ReadableSocket {
  /** For sending and for options. */
  readonly descriptor: number;
  readonly #libc: Libc;
  readonly #socket: Socket;
  #isOpen = true;

  /** Owns `descriptor` from now on, also where it throws. */
  constructor(libc: Libc, descriptor: number, events: ReadableEvents) {
    this.#libc = libc;
    try {
      const placeholder = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      this.descriptor = checked(libc, placeholder, { verb: "open a socket" });
      this.#socket = createSocket({ type: "udp4" });
      this.#give(this.descriptor);
      checked(libc, libc.dup3(descriptor, this.descriptor, SOCK_CLOEXEC), { verb: "open a socket" });
    } finally {
      libc.close(descriptor);
    }
    this.#socket.on("message", (bytes) => {
      if (this.#isOpen) events.message(plain(bytes));
    });
    this.#socket.on("error", (error: NodeJS.ErrnoException) => {
      if (this.#isOpen) events.failed(error.code ?? "unknown");
    });
  }

  #give(placeholder: number): void {
    try {
      // Not shared with a cluster's primary, whose own descriptor it would be.
      this.#socket.bind({ fd: placeholder, exclusive: true });
    } catch (error) {
      this.#libc.close(placeholder);
      throw error;
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // The last close of a packet socket waits for the kernel's readers, 8 to 16 ms: it is not done on this thread.
    const last = this.#libc.dup(this.descriptor);
    this.#socket.close();
    if (last >= 0) this.#libc.closeLater(last);
  }
}

/** The same bytes without the methods of Buffer, whose `slice` does not copy. */
export function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
