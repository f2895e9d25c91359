import { UsageError } from "../lib/errors.ts";
import { Spread } from "../lib/spread.ts";
import {
  applyOverlay,
  applyOverlayValue,
  DEFAULT_POLICY,
  type MetadataName,
  type PolicyDocument,
  type Problem,
  requirePolicy,
  type Streamtype,
  type StreamtypeName,
} from "../policy/index.ts";
import type { Identity, MetadataValues } from "../stream/index.ts";
import { requireLogger, requireObject } from "./arguments.ts";
import type { ContextOptions, OpenOptions } from "./context-options.ts";
import type { StateEvent } from "./events.ts";
import { contextClosed, IDENTITY_CHANGED, POLICY_CHANGED, removed, SIGNAL_FIRED } from "./failures.ts";
import { InForce } from "./in-force.ts";
import { IncomingPolicy } from "./incoming-policy.ts";
import type { Inspection } from "./inspect.ts";
import { loadPolicy, type PolicySource } from "./load-policy.ts";
import { observe } from "./observe.ts";
import type { Logger, Path, Ports } from "./ports.ts";
import type { Reply } from "./reply.ts";
import type { NameResolver } from "./resolver/name-resolver.ts";
import { Stream, type Surroundings } from "./stream.ts";
import type { RequestOptions } from "./stream-options.ts";
import { tellProblems } from "./tell-problems.ts";

/** A policy in force, and the streams opened under it. */
export class Context<P = unknown> {
  readonly #ports: Ports;
  readonly #inForce: InForce;
  readonly #logger: Logger | undefined;
  readonly #strict: boolean;
  readonly #streams = new Map<number, Stream>();
  readonly #surroundings: Surroundings;
  #lastId = 0;
  /** Connected as somebody the program is no longer. */
  readonly #outdated = new Set<Stream>();
  #callOff: (() => void) | undefined;
  #closed = false;

