import { systemClock } from "../../src/node/clock.ts";
import { Dialer } from "../../src/node/dialer/index.ts";
import { WsTransport } from "../../src/node/transports/ws/index.ts";

export function createTransport(): WsTransport {
  return new WsTransport({ dialer: new Dialer(), clock: systemClock, observe: () => undefined });
}
