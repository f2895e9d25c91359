import type { Clock, Transport } from "../../context/index.ts";
import type { Protocol } from "../../policy/index.ts";
import type { DialerPort } from "./dialer-port.ts";

/** What every transport is made of. */
export interface TransportParts {
  readonly dialer: DialerPort;
  readonly clock: Clock;
  /** Hears of connections that come and go. */
  readonly observe: (event: object) => void;
}

export type TransportName = "http" | "ws" | "mqtt" | "raw";

/** One transport carries both versions of HTTP, since the peer may choose the older. */
export function transportName(protocol: Protocol): TransportName | undefined {
  if (protocol === "h3") return undefined;
  return protocol === "h1" || protocol === "h2" ? "http" : protocol;
}

/** Loads the code of one transport; the others cost nothing. */
export async function loadTransport(name: TransportName, parts: TransportParts): Promise<Transport> {
  switch (name) {
    case "http": {
      const { HttpTransport } = await import("./http/index.ts");
      return new HttpTransport(parts);
    }
    case "ws": {
      const { WsTransport } = await import("./ws/index.ts");
      return new WsTransport(parts);
    }
    case "raw": {
      const { RawTransport } = await import("./raw/index.ts");
      return new RawTransport(parts);
    }
    default: {
      const { MqttTransport } = await import("./mqtt/index.ts");
      return new MqttTransport(parts);
    }
  }
}
