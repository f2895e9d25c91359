import { SecureStreamsError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import {
  type FetchId,
  PolicyRefresh,
  type PolicyRefreshInput,
  type PolicyRefreshOptions,
  type PolicyRefreshOutput,
} from "../system/index.ts";
import { Aborter } from "./abort.ts";
import type { Context } from "./context.ts";
import { Driver } from "./driver.ts";
import type { SmallFiles } from "./network-ports.ts";
import type { Clock, Text } from "./ports.ts";
import type { Reply } from "./reply.ts";
import { decodeStored, encodeStored, entityTag, type StoredPolicy } from "./stored-policy.ts";
import type { PolicyEvent } from "./system-events.ts";

export interface PolicyFetchPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly text: Text;
  /** Where the last good policy is kept. Without it a start needs the server. */
  readonly files?: SmallFiles;
}

export interface PolicyFetchOptions extends PolicyRefreshOptions {
  readonly context: Context;
  /** Default: `fetch_policy`. */
  readonly streamtype?: string;
  /** Path of the last good policy. */
  readonly store?: string;
  /** Most bytes of a policy. Default: 1 MiB. */
  readonly limit?: number;
}

export interface PolicyFetchEvents {
  /** A policy is in force. */
  valid(): void;
  /** None is yet, and why. */
  waiting(why: string): void;
  told(event: PolicyEvent): void;
  raise(error: unknown): void;
}

