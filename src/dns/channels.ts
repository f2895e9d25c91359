import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Attempt } from "./attempt.ts";
import type { Timed } from "./deadlines.ts";
import type { Server } from "./server.ts";
import type { ChannelId } from "./words.ts";
import type { Work } from "./work.ts";

/** Shared sockets that nobody has used for so long are closed. */
const IDLE: Millis = seconds(10);
/** Sockets of their own that may be open at once, so that a burst does not use up the descriptors. */
const MAX_FRESH = 256;

/** A UDP socket on a random port, connected to one server. */
export interface Channel {
  readonly id: ChannelId;
  readonly server: Server;
  readonly isShared: boolean;
  /**
   * By the ids that it has used; undefined where the answer has come or is no longer wanted: what carries one of these
   * is late, not forged.
   */
  readonly attempts: Map<number, Attempt | undefined>;
  /** How many still wait. */
  waiting: number;
  uses: number;
  isRetired: boolean;
  lastUsed: Millis;
}

/** Chooses the socket for each query: one of its own while the rate allows it, else a random one of a pool. */
export class Channels implements Timed {
  deadline: Millis = NEVER;
  place = -1;
  readonly #work: Work;
  readonly #channels = new Map<ChannelId, Channel>();
  readonly #pools = new Map<Server, (Channel | undefined)[]>();
  #nextId: ChannelId = 1;
  #fresh = 0;
  #tokens: number;
  #refilledAt: Millis | undefined;

  constructor(work: Work) {
    this.#work = work;
    this.#tokens = work.options.freshPorts.burst;
  }

  get(id: ChannelId): Channel | undefined {
    return this.#channels.get(id);
  }

  /** Gives the attempt a socket and an id that is in use on no other query of that socket. */
  assign(attempt: Attempt, now: Millis): Channel {
    const channel = this.#takeToken(now)
      ? this.#open(attempt.server, false, now)
      : this.#share(attempt.server, now);
    const { random } = this.#work;
    let id = random.uint16();
    while (channel.attempts.has(id)) id = random.uint16();
    channel.attempts.set(id, attempt);
    channel.waiting += 1;
    channel.uses += 1;
    channel.lastUsed = now;
    attempt.channel = channel;
    attempt.id = id;
    return channel;
  }

  /** The attempt expects nothing more of its socket. */
  release(attempt: Attempt): void {
    const { channel } = attempt;
    if (channel === undefined) return;
    attempt.channel = undefined;
    channel.attempts.set(attempt.id, undefined);
    channel.waiting -= 1;
    if (channel.waiting === 0 && (!channel.isShared || channel.isRetired)) this.#close(channel);
  }

  /** The socket is of no more use. Returns the attempts that waited on it. */
  failed(channel: Channel): readonly Attempt[] {
    const attempts = waitingOn(channel);
    channel.attempts.clear();
    channel.waiting = 0;
    for (const attempt of attempts) attempt.channel = undefined;
    this.#forget(channel);
    this.#close(channel);
    return attempts;
  }

  /** Closes the idle ones of the shared sockets. */
  expire(now: Millis): void {
    let next = NEVER;
    for (const channel of this.#channels.values()) {
      if (!channel.isShared || channel.waiting > 0) continue;
      if (channel.lastUsed + IDLE <= now) {
        this.#forget(channel);
        this.#close(channel);
        continue;
      }
      next = Math.min(next, channel.lastUsed + IDLE);
    }
    if (next === NEVER && this.#channels.size > 0) next = now + IDLE;
    this.#work.deadlines.set(this, next);
  }

  /** Closes all. */
  close(): void {
    for (const channel of [...this.#channels.values()]) this.#close(channel);
    this.#pools.clear();
  }

  #takeToken(now: Millis): boolean {
    const { burst, perSecond } = this.#work.options.freshPorts;
    const elapsed = now - (this.#refilledAt ?? now);
    this.#refilledAt = now;
    this.#tokens = Math.min(burst, this.#tokens + (elapsed * perSecond) / 1000);
    if (this.#tokens < 1 || this.#fresh >= MAX_FRESH) return false;
    this.#tokens -= 1;
    return true;
  }

  #share(server: Server, now: Millis): Channel {
    const { count, uses } = this.#work.options.sharedPorts;
    let pool = this.#pools.get(server);
    if (pool === undefined) {
      pool = new Array<Channel | undefined>(count).fill(undefined);
      this.#pools.set(server, pool);
    }
    const place = Math.floor(this.#work.random.fraction() * count);
    const known = pool[place];
    if (known !== undefined && known.uses < uses) return known;
    if (known !== undefined) this.#retire(known);
    const channel = this.#open(server, true, now);
    pool[place] = channel;
    if (this.deadline === NEVER) this.#work.deadlines.set(this, now + IDLE);
    return channel;
  }

  #retire(channel: Channel): void {
    channel.isRetired = true;
    if (channel.waiting === 0) this.#close(channel);
  }

  #open(server: Server, isShared: boolean, now: Millis): Channel {
    const id = this.#nextId++;
    const channel: Channel = {
      id,
      server,
      isShared,
      attempts: new Map(),
      waiting: 0,
      uses: 0,
      isRetired: false,
      lastUsed: now,
    };
    if (!isShared) this.#fresh += 1;
    this.#channels.set(id, channel);
    this.#work.emit({ type: "open", channel: id, server: server.address });
    return channel;
  }

  #forget(channel: Channel): void {
    const pool = this.#pools.get(channel.server);
    const place = pool?.indexOf(channel) ?? -1;
    if (pool !== undefined && place >= 0) pool[place] = undefined;
  }

  #close(channel: Channel): void {
    this.#channels.delete(channel.id);
    if (!channel.isShared) this.#fresh -= 1;
    this.#work.emit({ type: "close", channel: channel.id });
  }
}

/** The attempts that wait for an answer on a socket. */
export function waitingOn({ attempts }: Channel): readonly Attempt[] {
  return [...attempts.values()].filter((attempt) => attempt !== undefined);
}
