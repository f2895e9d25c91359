import { dnsReason, type NameResolver } from "../../context/index.ts";
import type { Family, HostResolver, Resolution, ResolveEvents } from "../../dial/index.ts";
import type { DnsFailure, RecordType } from "../../dns/index.ts";

/** The whole time for one host; a dialer's own deadline cancels before. */
const DEADLINE = 10_000;

/** What the dialer asks: addresses of each family as they come, AAAA asked for first (RFC 8305, 3). */
export function createHostResolver(resolver: NameResolver): HostResolver {
  return { resolve: (host, events) => new HostResolution(resolver, host, events) };
}

class HostResolution implements Resolution {
  readonly #host: string;
  readonly #events: ResolveEvents;
  readonly #open = new Set<Family>([6, 4]);
  #stop: () => void = () => {};
  #isCancelled = false;

  constructor(resolver: NameResolver, host: string, events: ResolveEvents) {
    this.#host = host;
    this.#events = events;
    queueMicrotask(() => this.#start(resolver));
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#stop();
  }

  #start(resolver: NameResolver): void {
    if (this.#isCancelled) return;
    const request = {
      name: this.#host,
      types: ["AAAA", "A"] as const,
      deadline: performance.now() + DEADLINE,
      parts: true,
    };
    this.#stop = resolver.ask(request, {
      part: (type, addresses, failure) => this.#part(familyOf(type), addresses, failure),
      answered: ({ records }) => {
        for (const family of [...this.#open]) {
          const type = family === 6 ? "AAAA" : "A";
          const found = records.flatMap((record) => (record.type === type ? [record.address] : []));
          this.#part(family, found, "no-data");
        }
      },
      failed: (code) => {
        for (const family of [...this.#open]) this.#part(family, [], code);
      },
    });
  }

  #part(family: Family, addresses: readonly string[], failure: DnsFailure | undefined): void {
    if (this.#isCancelled || !this.#open.delete(family)) return;
    if (addresses.length > 0) this.#events.addresses(family, addresses);
    if (this.#isCancelled) return;
    this.#events.done(family, addresses.length > 0 ? undefined : dnsReason(failure ?? "no-data", this.#host));
  }
}

function familyOf(type: RecordType): Family {
  return type === "AAAA" ? 6 : 4;
}
