import { type Millis, minutes, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { encodeRequest } from "./packet.ts";
import type { Sample } from "./sample.ts";
import type { NtpServer, RequestId } from "./words.ts";

/** RFC 4330, 10: never more often than this to one server, whatever happens. */
const LEAST_GAP: Millis = seconds(15);
/** The longest a server can make us wait: 2^17 s, the largest poll exponent. */
const LONGEST_GAP: Millis = seconds(131_072);
/** Additional wait, in percent, so that a fleet that starts together does not stay together. */
const JITTER = 10;

interface Outstanding {
  readonly id: RequestId;
  readonly nonce: Uint8Array;
  readonly sentAt: Millis;
}

/** One server: what was asked, what it said last, and when to ask again. */
export class Peer {
  readonly server: NtpServer;
  readonly #random: Random;
  #outstanding: Outstanding | undefined;
  #sample: Sample | undefined;
  #silences = 0;
  #sentAt: Millis = -NEVER;
  #nextAt: Millis;
  /** A server that feels asked too often has a gap of its own (RATE). */
  #gap: Millis = LEAST_GAP;

  constructor(server: NtpServer, random: Random, now: Millis) {
    this.server = server;
    this.#random = random;
    this.#nextAt = now;
  }

  get outstanding(): Outstanding | undefined {
    return this.#outstanding;
  }

  get sample(): Sample | undefined {
    return this.#sample;
  }

  get nextAt(): Millis {
    return this.#nextAt;
  }

  /** The bytes of a request that is sent now. Until an answer comes the next is due after a longer and longer wait. */
  ask(id: RequestId, pollMax: Millis, now: Millis): Uint8Array {
    const nonce = this.#random.bytes(8);
    const wait = Math.min(LEAST_GAP * 2 ** this.#silences, pollMax);
    this.#outstanding = { id, nonce, sentAt: now };
    this.#silences += 1;
    this.#sentAt = now;
    this.#plan(wait);
    return encodeRequest(nonce);
  }

  /** The present request has its answer, or will get none. */
  settle(): void {
    this.#outstanding = undefined;
  }

  answered(sample: Sample, interval: Millis): void {
    this.#sample = sample;
    this.#silences = 0;
    this.#plan(interval);
  }

  /** The server asks us to come less often (RFC 5905, 7.4). */
  slowDown(interval: Millis): void {
    this.#gap = Math.min(2 * Math.max(this.#gap, interval), LONGEST_GAP);
    this.#plan(this.#gap);
  }

  /** Ask as soon as the gap allows. */
  hurry(now: Millis): void {
    this.#nextAt = Math.min(this.#nextAt, Math.max(now, this.#sentAt + this.#gap));
  }

  /** What was known is of before the sleep; so much nearer is what was planned. */
  slept(span: Millis): void {
    this.#outstanding = undefined;
    this.#sample = undefined;
    this.#silences = 0;
    this.#sentAt -= span;
    this.#nextAt -= span;
  }

  forgetBefore(moment: Millis): void {
    if (this.#sample !== undefined && this.#sample.at < moment) this.#sample = undefined;
  }

  #plan(wait: Millis): void {
    const spread = 1 + (this.#random.fraction() * JITTER) / 100;
    this.#nextAt = this.#sentAt + Math.max(wait, this.#gap) * spread;
  }
}

/** How long a sample counts when servers are compared. */
export const FRESH: Millis = minutes(40);
