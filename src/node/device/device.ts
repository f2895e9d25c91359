import { DhcpClient } from "../../context/dhcp/index.ts";
import { type Context, createContextOver, type System, type SystemPart } from "../../context/index.ts";
import type { Resolver } from "../../context/resolver/index.ts";
import {
  AddressPart,
  BlobPart,
  createSystemOver,
  identityOf,
  LinkPart,
  NetworkPart,
  PolicyPart,
  PortalPart,
  TimePart,
} from "../../context/system/index.ts";
import type { Lease } from "../../dhcp/index.ts";
import { isSame } from "../../lib/same.ts";
import { Blobs } from "../../system/index.ts";
import { createHostResolver, createResolver } from "../datagrams/index.ts";
import { createNodePorts } from "../node-ports.ts";
import { createDhcpPorts } from "../platform/index.ts";
import { hearNames } from "./heard-names.ts";
import { type DeviceOptions, isStatic } from "./options.ts";
import { PortalApi } from "./portal-api.ts";
import { StaticAddress } from "./static-address.ts";
import { createTimePorts } from "./time-ports.ts";

const PUBLIC_TIME = ["pool.ntp.org"];
/** A build of this library is younger than this: earlier times belong to the next era of NTP. */
const NOT_BEFORE = Date.UTC(2025, 0, 1);

