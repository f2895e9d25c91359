import type { Socket } from "node:net";
import { Socks5, type Socks5Options } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { connectReason } from "./connect-reason.ts";

export interface ProxyEvents {
  /** `rest` are bytes of the peer that came along with the proxy's answer. */
  connected(rest: Uint8Array): void;
  failed(reason: Reason): void;
}

/** Asks the SOCKS5 proxy behind `socket` for a connection. The returned cancel leaves the socket to the caller. */
export function askProxy(socket: Socket, options: Socks5Options, events: ProxyEvents): () => void {
  const socks = new Socks5(options);
  const perform = (output: ReturnType<Socks5["begin"]>): void => {
    switch (output.type) {
      case "send":
        socket.write(output.bytes);
        return;
      case "connected":
        stop();
        events.connected(output.rest);
        return;
      case "failed":
        stop();
        events.failed(output.reason);
    }
  };
  // Reading by hand leaves the socket as it came: one that was ever told to pause does not start by itself again.
  const onReadable = (): void => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    for (const output of socks.receive(bytes)) perform(output);
  };
  const onError = (error: Error): void => {
    stop();
    events.failed({
      ...connectReason(error, `${options.host}:${options.port} through the SOCKS5 proxy ${options.proxy}`),
      layer: "proxy",
      code: "proxy-protocol",
    });
  };
  const onClose = (): void => {
    stop();
    events.failed({
      layer: "proxy",
      code: "proxy-protocol",
      message: `Cannot connect through the SOCKS5 proxy ${options.proxy}: it closed the connection without an answer`,
    });
  };
  const stop = (): void => {
    socket.off("readable", onReadable).off("error", onError).off("end", onClose).off("close", onClose);
  };
  socket.on("readable", onReadable).on("error", onError).on("end", onClose).on("close", onClose);
  perform(socks.begin());
  return stop;
}
