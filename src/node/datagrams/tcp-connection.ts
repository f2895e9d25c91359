import { connect } from "node:net";
import type { ConnectionEvents, ConnectionPort } from "../../context/index.ts";
import type { ServerAddress } from "../../dns/index.ts";

/** A TCP connection to a name server. Alone it does not keep the process alive. */
export function openTcpConnection(
  { address, port }: ServerAddress,
  events: ConnectionEvents,
): ConnectionPort {
  let isOver = false;
  let code = "closed";
  const socket = connect({ host: address, port, autoSelectFamily: false, noDelay: true });
  socket.unref();
  socket.on("connect", () => events.connected());
  socket.on("data", (bytes) => {
    if (!isOver) events.data(bytes);
  });
  socket.on("end", () => socket.destroy());
  socket.on("error", (error: NodeJS.ErrnoException) => {
    code = error.code ?? code;
  });
  socket.on("close", () => {
    if (isOver) return;
    isOver = true;
    events.closed(code);
  });
  return {
    write(bytes) {
      if (!isOver) socket.write(bytes);
    },
    close() {
      isOver = true;
      socket.destroy();
    },
  };
}
