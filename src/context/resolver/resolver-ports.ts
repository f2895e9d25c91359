import type { HostsTable, ResolvConf, ServerAddress, TraceEvent } from "../../dns/index.ts";
import type { Random } from "../../lib/random.ts";
import type { Clock } from "../ports.ts";

/** The world as a resolver sees it. `src/node/datagrams` fills it with the real one. */
export interface ResolverPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** A UDP socket on a random port, connected to `server`. Never throws; what is wrong is told to `events`, later. */
  openChannel(server: ServerAddress, events: ChannelEvents): ChannelPort;
  /** A TCP connection to `server`. Never throws; what is wrong is told to `events`, later. */
  connect(server: ServerAddress, events: ConnectionEvents): ConnectionPort;
  /** The system's settings: both functions of `told` are called before it returns, and again at each change. */
  watchSystem(told: SystemEvents): () => void;
  /** Addresses in the order to try them (RFC 6724). */
  order(addresses: readonly string[]): Promise<readonly string[]>;
  /** The form of a name with other letters than ASCII that name servers know; empty when there is none. */
  toAscii(name: string): string;
  /** Whether IPv6 is the only family that leaves this host. */
  hasOnlyIpv6(): boolean;
  /** `node:diagnostics_channel`, channel `secure-streams:dns`. */
  readonly diagnostics: ResolverDiagnostics;
}

export interface ChannelEvents {
  message(bytes: Uint8Array): void;
  /** At most once; the socket is closed. */
  failed(code: string): void;
}

export interface ChannelPort {
  send(bytes: Uint8Array): void;
  close(): void;
}

export interface ConnectionEvents {
  connected(): void;
  data(bytes: Uint8Array): void;
  /** Exactly once, unless `close` came first. */
  closed(code: string): void;
}

export interface ConnectionPort {
  /** May be called before `connected`. */
  write(bytes: Uint8Array): void;
  close(): void;
}

export interface SystemEvents {
  configured(conf: ResolvConf): void;
  hosts(hosts: HostsTable): void;
}

export interface ResolverDiagnostics {
  readonly hasSubscribers: () => boolean;
  readonly publish: (event: TraceEvent) => void;
}