  /** @internal Use `createContext()`. */
  constructor(ports: Ports, document: PolicyDocument, options: Omit<ContextOptions, "policy">) {
    this.#ports = ports;
    this.#inForce = new InForce(document, options.identity ?? {});
    this.#logger = options.logger;
    this.#strict = options.strict ?? false;
    this.#surroundings = {
      ports,
      spread: new Spread(ports.random),
      observes: () => this.#logger !== undefined || ports.diagnostics.hasSubscribers("secure-streams:state"),
      observed: (stream, event) => this.#observed(stream, event),
      ended: (stream) => this.#streams.delete(stream.id),
    };
  }

  /** Warnings and notes about the policy in force. */
  get problems(): readonly Problem[] {
    return this.#inForce.document.problems;
  }

  get streamtypes(): readonly string[] {
    return [...this.#inForce.document.policy.streamtypes.keys()];
  }

  /** What the streams resolve names through. Throws UsageError where the program gave a HostResolver of its own kind. */
  get resolver(): NameResolver {
    const { resolver } = this.#ports;
    if (resolver !== undefined) return resolver;
    throw new UsageError("Cannot give the resolver: this context resolves names in a way of its own");
  }

  /** @internal What the policy says of a streamtype. */
  describe(streamtype: string): Streamtype | undefined {
    return this.#inForce.document.policy.streamtypes.get(streamtype);
  }

  /** Opens a logical stream. Throws UsageError for an unknown streamtype or metadata that cannot be used. */
  open<S extends StreamtypeName<P>>(
    streamtype: S,
    options: OpenOptions<MetadataName<P, S>> = {},
  ): Stream<MetadataName<P, S>> {
    requireObject(options, "open a stream", "what follows the streamtype");
    const { signal } = options;
    signal?.throwIfAborted();
    const stream = this.#make(streamtype, options);
    if (signal !== undefined) {
      const abort = (): void => stream.end(SIGNAL_FIRED, signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      stream.on("state", ({ state }) => {
        if (state === "destroying") signal.removeEventListener("abort", abort);
      });
    }
    stream.begin();
    return stream;
  }

  /** A stream that has not begun. */
  #make<S extends StreamtypeName<P>>(
    streamtype: S,
    options: OpenOptions<MetadataName<P, S>>,
  ): Stream<MetadataName<P, S>> {
    if (this.#closed) throw contextClosed();
    this.#lastId += 1;
    const settings = this.#inForce.settings(streamtype);
    const stream = new Stream<MetadataName<P, S>>(
      this.#lastId,
      options.alone === true ? settings.alone(this.#lastId) : settings,
      this.#surroundings,
      { metadata: (options.metadata ?? {}) as MetadataValues, handlers: options },
    );
    this.#streams.set(stream.id, stream as unknown as Stream);
    this.#preload(stream.streamtype);
    return stream;
  }

  /** Code is loaded while there is calm: not in the middle of the first outage, nor without a free file descriptor. */
  #preload(name: string): void {
    const transport = this.#ports.transport(this.#inForce.settings(name).streamtype.protocol);
    // Whoever connects is told.
    if ("then" in transport) transport.catch(() => {});
  }

  /** One http transaction on a stream of its own, which is closed when the reply has come whole. */
  async request<S extends StreamtypeName<P>>(
    streamtype: S,
    options: RequestOptions<MetadataName<P, S>> = {},
  ): Promise<Reply> {
    const stream = this.#make(streamtype, {});
    try {
      const asked = stream.request(options);
      stream.begin();
      const reply = await asked;
      stream.on("state", ({ state }) => {
        if (state === "disconnected") stream.close();
      });
      if (!stream.isConnected) stream.close();
      return reply;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /**
   * Replaces the policy. Streams whose effective settings changed connect anew, those whose streamtype is gone are
   * closed, the others notice nothing. A policy with faults rejects with PolicyError and changes nothing.
   */
  async replacePolicy(policy: PolicySource): Promise<void> {
    this.#install(await loadPolicy(policy, this.#ports, { strict: this.#strict }));
  }

  /** @internal A policy that comes in pieces; `source` names it in messages. */
  receivePolicy(source: string): IncomingPolicy {
    const options = { source, strict: this.#strict };
    return new IncomingPolicy(this.#ports.text, options, (document) => this.#install(document));
  }

  /** Lays an overlay (JSON text or an object) over the policy in force, whole or not at all. Throws PolicyError. */
  overlay(overlay: string | object): void {
    const options = { source: "overlay", strict: this.#strict };
    this.#install(
      requirePolicy(
        typeof overlay === "string"
          ? applyOverlay(this.#inForce.document, overlay, options)
          : applyOverlayValue(this.#inForce.document, overlay, options),
      ),
    );
  }

  /**
   * Replaces what the program knows about itself, whole: a token that was fetched, a password, a client certificate. Every
   * attempt and transaction that begins from now on uses it. Streams that say or show what changed connect anew in the
   * next turn, with the reason `identity-changed`; a transaction under way ends first; the others notice nothing.
   */
  replaceIdentity(identity: Identity): void {
    const changed = this.#inForce.replaceIdentity(identity);
    if (changed.size === 0) return;
    this.#guarded(() => this.#logger?.info({ changed: [...changed] }, "identity.replaced"));
    for (const stream of this.#streams.values()) {
      if (!changed.has(stream.streamtype)) continue;
      stream.adopt(this.#inForce.settings(stream.streamtype), undefined);
      this.#outdated.add(stream);
    }
    const { clock } = this.#ports;
    this.#callOff ??= clock.wake(clock.now(), () => this.#recycleOutdated(), true);
  }

  /**
   * Breaks the connections whose path through the network is gone, so that their streams try again at once instead of
   * waiting for TCP to notice: the state tells `network-changed`. Others are left alone. Returns how many were broken.
   */
  abandon(isGone: (path: Path) => boolean): number {
    return this.#ports.abandon(isGone);
  }

  /** The network is back: each stream that waits for its next try makes it now, with a fresh count. */
  retryNow(): void {
    for (const stream of [...this.#streams.values()]) {
      if (stream.inspect().retryIn !== undefined) stream.connect();
    }
  }

  /** Every stream and every connection as they are now. */
  inspect(): Inspection {
    return {
      streams: [...this.#streams.values()].map((stream) => stream.inspect()),
      connections: this.#ports.connections(),
    };
  }

  /** Closes every stream and every connection; resolves when no socket is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#callOff?.();
    for (const stream of [...this.#streams.values()]) stream.close();
    await this.#ports.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #recycleOutdated(): void {
    this.#callOff = undefined;
    const outdated = [...this.#outdated];
    this.#outdated.clear();
    for (const stream of outdated) {
      if (this.#streams.has(stream.id))
        stream.adopt(this.#inForce.settings(stream.streamtype), IDENTITY_CHANGED);
    }
  }

  #install(document: PolicyDocument): void {
    const { problems } = this.#inForce.document;
    const changes = this.#inForce.replacePolicy(document);
    const changed = new Set(changes.changed);
    const { revision } = this.#inForce;
    this.#ports.diagnostics.publish("secure-streams:policy", { revision, changes });
    this.#guarded(() => tellProblems(document.problems, problems, this.#logger));
    this.#guarded(() => this.#logger?.info({ revision, ...changes }, "policy.replaced"));
    for (const stream of [...this.#streams.values()]) {
      if (!document.policy.streamtypes.has(stream.streamtype)) stream.end(removed(stream.streamtype));
      else {
        const why = changed.has(stream.streamtype) ? POLICY_CHANGED : undefined;
        stream.adopt(this.#inForce.settings(stream.streamtype), why);
      }
    }
  }

  #observed(stream: Stream, event: StateEvent): void {
    this.#guarded(() => observe(stream, event, this.#ports.diagnostics, this.#logger));
  }

  /** A log that throws is the program's affair and not that of what happens here. */
  #guarded(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#ports.raise(error);
    }
  }
}

/** Reads the policy and makes a context of it over `ports`. Rejects with PolicyError, every fault in it. */
export async function createContextOver<const P>(
  ports: Ports,
  options: ContextOptions<P>,
): Promise<Context<P>> {
  const { policy = DEFAULT_POLICY, ...rest } = options;
  requireLogger(rest.logger);
  const document = await loadPolicy(policy as PolicySource, ports, { strict: rest.strict ?? false });
  tellProblems(document.problems, [], rest.logger);
  return new Context<P>(ports, document, rest);
}
