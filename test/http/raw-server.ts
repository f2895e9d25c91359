import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A server of raw bytes on a free port of the loopback, with what it has accepted. */
export class RawServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  accepted = 0;
  onConnection: (socket: Socket, number: number) => void = () => undefined;

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
      socket.setNoDelay(true);
      this.onConnection(socket, ++this.accepted);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Calls back for each HTTP/1.1 request without a body that comes in. */
export function onRequests(socket: Socket, answer: (number: number) => void): void {
  let held = "";
  let number = 0;
  socket.on("data", (chunk) => {
    held += chunk.toString("latin1");
    for (let end = held.indexOf("\r\n\r\n"); end >= 0; end = held.indexOf("\r\n\r\n")) {
      held = held.slice(end + 4);
      answer(++number);
    }
  });
}
