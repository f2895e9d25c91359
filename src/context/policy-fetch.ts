import { SecureStreamsError } from "../lib/errors.ts";
import { GrowingBytes } from "../lib/growing-bytes.ts";
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
import type { IncomingPolicy } from "./incoming-policy.ts";
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
/** Bytes of a stored policy's beginning that hold its entity tag. */
const FIRST_LINE = 512;

/**
 * Fetches the policy by a stream of the policy itself, reads it as it comes, puts it in force whole or not at all, and
 * keeps the last good one.
 */
export class PolicyFetch {
  readonly #ports: PolicyFetchPorts;
  readonly #options: PolicyFetchOptions;
  readonly #events: PolicyFetchEvents;
  readonly #streamtype: string;
  readonly #driver: Driver<PolicyRefreshInput, PolicyRefreshOutput>;
  readonly #fetches = new Map<FetchId, Aborter>();
  /** The last good policy, until one is in force. */
  #stored: Uint8Array | undefined;
  /** The entity tag of the policy in force. */
  #etag: string | undefined;
  #isInForce = false;
  #isStopped = false;

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
    if (this.#stored !== undefined) {
      this.#etag = decodeStored(this.#ports.text.decode(this.#stored.subarray(0, FIRST_LINE))).etag;
    }
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
        this.#useStored();
        return;
      case "valid":
        if (this.#isInForce) this.#events.valid();
        return;
      default:
        this.#events.waiting(output.why);
    }
  }

  async #fetch(fetch: FetchId): Promise<void> {
    const { context } = this.#options;
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
      throw new SecureStreamsError({
        layer: "http",
        code: "http-status",
        message: `The policy's server answered ${reply.status}`,
        status: reply.status,
      });
    }
    // A query may carry what nobody should read in a log.
    const incoming = context.receivePolicy(reply.url.replace(/\?.*$/s, ""));
    const kept = await this.#receive(reply, incoming);
    if (!this.#fetches.has(fetch)) return;
    this.#install(incoming, "server");
    this.#etag = entityTag(reply.header("etag"));
    if (kept !== undefined) {
      await this.#store({ text: this.#ports.text.decode(kept.whole()), etag: this.#etag });
    }
    this.#end(fetch, { type: "fetched", fetch });
  }

  /** Reads the reply as it comes; what is to be stored is kept. Throws with the first piece that no policy can have. */
  async #receive(reply: Reply, incoming: IncomingPolicy): Promise<GrowingBytes | undefined> {
    const { store, limit = LIMIT } = this.#options;
    if (Number(reply.header("content-length") ?? 0) > limit) throw tooLarge(incoming, limit);
    const kept = store === undefined || this.#ports.files === undefined ? undefined : new GrowingBytes();
    let room = limit;
    for await (const piece of reply.payload) {
      this.#judge("server", () => incoming.push(piece.subarray(0, room)));
      if (piece.length > room) throw tooLarge(incoming, limit);
      room -= piece.length;
      kept?.add(piece);
    }
    return kept;
  }

  /** If-None-Match, by whatever metadata the streamtype has for it. */
  #condition(): Readonly<Record<string, string>> | undefined {
    const streamtype = this.#options.context.describe(this.#streamtype);
    if (this.#etag === undefined || streamtype === undefined) return undefined;
    const item = streamtype.metadata.find(({ header }) => header === "if-none-match");
    if (item !== undefined) return { [item.name]: this.#etag };
    return streamtype.directProtocolStrings ? { "if-none-match": this.#etag } : undefined;
  }

  #install(incoming: IncomingPolicy, from: "server" | "store"): void {
    this.#judge(from, () => incoming.install());
    this.#isInForce = true;
    this.#stored = undefined;
    this.#events.told({ type: "applied", from });
  }

  /** Tells of a policy that is refused. */
  #judge(from: "server" | "store", read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#events.told({ type: "refused", from, error });
      throw error;
    }
  }

  #useStored(): void {
    const { context, store = "" } = this.#options;
    const stored = this.#stored;
    if (stored === undefined || this.#isInForce) return;
    try {
      const incoming = context.receivePolicy(store);
      this.#judge("store", () => incoming.push(stored));
      this.#install(incoming, "store");
    } catch {
      this.#stored = undefined;
      this.#etag = undefined;
      this.#driver.feed({ type: "stored-refused" });
    }
  }

  #failed(fetch: FetchId, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (!this.#isStopped) this.#events.told({ type: "failed", why });
    // What is still to come is not wanted, and may have no end.
    this.#fetches.get(fetch)?.abort(error);
    this.#end(fetch, { type: "failed", fetch, why });
  }

  #end(fetch: FetchId, input: PolicyRefreshInput): void {
    this.#fetches.delete(fetch);
    this.#driver.feed(input);
  }

  async #read(): Promise<Uint8Array | undefined> {
    const { store, limit = LIMIT } = this.#options;
    if (store === undefined || this.#ports.files === undefined) return undefined;
    try {
      return await this.#ports.files.read(store, 2 * limit);
    } catch (error) {
      this.#events.told({ type: "failed", why: `the stored policy cannot be read: ${String(error)}` });
      return undefined;
    }
  }

  /** A policy that cannot be stored is in force all the same. */
  async #store(policy: StoredPolicy): Promise<void> {
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

function tooLarge({ where }: IncomingPolicy, limit: number): SecureStreamsError {
  const message = `${where}: error: The policy is larger than ${limit} bytes`;
  return new SecureStreamsError({ layer: "policy", code: "policy-too-large", message });
}
