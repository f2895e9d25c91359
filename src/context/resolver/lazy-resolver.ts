import type { Address, Answer, CacheEntry, LookupRequest, Statistics, TraceEvent } from "../../dns/index.ts";
import { isOutOfDescriptors } from "../../lib/descriptors.ts";
import type { AddressOptions, LookupEvents, NameResolver, ResolveOptions } from "./name-resolver.ts";

/** A NameResolver that can be closed. */
interface Closable extends NameResolver {
  close(): void;
}

/** A resolver whose code is loaded when it is first asked; until then it has no servers and knows nothing. */
export class LazyResolver implements NameResolver {
  readonly #load: () => Promise<Closable>;
  #loading: Promise<Closable> | undefined;
  #loaded: Closable | undefined;
  #isClosed = false;

  constructor(load: () => Promise<Closable>) {
    this.#load = load;
  }

  async resolve(name: string, options?: ResolveOptions): Promise<Answer> {
    return (this.#loaded ?? (await this.#ready())).resolve(name, options);
  }

  async addresses(host: string, options?: AddressOptions): Promise<readonly Address[]> {
    return (this.#loaded ?? (await this.#ready())).addresses(host, options);
  }

  async reverse(address: string, options?: Omit<ResolveOptions, "types">): Promise<readonly string[]> {
    return (this.#loaded ?? (await this.#ready())).reverse(address, options);
  }

  ask(request: LookupRequest, events: LookupEvents): () => void {
    return this.#whenLoaded(
      (resolver) => resolver.ask(request, events),
      (error) => events.failed(isWithoutDescriptor(error) ? "too-many-files" : "no-servers", request.name),
    );
  }

  peek(host: string, family: 4 | 6): readonly Address[] | undefined {
    return this.#loaded?.peek(host, family);
  }

  peekBoth(host: string): ReturnType<NameResolver["peekBoth"]> {
    return this.#loaded?.peekBoth(host);
  }

  useServers(servers: readonly string[]): () => void {
    return this.#whenLoaded((resolver) => resolver.useServers(servers));
  }

  trace(tracer: (event: TraceEvent) => void): () => void {
    return this.#whenLoaded((resolver) => resolver.trace(tracer));
  }

  inspect(): readonly CacheEntry[] {
    return this.#loaded?.inspect() ?? [];
  }

  clear(name?: string): void {
    this.#loaded?.clear(name);
  }

  get servers(): readonly string[] {
    return this.#loaded?.servers ?? [];
  }

  get statistics(): Readonly<Statistics> | undefined {
    return this.#loaded?.statistics;
  }

  /** Who waits fails with `aborted`, and so does who comes later. Resolves when no socket is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#loading?.then(
      (resolver) => resolver.close(),
      () => {},
    );
  }

  /** Has `begin` done, now or once the code is there. Returns the way to undo it. */
  #whenLoaded(begin: (resolver: Closable) => () => void, failed?: (error: unknown) => void): () => void {
    if (this.#loaded !== undefined) return begin(this.#loaded);
    let isOver = false;
    let undo = (): void => {
      isOver = true;
    };
    void this.#ready().then(
      (resolver) => {
        if (!isOver) undo = begin(resolver);
      },
      (error: unknown) => {
        if (!isOver) failed?.(error);
      },
    );
    return () => undo();
  }

  #ready(): Promise<Closable> {
    this.#loading ??= this.#load().then(
      (resolver) => {
        this.#loaded = resolver;
        if (this.#isClosed) resolver.close();
        return resolver;
      },
      (error: unknown) => {
        this.#loading = undefined;
        throw error;
      },
    );
    return this.#loading;
  }
}

/** Without one the code cannot be read; once there is one it can. */
function isWithoutDescriptor(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return isOutOfDescriptors(code);
}
