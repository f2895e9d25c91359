import {
  type Address,
  type Answer,
  addressFamily,
  type CacheEntry,
  DEFAULT_RESOLV_CONF,
  isHostname,
  type LookupId,
  type LookupRequest,
  mapped,
  parseName,
  parseServer,
  type RecordType,
  type ResolvConf,
  ResolverMachine,
  type ResolverOptions,
  type ResolverOutput,
  reverseName,
  type ServerAddress,
  type Statistics,
  type TraceEvent,
} from "../../dns/index.ts";
import { UsageError } from "../../lib/errors.ts";
import { type Millis, seconds } from "../../lib/millis.ts";
import { TransientMap } from "../../lib/transient-map.ts";
import { Driver } from "../driver.ts";
import type { Abortable } from "../ports.ts";
import { DnsError } from "./dns-error.ts";
import type { AddressOptions, LookupEvents, NameResolver, ResolveOptions } from "./name-resolver.ts";
import type { ResolverPorts } from "./resolver-ports.ts";
import { ResolverSockets } from "./resolver-sockets.ts";

/** The whole time for one lookup. */
const DEADLINE: Millis = seconds(10);
const BOTH: readonly RecordType[] = ["AAAA", "A"];

export interface Settings extends ResolverOptions {
  /** Ask these and not those of the system. */
  readonly servers: readonly ServerAddress[] | undefined;
}

/** Names to addresses and records, from the event loop, with a true cache. */
export class Resolver implements NameResolver {
  readonly #ports: ResolverPorts;
  readonly #settings: Settings;
  readonly #machine: ResolverMachine;
  readonly #driver: Driver<Parameters<ResolverMachine["handle"]>[0], ResolverOutput>;
  readonly #waiting = new TransientMap<LookupId, LookupEvents>();
  readonly #sockets: ResolverSockets;
  readonly #tracers = new Set<(event: TraceEvent) => void>();
  readonly #leases: (readonly ServerAddress[])[] = [];
  readonly #unwatch: () => void;
  #system: ResolvConf = DEFAULT_RESOLV_CONF;
  #nextId: LookupId = 1;

