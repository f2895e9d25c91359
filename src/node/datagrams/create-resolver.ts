import { channel } from "node:diagnostics_channel";
import { domainToASCII } from "node:url";
import type { ResolverPorts } from "../../context/index.ts";
import { Resolver } from "../../context/resolver/index.ts";
import { DEFAULT_OPTIONS, parseServer, type ResolverOptions, type ServerAddress } from "../../dns/index.ts";
import { UsageError } from "../../lib/errors.ts";
import { systemClock } from "../clock.ts";
import { systemRandom } from "../system-random.ts";
import { HostFamilies } from "./host-families.ts";
import { RouteOrder } from "./order-by-route.ts";
import { type SystemFiles, watchSystem } from "./system-files.ts";
import { openTcpConnection } from "./tcp-connection.ts";
import { openUdpChannel } from "./udp-channel.ts";

/** Settings of a resolver; every one has a default. */
export interface CreateResolverOptions
  extends Partial<Omit<ResolverOptions, "cache" | "freshPorts" | "sharedPorts">>,
    SystemFiles {
  /** Ask these instead of the system's: `"192.0.2.1"`, `"192.0.2.1:5353"`, `"[2001:db8::1]:53"`, `"192.0.2.1#5353"`. */
  readonly servers?: readonly string[];
  readonly cache?: Partial<ResolverOptions["cache"]>;
  readonly freshPorts?: Partial<ResolverOptions["freshPorts"]>;
  readonly sharedPorts?: Partial<ResolverOptions["sharedPorts"]>;
}

const events = channel("secure-streams:dns");

/** A resolver on real sockets and the system's own files. */
export function createResolver(options: CreateResolverOptions = {}): Resolver {
  const { servers, resolvConf, hosts, ...rest } = options;
  const settings = {
    ...DEFAULT_OPTIONS,
    ...rest,
    cache: { ...DEFAULT_OPTIONS.cache, ...options.cache },
    freshPorts: { ...DEFAULT_OPTIONS.freshPorts, ...options.freshPorts },
    sharedPorts: { ...DEFAULT_OPTIONS.sharedPorts, ...options.sharedPorts },
    servers: servers?.map(requireServer),
  };
  return new Resolver(createResolverPorts({ resolvConf, hosts }), settings);
}

/** The real world for one resolver. */
export function createResolverPorts(files: SystemFiles = {}): ResolverPorts {
  const routes = new RouteOrder();
  const families = new HostFamilies();
  return {
    clock: systemClock,
    random: systemRandom,
    openChannel: openUdpChannel,
    connect: openTcpConnection,
    watchSystem: (told) => watchSystem(files, told),
    order: (addresses) => routes.order(addresses),
    toAscii: domainToASCII,
    hasOnlyIpv6: () => families.hasOnlyIpv6(),
    diagnostics: { hasSubscribers: () => events.hasSubscribers, publish: (event) => events.publish(event) },
  };
}

function requireServer(text: string): ServerAddress {
  const server = parseServer(text);
  if (server === undefined)
    throw new UsageError(`Cannot ask "${text}": not a server's address`, "usage", "dns");
  return server;
}
