import { systemClock } from "../../src/node/clock.ts";
import { Dialer } from "../../src/node/dialer/index.ts";
import { RawTransport } from "../../src/node/transports/raw/index.ts";

export function createTransport(): RawTransport {
  return new RawTransport({ dialer: new Dialer(), clock: systemClock, observe: () => undefined });
}