const LIMIT = 1024 * 1024;
/** What a policy's text begins with: an object, or a comment before it. Anything else would be taken for a location. */
const BEGINNING = /^[\s\ufeff]*(?:\{|\/[/*])/;

/** Fetches the policy by a stream of the policy itself, puts it in force whole or not at all, and keeps the last good one. */
export class PolicyFetch {
  readonly #ports: PolicyFetchPorts;
  readonly #options: PolicyFetchOptions;
  readonly #events: PolicyFetchEvents;
  readonly #streamtype: string;
  readonly #driver: Driver<PolicyRefreshInput, PolicyRefreshOutput>;
  readonly #fetches = new Map<FetchId, Aborter>();
  #stored: StoredPolicy | undefined;
  /** The entity tag of the policy in force. */
  #etag: string | undefined;
  #isInForce = false;
  #isStopped = false;
  /** One policy is put in force at a time. */
  #applying: Promise<void> = Promise.resolve();

  constructor(ports: PolicyFetchPorts, options: PolicyFetchOptions, events: PolicyFetchEvents) {
    this.#ports = ports;
    this.#options = options;
    this.#events = events;
    this.#streamtype = options.streamtype ?? "fetch_policy";
    const machine = new PolicyRefresh(ports.random, options);
    this.#driver = new Driver(machine, ports.clock, (output) => this.#perform(output));
  }

  /** Whether the policy has the streamtype that a policy is fetched by. */
  get isInUse(): boolean {
    return this.#options.context.describe(this.#streamtype) !== undefined;
  }

  /** Reads what is stored and begins to fetch. */
  async start(): Promise<void> {
    this.#stored = await this.#read();
    this.#etag = this.#stored?.etag;
    this.#driver.feed({ type: "start", hasStored: this.#stored !== undefined });
  }

  /** Fetches now, or as soon as manners allow. */
  refresh(): void {
    this.#driver.feed({ type: "refresh" });
  }

  /** The machine slept, and the monotonic clock stood still. */
  slept(span: number): void {
    this.#driver.feed({ type: "slept", span });
  }

  stop(): void {
    this.#isStopped = true;
    this.#driver.feed({ type: "stop" });
  }

  #perform(output: PolicyRefreshOutput): void {
    switch (output.type) {
      case "fetch":
        this.#fetch(output.fetch).catch((error: unknown) => this.#failed(output.fetch, error));
        return;
      case "abandon":
        this.#fetches.get(output.fetch)?.abort(new SecureStreamsError(GIVEN_UP));
        this.#fetches.delete(output.fetch);
        return;
      case "use-stored":
        this.#useStored().catch(this.#events.raise);
        return;
      case "valid":
        if (this.#isInForce) this.#events.valid();
        return;
      default:
        this.#events.waiting(output.why);
    }
  }

  async #fetch(fetch: FetchId): Promise<void> {
    const { context, limit = LIMIT } = this.#options;
    // A policy that has no way to fetch the next one is the last.
    if (!this.isInUse) throw new SecureStreamsError(NO_STREAMTYPE);
    const aborter = new Aborter();
    this.#fetches.set(fetch, aborter);
    const metadata = this.#condition();
    const reply = await context.request(this.#streamtype, {
      signal: aborter,
      ...(metadata === undefined ? {} : { metadata }),
    });
    if (reply.status === 304 && this.#etag !== undefined) {
      reply.discard();
      this.#events.told({ type: "unchanged" });
      this.#end(fetch, { type: "unchanged", fetch });
      return;
    }
    if (!reply.ok) {
      reply.discard();
      throw new SecureStreamsError({
        layer: "http",
        code: "http-status",
        message: `The policy's server answered ${reply.status}`,
        status: reply.status,
      });
    }
    const text = this.#ports.text.decode(await this.#whole(reply, limit));
    await this.#apply(text, "server", () => this.#fetches.has(fetch));
    if (!this.#fetches.has(fetch)) return;
    this.#etag = entityTag(reply.header("etag"));
    await this.#store({ text, etag: this.#etag });
    this.#end(fetch, { type: "fetched", fetch });
  }

  /** The whole of the reply, unless it is too large, or says so from the beginning. */
  async #whole(reply: Reply, limit: number): Promise<Uint8Array> {
    if (Number(reply.header("content-length") ?? 0) <= limit) return await reply.bytes(limit);
    reply.discard();
    const message = `The policy is larger than ${limit} bytes`;
    throw new SecureStreamsError({ layer: "policy", code: "policy-too-large", message });
  }

  /** If-None-Match, by whatever metadata the streamtype has for it. */
  #condition(): Readonly<Record<string, string>> | undefined {
    const streamtype = this.#options.context.describe(this.#streamtype);
    if (this.#etag === undefined || streamtype === undefined) return undefined;
    const item = streamtype.metadata.find(({ header }) => header === "if-none-match");
    if (item !== undefined) return { [item.name]: this.#etag };
    return streamtype.directProtocolStrings ? { "if-none-match": this.#etag } : undefined;
  }

  /** Puts a policy in force, one after the other, unless `isWanted` says no when its turn comes. */
  #apply(text: string, from: "server" | "store", isWanted: () => boolean): Promise<void> {
    const applied = this.#applying.then(async () => {
      if (!isWanted()) return;
      try {
        if (!BEGINNING.test(text)) throw new SecureStreamsError(NO_POLICY);
        await this.#options.context.replacePolicy(text);
      } catch (error) {
        this.#events.told({ type: "refused", from, error });
        throw error;
      }
      this.#isInForce = true;
      this.#events.told({ type: "applied", from });
    });
    this.#applying = applied.catch(() => {});
    return applied;
  }

  async #useStored(): Promise<void> {
    const stored = this.#stored;
    if (stored === undefined) return;
    try {
      await this.#apply(stored.text, "store", () => !this.#isInForce && !this.#isStopped);
      if (this.#isInForce) this.#events.valid();
    } catch {
      this.#stored = undefined;
      this.#etag = undefined;
      this.#driver.feed({ type: "stored-refused" });
    }
  }

  #failed(fetch: FetchId, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (!this.#isStopped) this.#events.told({ type: "failed", why });
    this.#end(fetch, { type: "failed", fetch, why });
  }

  #end(fetch: FetchId, input: PolicyRefreshInput): void {
    this.#fetches.delete(fetch);
    this.#driver.feed(input);
  }

  async #read(): Promise<StoredPolicy | undefined> {
    const { store, limit = LIMIT } = this.#options;
    if (store === undefined || this.#ports.files === undefined) return undefined;
    try {
      const bytes = await this.#ports.files.read(store, 2 * limit);
      return bytes === undefined ? undefined : decodeStored(this.#ports.text.decode(bytes));
    } catch (error) {
      this.#events.told({ type: "failed", why: `the stored policy cannot be read: ${String(error)}` });
      return undefined;
    }
  }

  /** A policy that cannot be stored is in force all the same. */
  async #store(policy: StoredPolicy): Promise<void> {
    this.#stored = policy;
    const { store } = this.#options;
    if (store === undefined || this.#ports.files === undefined) return;
    try {
      await this.#ports.files.replace(store, this.#ports.text.encode(encodeStored(policy)));
    } catch (error) {
      this.#events.told({ type: "failed", why: `the policy cannot be stored: ${String(error)}` });
    }
  }
}

const GIVEN_UP = { layer: "policy", code: "aborted", message: "The fetch was given up" } as const;
const NO_STREAMTYPE = {
  layer: "policy",
  code: "streamtype-unknown",
  message: "The policy in force has no streamtype to fetch the next one by",
} as const;
const NO_POLICY = {
  layer: "policy",
  code: "policy-syntax",
  message: "What came is no policy: it does not begin with an object",
} as const;
