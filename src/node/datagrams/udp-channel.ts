import { createSocket } from "node:dgram";
import type { ChannelEvents, ChannelPort } from "../../context/index.ts";
import type { ServerAddress } from "../../dns/index.ts";

type Found = (error: null, address: string, family: number) => void;

/** A connected UDP socket on a port of the kernel's choice. Alone it does not keep the process alive. */
export function openUdpChannel({ address, port }: ServerAddress, events: ChannelEvents): ChannelPort {
  const isIpv6 = address.includes(":");
  let isOver = false;
  // Addresses are literal: with this lookup bind and connect are done when they return.
  const lookup = (host: string, options: unknown, found?: Found): void => {
    const callback = found ?? (options as Found);
    callback(null, host, isIpv6 ? 6 : 4);
  };
  const socket = createSocket({ type: isIpv6 ? "udp6" : "udp4", lookup: lookup as never });
  const close = (): void => {
    isOver = true;
    socket.close();
  };
  const fail = (error: NodeJS.ErrnoException): void => {
    if (isOver) return;
    close();
    events.failed(error.code ?? "unknown");
  };
  const sent = (error: Error | null): void => {
    if (error !== null) fail(error);
  };
  socket.on("error", fail);
  socket.on("message", (bytes) => {
    if (!isOver) events.message(bytes);
  });
  try {
    socket.bind({ port: 0, address: isIpv6 ? "::" : "0.0.0.0", exclusive: true });
    socket.connect(port, address);
    socket.unref();
  } catch (error) {
    process.nextTick(fail, error);
  }
  return {
    send(bytes) {
      if (isOver) return;
      try {
        socket.send(bytes, sent);
      } catch (error) {
        process.nextTick(fail, error);
      }
    },
    close() {
      if (!isOver) close();
    },
  };
}
