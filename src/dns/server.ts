import { concat } from "../lib/bytes.ts";
import { type Millis, minutes, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { formatServer, type ServerAddress } from "./server-address.ts";
import type { Window } from "./window.ts";

const MAX_RETRANSMIT: Millis = 400;
const MIN_RETRANSMIT: Millis = 200;
const LAST_WAIT: Millis = 1600;
const FIRST_PROBE: Millis = seconds(1);
/** A server that is back is noticed within a minute: DNS-32. */
const MAX_PROBE: Millis = seconds(30);
const EDNS_OFF: Millis = minutes(15);
const CASING_FAILURES = 3;
/** One query in so many also asks a server that is not the best, to keep its latency known. */
const EXPLORE = 20;

/** What is known of one name server: how fast, how reliable, what it cannot do. */
export class Server {
  readonly address: ServerAddress;
  readonly label: string;
  readonly window: Window;
  /** Smoothed latency in ms; undefined before the first answer (RFC 6298, 2). */
  latency: Millis | undefined;
  /** The server lets letters of the question keep their case. */
  keepsCase = true;
  #clientCookie: Uint8Array | undefined;
  #serverCookie: Uint8Array | undefined;
  #variation = 0;
  #lastAnswer: Millis = Number.NEGATIVE_INFINITY;
  #silences = 0;
  #probeAt: Millis = NEVER;
  #ednsOffUntil: Millis = Number.NEGATIVE_INFINITY;
  #casingFailures = 0;

  constructor(address: ServerAddress, window: Window) {
    this.address = address;
    this.window = window;
    this.label = formatServer(address);
  }

  /** Whether it has left questions without an answer since it last gave one. */
  get isSuspect(): boolean {
    return this.#silences > 0;
  }

  /** Whether nothing is known of it. */
  get isUnknown(): boolean {
    return this.latency === undefined && this.#silences === 0;
  }

  /** An answer came `elapsed` after its question was sent. */
  answered(elapsed: Millis, now: Millis): void {
    this.#lastAnswer = now;
    this.#silences = 0;
    this.#probeAt = NEVER;
    if (this.latency === undefined) {
      this.latency = elapsed;
      this.#variation = elapsed / 2;
      return;
    }
    this.#variation += (Math.abs(this.latency - elapsed) - this.#variation) / 4;
    this.latency += (elapsed - this.latency) / 8;
  }

  /** A question sent at `sentAt` stayed without an answer, or was refused by its host. */
  silent(sentAt: Millis, now: Millis): void {
    // Whoever answers other questions is alive: the name is dead, not the server.
    if (this.#lastAnswer >= sentAt) return;
    this.#silences += 1;
    this.#probeAt = now + Math.min(FIRST_PROBE * 2 ** (this.#silences - 1), MAX_PROBE);
  }

  /**
   * Milliseconds to wait for an answer before the next send; doubles with each round. The last one is as long whatever
   * the latency: a fast server may have to ask slow ones for a name it does not know.
   */
  retransmit(
    { round, isLast }: { readonly round: number; readonly isLast: boolean },
    random: Random,
  ): Millis {
    const measured = this.latency === undefined ? MAX_RETRANSMIT : this.latency + 4 * this.#variation;
    const base = Math.min(Math.max(measured, MIN_RETRANSMIT), MAX_RETRANSMIT);
    const wait = Math.max(base * 2 ** round, isLast ? LAST_WAIT : 0);
    return wait * (0.8 + 0.4 * random.fraction());
  }

  /** Milliseconds for which a sent question counts as under way in the server's window. */
  get lease(): Millis {
    return this.latency === undefined ? 100 : Math.min(Math.max(4 * this.latency, 20), 200);
  }

  /** Takes the right to probe a suspect server; once until the next probe is due. */
  takeProbe(now: Millis): boolean {
    if (now < this.#probeAt) return false;
    this.#probeAt = now + Math.min(FIRST_PROBE * 2 ** this.#silences, MAX_PROBE);
    return true;
  }

  usesEdns(now: Millis): boolean {
    return now >= this.#ednsOffUntil;
  }

  /** It refused a message for its OPT record: leave that out for a while (RFC 6891, 6.2.2). */
  withoutEdns(now: Millis): void {
    this.#ednsOffUntil = now + EDNS_OFF;
  }

  /** Our half of the cookie for this server, the same each time (RFC 7873, 4.1). */
  clientCookie(random: Random): Uint8Array {
    this.#clientCookie ??= random.bytes(8);
    return this.#clientCookie;
  }

  /** The whole option to send: our half, and the server's once it is known. */
  cookie(clientCookie: Uint8Array): Uint8Array {
    return this.#serverCookie === undefined ? clientCookie : concat([clientCookie, this.#serverCookie]);
  }

  get hasShownCookie(): boolean {
    return this.#serverCookie !== undefined;
  }

  learnCookie(serverCookie: Uint8Array | undefined): void {
    if (serverCookie !== undefined) this.#serverCookie = serverCookie;
  }

  /** It answered over TCP without its cookie: it knows cookies no longer, or another host has taken its place. */
  forgetCookie(): void {
    this.#serverCookie = undefined;
  }

  /** An answer was right but for the letters' case. */
  casingFailed(): void {
    this.#casingFailures += 1;
    if (this.#casingFailures >= CASING_FAILURES) this.keepsCase = false;
  }

  casingHeld(): void {
    this.#casingFailures = 0;
  }
}

/** Which servers to ask, in this order, and which one beside the first, to learn about it. */
export interface Plan {
  readonly order: readonly Server[];
  readonly beside: Server | undefined;
}

/** The servers from the best to the worst: alive before suspect, fast before slow, as configured where unknown. */
export function planServers(
  servers: readonly Server[],
  options: { readonly rotate: boolean; readonly random: Random },
  now: Millis,
): Plan {
  const first = servers[0];
  if (first === undefined || servers.length === 1) return { order: servers, beside: undefined };
  const turned = options.rotate ? turn(servers, options.random) : servers;
  const order = [...turned].sort((a, b) => rank(a) - rank(b) || (options.rotate ? 0 : speed(a) - speed(b)));
  return { order, beside: beside(order, options.random, now) };
}

function beside(order: readonly Server[], random: Random, now: Millis): Server | undefined {
  const others = order.slice(1);
  const unknown = order[0]?.isUnknown === true ? others[0] : others.find((server) => server.isUnknown);
  if (unknown !== undefined) return unknown;
  const due = others.find((server) => server.isSuspect && server.takeProbe(now));
  if (due !== undefined) return due;
  if (random.fraction() * EXPLORE >= 1) return undefined;
  const alive = others.filter((server) => !server.isSuspect);
  return alive[Math.floor(random.fraction() * alive.length)];
}

function rank(server: Server): number {
  return server.isSuspect ? 1 : 0;
}

function speed(server: Server): number {
  return server.latency ?? 0;
}

function turn<Item>(items: readonly Item[], random: Random): readonly Item[] {
  const start = Math.floor(random.fraction() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
