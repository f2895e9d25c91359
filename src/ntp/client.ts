import type { Machine, Timeout } from "../lib/machine.ts";
import { hours, type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { unreachable } from "../lib/unreachable.ts";
import { agree } from "./agreement.ts";
import { decodeReply, kissCode, type NtpReply } from "./packet.ts";
import { FRESH, Peer } from "./peer.ts";
import { judgeReply, suspicionOf } from "./sample.ts";
import { eraOf } from "./timestamp.ts";
import type { NtpFault, NtpInput, NtpOptions, NtpOutput, NtpServer, Opinion } from "./words.ts";

/** Servers that are asked; more say nothing new. */
const MOST_SERVERS = 8;
/** Servers that have sent us away and are remembered. */
const MOST_DENIED = 64;
/** How long the first answer waits for the others. */
const COLLECT: Millis = seconds(1);
/** A larger offset is stepped, a smaller one slewed (RFC 5905, 11.3: STEPT). */
const STEP: Millis = 128;
const TEN_YEARS: Millis = hours(24 * 3652);
const DAY: Millis = hours(24);
/** 2026-01-01: this code did not exist before. */
const NOT_BEFORE = 1_767_225_600_000;

const NOTHING: readonly NtpOutput[] = [];

/**
 * An SNTP client (RFC 4330, with the checks and the selection of RFC 5905): asks several servers, believes what a
 * majority of those that answer can be right about, and says by how much the clock is off.
 */
export class NtpClient implements Machine<NtpInput, NtpOutput> {
  readonly #random: Random;
  readonly #options: Required<NtpOptions>;
  #peers: readonly Peer[] = [];
  readonly #denied = new Set<NtpServer>();
  #lastId = 0;
  #interval: Millis;
  /** When the samples are compared, and what the wall clock is ahead of the monotonic one. */
  #judgement: { readonly at: Millis; readonly wall: number } | undefined;
  #validUntil: Millis | undefined;
  #isStopped = false;
  #outputs: NtpOutput[] = [];

  constructor(random: Random, options: NtpOptions = {}) {
    this.#random = random;
    this.#options = {
      notBefore: NOT_BEFORE,
      pollMin: seconds(64),
      pollMax: seconds(1024),
      validFor: hours(24 * 7),
      agreement: 2,
      ...options,
    };
    this.#interval = this.#options.pollMin;
  }

  /** Whether the time is known and recent. */
  get isValid(): boolean {
    return this.#validUntil !== undefined;
  }

  /** Those that are asked now. */
  get servers(): readonly NtpServer[] {
    return this.#peers.map(({ server }) => server);
  }

  get deadline(): Millis {
    if (this.#isStopped) return NEVER;
    return Math.min(
      this.#validUntil ?? NEVER,
      this.#judgement?.at ?? NEVER,
      ...this.#peers.map(({ nextAt }) => nextAt),
    );
  }

  handle(input: NtpInput | Timeout, now: Millis): readonly NtpOutput[] {
    if (this.#isStopped) return NOTHING;
    this.#outputs = [];
    this.#take(input, now);
    return this.#outputs;
  }

  #take(input: NtpInput | Timeout, now: Millis): void {
    switch (input.type) {
      case "servers":
        this.#setServers(input.servers, now);
        break;
      case "reply":
        this.#reply(input, now);
        break;
      case "failed": {
        const peer = this.#asked(input.server, input.id);
        if (peer !== undefined) this.#forget(peer);
        break;
      }
      case "poll":
        for (const peer of this.#peers) peer.hurry(now);
        break;
      case "slept":
        this.#slept(input.span, now);
        break;
      case "stop":
        for (const peer of this.#peers) this.#forget(peer);
        this.#isStopped = true;
        return;
      case "timeout":
        break;
      default:
        unreachable(input);
    }
    this.#serve(now);
  }

  /** Does what is due. */
  #serve(now: Millis): void {
    if (this.#judgement !== undefined && this.#judgement.at <= now) {
      const { wall } = this.#judgement;
      this.#judgement = undefined;
      this.#judge(wall + now, now);
    }
    if (this.#validUntil !== undefined && this.#validUntil <= now) {
      this.#validUntil = undefined;
      const days = Math.round(this.#options.validFor / hours(24));
      this.#outputs.push({ type: "lost", why: `no server has confirmed the time for ${days} days` });
    }
    for (const peer of this.#peers) if (peer.nextAt <= now) this.#ask(peer, now);
  }

  #setServers(servers: readonly NtpServer[], now: Millis): void {
    const wanted = [...new Set(servers)].filter((server) => !this.#denied.has(server));
    const kept = wanted.slice(0, MOST_SERVERS);
    for (const peer of this.#peers) if (!kept.includes(peer.server)) this.#forget(peer);
    this.#peers = kept.map(
      (server) => this.#peers.find((peer) => peer.server === server) ?? new Peer(server, this.#random, now),
    );
    if (this.#peers.length === 0) this.#undecided("no-servers", []);
  }

  #ask(peer: Peer, now: Millis): void {
    this.#forget(peer);
    this.#lastId += 1;
    const bytes = peer.ask(this.#lastId, this.#options.pollMax, now);
    this.#outputs.push({ type: "send", server: peer.server, id: this.#lastId, bytes });
  }

  #forget(peer: Peer): void {
    const { outstanding, server } = peer;
    if (outstanding === undefined) return;
    peer.settle();
    this.#outputs.push({ type: "forget", server, id: outstanding.id });
  }

  #asked(server: NtpServer, id: number): Peer | undefined {
    return this.#peers.find((peer) => peer.server === server && peer.outstanding?.id === id);
  }

  #reply({ server, id, bytes, wall }: Extract<NtpInput, { type: "reply" }>, now: Millis): void {
    const peer = this.#asked(server, id);
    const outstanding = peer?.outstanding;
    if (peer === undefined || outstanding === undefined) return;
    const reply = decode(bytes);
    if (reply === undefined) {
      this.#refuse(peer, "malformed");
      return;
    }
    const suspicion = suspicionOf(reply, outstanding.nonce);
    if (suspicion !== undefined) {
      this.#refuse(peer, suspicion);
      return;
    }
    this.#forget(peer);
    if (reply.stratum === 0) {
      this.#kissed(peer, kissCode(reply));
      return;
    }
    const { notBefore } = this.#options;
    const sample = judgeReply(reply, outstanding.sentAt, { now, notBefore });
    if (typeof sample === "string") {
      this.#refuse(peer, sample);
      return;
    }
    peer.answered(sample, this.#interval);
    const { delay, leap, stratum } = sample;
    const offset = sample.epoch + now - wall;
    this.#outputs.push({ type: "offset", server, offset, delay, leap, stratum });
    this.#planJudgement(wall - now, now);
  }

  #refuse(peer: Peer, why: NtpFault): void {
    this.#outputs.push({ type: "refused", server: peer.server, why });
  }

  #kissed(peer: Peer, code: string): void {
    const isDropped = code === "DENY" || code === "RSTR";
    this.#outputs.push({ type: "kissed", server: peer.server, code, isDropped });
    if (code === "RATE") peer.slowDown(this.#interval);
    if (!isDropped) return;
    this.#denied.add(peer.server);
    const [oldest] = this.#denied;
    if (this.#denied.size > MOST_DENIED) this.#denied.delete(oldest as NtpServer);
    this.#peers = this.#peers.filter((each) => each !== peer);
    if (this.#peers.length === 0) this.#undecided("no-servers", []);
  }

  /** The first answer waits a moment for those of the others that were asked with it. */
  #planJudgement(wall: number, now: Millis): void {
    const isAwaited = this.#peers.some(
      ({ outstanding }) => outstanding !== undefined && now < outstanding.sentAt + COLLECT,
    );
    const at = isAwaited ? Math.min(this.#judgement?.at ?? NEVER, now + COLLECT) : now;
    this.#judgement = { at, wall };
  }

  #judge(wall: number, now: Millis): void {
    const samples = this.#peers.flatMap((peer) => {
      peer.forgetBefore(now - FRESH);
      return peer.sample === undefined ? [] : [[peer.server, peer.sample] as const];
    });
    if (samples.length === 0) return;
    const found = agree(samples, now);
    const offset = found === undefined ? 0 : found.epoch + now - wall;
    const { agreement, pollMax, pollMin, validFor } = this.#options;
    if (found === undefined || (isFar(offset, wall) && found.agreeing.length < agreement)) {
      const opinions = samples.map(([server, { epoch, error }]) => ({
        server,
        offset: epoch + now - wall,
        error,
      }));
      this.#interval = pollMin;
      this.#undecided(found === undefined ? "disagreement" : "alone", opinions);
      return;
    }
    const how = Math.abs(offset) > STEP ? "step" : "slew";
    const { epoch, error, agreeing: servers } = found;
    this.#interval = how === "step" ? pollMin : Math.min(2 * this.#interval, pollMax);
    this.#outputs.push({ type: "adjust", how, offset, epoch, error, servers });
    if (this.#validUntil === undefined) this.#outputs.push({ type: "valid" });
    this.#validUntil = now + validFor;
  }

  #undecided(why: Extract<NtpOutput, { type: "undecided" }>["why"], opinions: readonly Opinion[]): void {
    this.#outputs.push({ type: "undecided", why, opinions });
  }

  #slept(span: Millis, now: Millis): void {
    this.#judgement = undefined;
    if (this.#validUntil !== undefined) this.#validUntil -= span;
    for (const peer of this.#peers) {
      this.#forget(peer);
      peer.slept(span);
      peer.hurry(now);
    }
  }
}

/**
 * Whether one server alone may not move the clock so far. A clock that has lost its date may count from 1900, whose
 * seconds are those of 2036: another era is far from a day on.
 */
function isFar(offset: number, wall: number): boolean {
  const distance = Math.abs(offset);
  return distance > TEN_YEARS || (distance > DAY && eraOf(wall) !== eraOf(wall + offset));
}

/** Undefined for what is no packet. */
function decode(bytes: Uint8Array): NtpReply | undefined {
  try {
    return decodeReply(bytes);
  } catch {
    return undefined;
  }
}
