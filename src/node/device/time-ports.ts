import { createSocket } from "node:dgram";
import { isIP } from "node:net";
import type { TimePorts } from "../../context/index.ts";
import type { Resolver } from "../../context/resolver/index.ts";
import { createClockSetter } from "../platform/index.ts";

const NTP_PORT = 123;

/** `setsClock`: step and slew the system's clock, where CAP_SYS_TIME permits it. */
export function createTimePorts(
  resolver: Resolver,
  setsClock: boolean,
  wall: () => number = Date.now,
): TimePorts {
  return {
    wall,
    lookup: (host) => resolver.addresses(host),
    isAddress: (text) => isIP(text) !== 0,
    ask(address, bytes, events) {
      let isOpen = true;
      const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
      const fail = (): void => {
        if (isOpen) events.failed();
      };
      socket.on("error", fail);
      socket.on("message", (reply) => {
        if (isOpen) events.reply(reply);
      });
      // Connected: the kernel drops what comes from elsewhere, and tells that nobody listens.
      socket.once("connect", () => {
        if (isOpen) socket.send(bytes, (error) => error !== null && fail());
      });
      socket.connect(NTP_PORT, address);
      return {
        close: () => {
          isOpen = false;
          socket.close();
        },
      };
    },
    ...(setsClock ? { setClock: createClockSetter() } : {}),
  };
}