/** A device from nothing to OPERATIONAL, and what it is made of. */
export interface Device {
  readonly system: System;
  /** Streams for the program; opened before OPERATIONAL they wait for the network like everybody. */
  readonly context: Context;
  readonly resolver: Resolver;
  /** Those of the options: what is set here takes effect on the open streams that use it. */
  readonly blobs: Blobs;
  /** One for each interface that is configured by DHCP. */
  readonly clients: readonly DhcpClient[];
  /** The right time; undefined where the machine's is taken for it. */
  readonly time: TimePart | undefined;
  /** Fetches the policy now, or as soon as manners allow. */
  refreshPolicy(): void;
  /** Ends everything and takes back what was configured. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Walks a device from a bare interface to OPERATIONAL: link, address, captive portal, time, policy; and keeps watching.
 * Rejects with PolicyError, `interface-missing` and `unsupported`; what comes later is told by `system.on(...)`.
 */
export async function createDevice(options: DeviceOptions): Promise<Device> {
  const { blobs = new Blobs(), interfaces = [], logger } = options;
  const dhcpPorts = createDhcpPorts();
  const resolver = createResolver();
  const time = timePart(options, blobs, resolver);
  let portal: PortalPart | undefined;
  const names = hearNames(createHostResolver(resolver), (host, addresses) =>
    portal?.resolved(host, addresses),
  );
  const ports = () => createNodePorts({ resolver: names, ...(time === undefined ? {} : { time }) });
  const contextPorts = ports();
  const context = await createContextOver(contextPorts, {
    policy: options.policy,
    identity: identityOf(blobs),
    ...(logger === undefined ? {} : { logger }),
    ...(options.strict === undefined ? {} : { strict: options.strict }),
  });
  const byDhcp = interfaces.flatMap((each) => (isStatic(each) ? [] : [each]));
  const byHand = interfaces.filter(isStatic);
  const clients = byDhcp.map(
    (each) => new DhcpClient(dhcpPorts, typeof each === "string" ? { interface: each } : each),
  );
  const api = new PortalApi(context as Context, ports);
  if (options.portal !== false) {
    const ask: PortalApi["ask"] = (url, signal) => api.ask(url, signal);
    portal = new PortalPart({ context: context as Context, names: resolver, ask });
  }
  const policyOptions = options.policyStore === undefined ? {} : { store: options.policyStore };
  const { clock, random, text, raise } = contextPorts;
  const policy = new PolicyPart(
    { clock, random, text, files: dhcpPorts.files },
    { context: context as Context, ...policyOptions },
  );
  const handOver = new Handover({ resolver, time, portal }, timeServers(options, blobs.text("ntp-server")));
  const links = interfaces.map((each) => (typeof each === "string" ? each : each.interface));
  const parts: readonly (SystemPart | undefined)[] = [
    links.length === 0 ? undefined : new LinkPart(dhcpPorts.network, { interfaces: links, bringUp: true }),
    ...byHand.map((each) => new StaticAddress(dhcpPorts.network, each)),
    clients.length === 0 || byHand.length > 0
      ? undefined
      : new AddressPart({ clients, leased: (leases) => handOver.take(leases) }),
    new BlobPart({
      blobs,
      contexts: [context as Context],
      timeServer: (server) => handOver.useTime(timeServers(options, server)),
    }),
    // Ended before what gives it its address: streams say goodbye.
    { name: "streams", start: () => () => context.close() },
    new NetworkPart(dhcpPorts.network, {
      contexts: [context as Context],
      hasMore: () => resolver.networkChanged(),
      ...(options.breaksConnections === false ? { breaks: false } : {}),
    }),
    portal,
    time,
    policy,
  ];
  const system = createSystemOver(
    { clock, random, raise, suspend: dhcpPorts.suspend },
    {
      parts: parts.filter((part) => part !== undefined),
      ...(options.target === undefined ? {} : { target: options.target }),
      ...(logger === undefined ? {} : { logger }),
    },
  );
  handOver.useByHand(byHand.flatMap(({ dns = [] }) => dns));
  // What waited for the time need not wait for its next try.
  system.on("time", ({ type }) => {
    if (type !== "valid") return;
    context.retryNow();
    portal?.timeKnown();
  });
  const stop = async (): Promise<void> => {
    await system.stop();
    await api.close();
    resolver.close();
  };
  return {
    system,
    context: context as Context,
    resolver,
    blobs,
    clients,
    time,
    refreshPolicy: () => policy.refresh(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function timePart(options: DeviceOptions, blobs: Blobs, resolver: Resolver): TimePart | undefined {
  const { time = {} } = options;
  if (time === false) return undefined;
  return new TimePart(createTimePorts(resolver, time.setsClock === true, time.wall), {
    servers: timeServers(options, blobs.text("ntp-server")),
    notBefore: NOT_BEFORE,
    ...(time.agreement === undefined ? {} : { agreement: time.agreement }),
  });
}

/** Asked where no lease names others. */
function timeServers({ time }: DeviceOptions, blob: string | undefined): readonly string[] {
  const named = time === false ? undefined : time?.servers;
  return named ?? (blob === undefined ? PUBLIC_TIME : [blob]);
}

interface Heirs {
  readonly resolver: Resolver;
  readonly time: TimePart | undefined;
  readonly portal: PortalPart | undefined;
}

/** What the leases say, given to those who need it, and taken back with the lease. */
class Handover {
  readonly #heirs: Heirs;
  #giveBack: () => void = () => {};
  #told = "";
  #hasTime = false;
  #timeServers: readonly string[];

  constructor(heirs: Heirs, timeServers: readonly string[]) {
    this.#heirs = heirs;
    this.#timeServers = timeServers;
  }

  /** Those of a lease come first. */
  useTime(servers: readonly string[]): void {
    if (isSame(servers, this.#timeServers)) return;
    this.#timeServers = servers;
    if (!this.#hasTime) this.#heirs.time?.useServers(servers);
  }

  useByHand(dns: readonly string[]): void {
    if (dns.length > 0) this.#heirs.resolver.useServers(dns);
  }

  take(leases: readonly Lease[]): void {
    const { resolver, time, portal } = this.#heirs;
    const dns = leases.flatMap(({ dnsServers }) => dnsServers);
    const ntp = leases.flatMap(({ ntpServers }) => ntpServers);
    const api = leases.find(({ captivePortal }) => captivePortal !== undefined)?.captivePortal;
    const before = this.#giveBack;
    this.#giveBack = dns.length === 0 ? () => {} : resolver.useServers(dns);
    before();
    if (ntp.length > 0) time?.useServers(ntp);
    this.#hasTime ||= ntp.length > 0;
    // A renewal that says the same is no other network.
    const told = JSON.stringify([leases.map(({ address, server }) => [address, server]), api]);
    if (told !== this.#told && leases.length > 0) portal?.network(api);
    this.#told = told;
  }
}
