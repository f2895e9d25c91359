import type { Reason } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import { unreachable } from "../lib/unreachable.ts";
import { type Candidate, orderAddresses } from "./address-order.ts";
import type { Family } from "./resolver.ts";

/** Names one attempt of this race. */
export type AttemptId = number;

export type AttemptsInput =
  /** Addresses of one family, as the resolver gives them; may come more than once. */
  | { readonly type: "addresses"; readonly candidates: readonly Candidate[] }
  /** No more addresses of this family come. `reason` where it has failed or has none. */
  | { readonly type: "resolved"; readonly family: Family; readonly reason: Reason | undefined }
  | { readonly type: "connected"; readonly id: AttemptId }
  | { readonly type: "failed"; readonly id: AttemptId; readonly reason: Reason };

export type AttemptsOutput =
  | { readonly type: "start"; readonly id: AttemptId; readonly address: string }
  | { readonly type: "abandon"; readonly id: AttemptId }
  /** The end: this attempt has won, every other is abandoned. */
  | { readonly type: "connected"; readonly id: AttemptId; readonly address: string }
  /** The end: nothing is left to try, or time is up. */
  | {
      readonly type: "failed";
      /** Of the attempts, then of the name's resolution, in the order they came. */
      readonly reasons: readonly Reason[];
      /** Addresses that had not answered when time was up. */
      readonly unanswered: readonly string[];
      /** Time was up, and the resolver had still to answer for a family. */
      readonly isResolving: boolean;
      readonly isTimeout: boolean;
    };

export interface AttemptsOptions {
  /** When to give up; default never. */
  readonly deadline?: Millis;
  /** Time between two attempts, kept between 100 and 2000; default 250 (RFC 8305, 5). */
  readonly stagger?: Millis;
  /** Time to wait for IPv6 addresses once IPv4 ones are known; default 50 (RFC 8305, 3). */
  readonly resolutionDelay?: Millis;
}

/** A resolver may claim any number of addresses; of each family, what comes after these is not tried. */
export const MOST_ADDRESSES = 32;

const LEAST_STAGGER: Millis = 100;
const MOST_STAGGER: Millis = 2000;

/** Happy Eyeballs (RFC 8305): which address to try, when, and who has won. */
export class Attempts implements Machine<AttemptsInput, AttemptsOutput> {
  readonly #deadline: Millis;
  readonly #stagger: Millis;
  readonly #resolutionDelay: Millis;
  readonly #seen: Readonly<Record<Family, Set<string>>> = { 4: new Set(), 6: new Set() };
  readonly #active = new Map<AttemptId, string>();
  readonly #unresolved = new Set<Family>([6, 4]);
  readonly #attemptReasons: Reason[] = [];
  readonly #resolveReasons: Reason[] = [];
  #waiting: readonly Candidate[] = [];
  #lastId = 0;
  #lastFamily: Family | undefined;
  #notBefore: Millis = 0;
  #isOver = false;

  constructor({ deadline = NEVER, stagger = 250, resolutionDelay = 50 }: AttemptsOptions = {}) {
    this.#deadline = deadline;
    this.#stagger = Math.min(MOST_STAGGER, Math.max(LEAST_STAGGER, stagger));
    this.#resolutionDelay = resolutionDelay;
  }

  get deadline(): Millis {
    if (this.#isOver) return NEVER;
    return this.#waiting.length > 0 ? Math.min(this.#deadline, this.#notBefore) : this.#deadline;
  }

  handle(input: AttemptsInput | Timeout, now: Millis): readonly AttemptsOutput[] {
    if (this.#isOver) return [];
    switch (input.type) {
      case "timeout":
        return this.#deadline <= now ? this.#end(true) : this.#proceed(now);
      case "addresses":
        this.#add(input.candidates, now);
        return this.#proceed(now);
      case "resolved":
        return this.#resolved(input.family, input.reason, now);
      case "connected":
        return this.#connected(input.id);
      case "failed":
        if (!this.#active.delete(input.id)) return [];
        this.#attemptReasons.push(input.reason);
        this.#notBefore = now;
        return this.#proceed(now);
      default:
        return unreachable(input);
    }
  }

  #add(candidates: readonly Candidate[], now: Millis): void {
    const fresh = candidates.filter((candidate) => {
      const seen = this.#seen[familyOfCandidate(candidate)];
      if (seen.has(candidate.address) || seen.size >= MOST_ADDRESSES) return false;
      seen.add(candidate.address);
      return true;
    });
    const isFirst = this.#lastId === 0 && this.#waiting.length === 0 && fresh.length > 0;
    this.#waiting = orderAddresses([...this.#waiting, ...fresh]);
    if (isFirst && this.#unresolved.has(6)) this.#notBefore = now + this.#resolutionDelay;
    if (this.#lastId === 0 && this.#waiting.some(isIpv6)) this.#notBefore = now;
  }

  #resolved(family: Family, reason: Reason | undefined, now: Millis): readonly AttemptsOutput[] {
    if (!this.#unresolved.delete(family)) return [];
    if (reason !== undefined) this.#resolveReasons.push(reason);
    if (this.#lastId === 0 && family === 6) this.#notBefore = now;
    return this.#proceed(now);
  }

  #connected(id: AttemptId): readonly AttemptsOutput[] {
    const address = this.#active.get(id);
    if (address === undefined) return [];
    this.#active.delete(id);
    this.#isOver = true;
    return [...this.#abandonAll(), { type: "connected", id, address }];
  }

  /** Starts the next attempt where it is due, or ends the race where nothing is left. */
  #proceed(now: Millis): readonly AttemptsOutput[] {
    const candidate = this.#notBefore <= now ? this.#takeNext() : undefined;
    if (candidate !== undefined) {
      this.#lastId += 1;
      this.#notBefore = now + this.#stagger;
      this.#active.set(this.#lastId, candidate.address);
      return [{ type: "start", id: this.#lastId, address: candidate.address }];
    }
    const isSpent = this.#waiting.length === 0 && this.#active.size === 0 && this.#unresolved.size === 0;
    return isSpent ? this.#end(false) : [];
  }

  /** The best of the family that was not tried last; what has no route waits until all others were tried. */
  #takeNext(): Candidate | undefined {
    const usable = this.#waiting.filter(({ source }) => source !== undefined);
    const pool = usable.length > 0 ? usable : this.#waiting;
    const next = pool.find((each) => familyOfCandidate(each) !== this.#lastFamily) ?? pool[0];
    if (next === undefined) return undefined;
    this.#waiting = this.#waiting.filter((each) => each !== next);
    this.#lastFamily = familyOfCandidate(next);
    return next;
  }

  #end(isTimeout: boolean): readonly AttemptsOutput[] {
    this.#isOver = true;
    const unanswered = [...this.#active.values()];
    return [
      ...this.#abandonAll(),
      {
        type: "failed",
        reasons: [...this.#attemptReasons, ...this.#resolveReasons],
        unanswered,
        isResolving: this.#unresolved.size > 0,
        isTimeout,
      },
    ];
  }

  #abandonAll(): AttemptsOutput[] {
    const ids = [...this.#active.keys()];
    this.#active.clear();
    this.#waiting = [];
    return ids.map((id) => ({ type: "abandon", id }));
  }
}

function isIpv6({ address }: Candidate): boolean {
  return address.includes(":");
}

function familyOfCandidate(candidate: Candidate): Family {
  return isIpv6(candidate) ? 6 : 4;
}
