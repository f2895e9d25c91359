import {
  type ConnectionInfo,
  LazyResolver,
  type NameResolver,
  type Ports,
  type Text,
  type TimeSource,
  type Transport,
} from "../context/index.ts";
import type { HostResolver } from "../dial/index.ts";
import { SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Protocol } from "../policy/index.ts";
import { clockWithWall, systemClock } from "./clock.ts";
import { createHostResolver } from "./datagrams/host-resolver.ts";
import { diagnostics } from "./diagnostics.ts";
import { connectReason, Dialer } from "./dialer/index.ts";
import { raise } from "./raise.ts";
import { readPolicy } from "./read-policy.ts";
import { systemRandom } from "./system-random.ts";
import { loadTransport, type TransportName, transportName } from "./transports/index.ts";

export interface NodePortsOptions {
  /**
   * Finds the addresses of hosts: what `createResolver()` gives, or anything that can. It stays the program's to close.
   * Default: a resolver of the context's own, with the system's servers.
   */
  readonly resolver?: HostResolver | NameResolver;
  /**
   * What is known of the right time: certificates are judged by it, and dates in headers read by it. For devices whose
   * clock may be wrong; while it is off, needs the optional package koffi. Default: the system's time is right.
   */
  readonly time?: TimeSource;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text: Text = { encode: (value) => encoder.encode(value), decode: (bytes) => decoder.decode(bytes) };

function requireMethod(value: unknown, ...names: readonly ["now"] | readonly ["ask", "resolve"]): void {
  if (typeof value === "object" && value !== null && names.some((name) => name in value)) return;
  const what = names[0] === "now" ? "time" : "resolver";
  throw new UsageError(`Cannot create the context: "${what}" has no ${names.join("() and no ")}()`);
}

/** The real world for one context: its own dialer and its own transports, each loaded when first needed. */
export function createNodePorts(options: NodePortsOptions = {}): Ports {
  const { time } = options;
  const own = new LazyResolver(async () => {
    const { createResolver } = await import("./datagrams/create-resolver.ts");
    return createResolver();
  });
  const given = options.resolver ?? own;
  requireMethod(given, "ask", "resolve");
  if (time !== undefined) requireMethod(time, "now");
  const resolver = "ask" in given ? given : undefined;
  const dialer = new Dialer({ ...options, resolver: "ask" in given ? createHostResolver(given) : given });
  const clock = time === undefined ? systemClock : clockWithWall(() => time.now());
  const loaded = new Map<TransportName, Transport>();
  const loading = new Map<TransportName, Promise<Transport>>();

  const load = async (name: TransportName): Promise<Transport> => {
    const transport = await loadTransport(name, {
      dialer,
      clock,
      observe: (event) => diagnostics.publish("secure-streams:connection", event),
    }).catch((error: unknown) => {
      throw unloadable(name, error);
    });
    loaded.set(name, transport);
    return transport;
  };

  const ports: Ports = {
    clock,
    random: systemRandom,
    diagnostics,
    resolver,
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
      const transports = await Promise.allSettled(loading.values());
      await Promise.all(
        transports.map((each) => (each.status === "fulfilled" ? each.value.close() : undefined)),
      );
      await own.close();
    },
    raise,
  };
  return ports;
}

/** Node never loads a module again that it could not read once. */
function unloadable(name: TransportName, cause: unknown): unknown {
  const { code } = connectReason(cause, name);
  if (code !== "too-many-files") return cause;
  const message = `Cannot load the code of ${name}: there was no free file descriptor; raise \`ulimit -n\` and start anew`;
  return new SecureStreamsError({ layer: "stream", code, message }, { cause });
}

function unsupported(protocol: Protocol): SecureStreamsError {
  const message = `Cannot carry "${protocol}": this version speaks h1, h2, ws, mqtt and raw`;
  return new SecureStreamsError({ layer: "stream", code: "unsupported", message });
}
