import type { Clock, ConnectionInfo, Ports, Text, Transport } from "../context/index.ts";
import type { HostResolver } from "../dial/index.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Protocol } from "../policy/index.ts";
import { systemClock } from "./clock.ts";
import { diagnostics } from "./diagnostics.ts";
import { Dialer } from "./dialer/index.ts";
import { systemRandom } from "./random.ts";
import { readPolicy } from "./read-policy.ts";
import { loadTransport, type TransportName, transportName } from "./transports/index.ts";

export interface NodePortsOptions {
  /** Finds the addresses of hosts. Default: the system's own. */
  readonly resolver?: HostResolver;
  /**
   * How far the right time is ahead of the system's, in ms, asked at each handshake: certificates are judged by it, and
   * dates in headers read by it. For devices whose clock may not be set. Needs the optional package koffi. Default: 0.
   */
  readonly clockOffset?: () => Millis;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text: Text = { encode: (value) => encoder.encode(value), decode: (bytes) => decoder.decode(bytes) };

/** The real world for one context: its own dialer and its own transports, each loaded when first needed. */
export function createNodePorts(options: NodePortsOptions = {}): Ports {
  const { clockOffset } = options;
  const dialer = new Dialer(options);
  const clock: Clock =
    clockOffset === undefined ? systemClock : { ...systemClock, wall: () => Date.now() + clockOffset() };
  const loaded = new Map<TransportName, Transport>();
  const loading = new Map<TransportName, Promise<Transport>>();

  const load = async (name: TransportName): Promise<Transport> => {
    const transport = await loadTransport(name, {
      dialer,
      clock,
      observe: (event) => diagnostics.publish("secure-streams:connection", event),
    });
    loaded.set(name, transport);
    return transport;
  };

  const ports: Ports = {
    clock,
    random: systemRandom,
    diagnostics,
    text,
    transport(protocol: Protocol) {
      const name = transportName(protocol);
      if (name === undefined) return Promise.reject(unsupported(protocol));
      const ready = loaded.get(name);
      if (ready !== undefined) return ready;
      const promise = loading.get(name) ?? load(name);
      loading.set(name, promise);
      return promise;
    },
    readPolicy: (location) => readPolicy(location, ports),
    connections: (): readonly ConnectionInfo[] =>
      [...loaded.values()].flatMap((transport) => transport.inspect()),
    abandon: (isGone) => dialer.abandon(isGone),
    async close() {
      await Promise.all([...loading.values()].map(async (transport) => (await transport).close()));
    },
    raise: (error) =>
      queueMicrotask(() => {
        throw error;
      }),
  };
  return ports;
}

function unsupported(protocol: Protocol): SecureStreamsError {
  const message = `Cannot carry "${protocol}": this version speaks h1, h2, ws, mqtt and raw`;
  return new SecureStreamsError({ layer: "stream", code: "unsupported", message });
}