  constructor(ports: ResolverPorts, settings: Settings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#machine = new ResolverMachine({ random: ports.random, options: settings });
    this.#driver = new Driver(this.#machine, ports.clock, (output) => this.#perform(output));
    this.#sockets = new ResolverSockets(ports, (input) => this.#driver.feed(input));
    this.#unwatch = ports.watchSystem({
      configured: (conf) => {
        this.#system = conf;
        this.#configure();
      },
      hosts: (hosts) => this.#driver.feed({ type: "hosts", hosts }),
    });
  }

  get statistics(): Readonly<Statistics> {
    return this.#machine.statistics;
  }

  /** The cache's entries, the most recently used first. */
  inspect(): readonly CacheEntry[] {
    return this.#machine.inspect();
  }

  /** Forgets what is cached of one name, or everything. */
  clear(name?: string): void {
    this.#machine.clear(name === undefined ? undefined : (parseName(name) ?? name));
  }

  /** The servers asked now, the system's, given ones or a lease's. */
  get servers(): readonly string[] {
    return this.#machine.servers.map(({ label }) => label);
  }

  /** All records of one name. Rejects with DnsError. */
  resolve(name: string, options: ResolveOptions = {}): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const { types = BOTH, signal, timeout = DEADLINE, fresh = false } = options;
      if (signal?.aborted === true) {
        reject(new DnsError("aborted", name, signal.reason));
        return;
      }
      const { search = types.includes("A") || types.includes("AAAA") } = options;
      const servers = options.servers?.map(requireServer);
      const deadline = this.#ports.clock.now() + timeout;
      const events: LookupEvents = {
        answered: resolve,
        failed: (code) => reject(new DnsError(code, name, code === "aborted" ? signal?.reason : undefined)),
      };
      const request = { name, types, deadline, servers, search, fresh };
      if (signal === undefined) this.#ask(request, events);
      else this.#askUntil(signal, request, events);
    });
  }

  #askUntil(signal: Abortable, request: LookupRequest, events: LookupEvents): void {
    const stop = (): void => {
      cancel();
      events.failed("aborted", request.name);
    };
    const cancel = this.ask(request, {
      answered: (answer) => {
        signal.removeEventListener("abort", stop);
        events.answered(answer);
      },
      failed: (code, name) => {
        signal.removeEventListener("abort", stop);
        events.failed(code, name);
      },
    });
    signal.addEventListener("abort", stop, { once: true });
  }

  /** The addresses of a host, best first. Rejects with DnsError. */
  async addresses(host: string, options: AddressOptions = {}): Promise<readonly Address[]> {
    const { family = 0, order = "rfc6724", mapped: wish, ...rest } = options;
    const wantsMapped = family !== 4 && (wish ?? this.#ports.hasOnlyIpv6());
    const types =
      family === 4 ? (["A"] as const) : family === 6 && !wantsMapped ? (["AAAA"] as const) : undefined;
    const answer = await this.resolve(host, types === undefined ? rest : { ...rest, types });
    const all = answer.records.flatMap((record) => ("address" in record ? [record.address] : []));
    const six = all.filter((address) => addressFamily(address) === 6);
    const isOnlySix = family === 6 && wantsMapped !== "all" && six.length > 0;
    const usable = isOnlySix ? six : wantsMapped ? all.map(mapped) : all;
    switch (order) {
      case "ipv4first":
        return byFamily(usable, 4);
      case "ipv6first":
        return byFamily(usable, 6);
      case "as-received":
        return usable;
      default:
        return usable.length < 2 ? usable : this.#ports.order(usable);
    }
  }

  /** The host names of an address. Rejects with DnsError. */
  async reverse(address: string, options: Omit<ResolveOptions, "types"> = {}): Promise<readonly string[]> {
    const name = reverseName(address);
    if (name === undefined) throw new DnsError("bad-name", address);
    const { records } = await this.resolve(name, { ...options, types: ["PTR"] });
    const hosts = records.flatMap((record) => (record.type === "PTR" ? [record.target] : []));
    const usable = hosts.filter((host) => isHostname(host));
    if (usable.length === 0) throw new DnsError("no-data", address);
    return usable;
  }

  /**
   * The addresses that the cache holds now, none where it knows that there are none; undefined where a server would
   * have to be asked. Synchronous; `host` in lower case.
   */
  peek(host: string, family: 4 | 6): readonly Address[] | undefined {
    const type = family === 4 ? "A" : "AAAA";
    const known = this.#machine.peek(host, type, this.#ports.clock.now());
    if (known !== undefined && this.#settings.cache.prefetch) {
      this.#driver.feed({ type: "used", name: host, types: [type] });
    }
    return known;
  }

  /** What `peek` says of both families; undefined unless both are known. */
  peekBoth(
    host: string,
  ): { readonly six: readonly Address[]; readonly four: readonly Address[] } | undefined {
    const now = this.#ports.clock.now();
    const six = this.#machine.peek(host, "AAAA", now);
    const four = six === undefined ? undefined : this.#machine.peek(host, "A", now);
    if (six === undefined || four === undefined) return undefined;
    if (this.#settings.cache.prefetch) this.#driver.feed({ type: "used", name: host, types: ["AAAA", "A"] });
    return { six, four };
  }

  /** The form of `resolve` without promises. Nothing is told after the returned function was called. */
  ask(request: LookupRequest, events: LookupEvents): () => void {
    const lookup = this.#ask(request, events);
    return () => {
      if (this.#waiting.delete(lookup) !== undefined) this.#driver.feed({ type: "abort", lookup });
    };
  }

  #ask(request: LookupRequest, events: LookupEvents): LookupId {
    const lookup = this.#nextId++;
    this.#machine.isTraced = this.#tracers.size > 0 || this.#ports.diagnostics.hasSubscribers();
    this.#waiting.set(lookup, events);
    const name = this.#ascii(request.name);
    this.#driver.feed({
      type: "lookup",
      lookup,
      request: name === request.name ? request : { ...request, name },
    });
    return lookup;
  }

  /** Asks these servers instead of the system's, until the returned function is called: a lease hands them over. */
  useServers(servers: readonly string[]): () => void {
    const lease = servers.map(requireServer);
    this.#leases.push(lease);
    this.#configure();
    return () => {
      const place = this.#leases.indexOf(lease);
      if (place < 0) return;
      this.#leases.splice(place, 1);
      this.#configure();
    };
  }

  /** There is another way out than before: what waits is asked anew at once, what failed may be asked again. */
  networkChanged(): void {
    this.#driver.feed({ type: "network-changed" });
  }

  /** Tells every step of every query, until the returned function is called. */
  trace(tracer: (event: TraceEvent) => void): () => void {
    this.#tracers.add(tracer);
    this.#machine.isTraced = true;
    return () => {
      this.#tracers.delete(tracer);
      this.#machine.isTraced = this.#tracers.size > 0;
    };
  }

  /** Ends all: who waits fails with `aborted`, sockets and watches are closed. */
  close(): void {
    this.#unwatch();
    this.#driver.feed({ type: "close" });
  }

  #configure(): void {
    const servers =
      this.#settings.servers ?? (this.#leases.length > 0 ? this.#leases.flat() : this.#system.servers);
    this.#driver.feed({ type: "configure", conf: { ...this.#system, servers } });
  }

  #ascii(name: string): string {
    return /[^\0-\x7f]/.test(name) ? this.#ports.toAscii(name) : name;
  }

  #perform(output: ResolverOutput): void {
    switch (output.type) {
      case "answer":
        this.#waiting.delete(output.lookup)?.answered(output.answer);
        return;
      case "failed":
        this.#waiting.delete(output.lookup)?.failed(output.code, output.name);
        return;
      case "part":
        this.#waiting.get(output.lookup)?.part?.(output.of, output.addresses, output.failure);
        return;
      case "trace":
        for (const tracer of this.#tracers) tracer(output.event);
        if (this.#ports.diagnostics.hasSubscribers()) this.#ports.diagnostics.publish(output.event);
        return;
      default:
        this.#sockets.perform(output);
    }
  }
}

function requireServer(text: string): ServerAddress {
  const server = parseServer(text);
  if (server === undefined)
    throw new UsageError(`Cannot ask "${text}": not a server's address`, "usage", "dns");
  return server;
}

function byFamily(addresses: readonly Address[], first: 4 | 6): readonly Address[] {
  const isFirst = (address: Address): boolean => addressFamily(address) === first;
  return [...addresses.filter(isFirst), ...addresses.filter((address) => !isFirst(address))];
}
