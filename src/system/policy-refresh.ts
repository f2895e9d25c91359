import type { Machine, Timeout } from "../lib/machine.ts";
import { hours, type Millis, minutes, NEVER, seconds } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { unreachable } from "../lib/unreachable.ts";

/** One attempt to fetch; unique in its machine. */
export type FetchId = number;

export interface PolicyRefreshOptions {
  /** How often a policy that is in force is asked for again. Default: 24 h. */
  readonly refresh?: Millis;
  /** How long a start waits for the server before the stored policy is good enough. Default: 5 s. */
  readonly patience?: Millis;
  /** How long one fetch may take, its retries included. Default: 60 s. */
  readonly timeout?: Millis;
}

export type PolicyRefreshInput =
  /** `hasStored`: a last good policy is at hand. */
  | { readonly type: "start"; readonly hasStored: boolean }
  /** A new policy is in force, and stored. */
  | { readonly type: "fetched"; readonly fetch: FetchId }
  /** The server says that the stored one is still right. */
  | { readonly type: "unchanged"; readonly fetch: FetchId }
  /** Nothing came, or nothing that can be used. */
  | { readonly type: "failed"; readonly fetch: FetchId; readonly why: string }
  /** The stored policy turned out to be none. */
  | { readonly type: "stored-refused" }
  /** Somebody wants it now. */
  | { readonly type: "refresh" }
  /** The machine slept and the monotonic clock stood still. */
  | { readonly type: "slept"; readonly span: Millis }
  | { readonly type: "stop" };

export type PolicyRefreshOutput =
  | { readonly type: "fetch"; readonly fetch: FetchId }
  | { readonly type: "abandon"; readonly fetch: FetchId }
  /** Put the stored policy in force; if it is none, say `stored-refused`. */
  | { readonly type: "use-stored" }
  /** A policy is in force. Told once, and again after `stored-refused`. */
  | { readonly type: "valid" }
  /** None is, and why. */
  | { readonly type: "waiting"; readonly why: string };

/** Waits after failures; the last repeats. */
const RETRY: readonly Millis[] = [seconds(5), seconds(15), minutes(1), minutes(5), minutes(15), hours(1)];
/** However often it is asked for. */
const LEAST_GAP: Millis = seconds(5);
/** Additional wait, in percent, so that a fleet does not come at the same time. */
const JITTER = 10;

const NOTHING: readonly PolicyRefreshOutput[] = [];

/** When the policy is fetched, and when the last good one must do. */
export class PolicyRefresh implements Machine<PolicyRefreshInput, PolicyRefreshOutput> {
  readonly #random: Random;
  readonly #options: Required<PolicyRefreshOptions>;
  #hasStored = false;
  #isValid = false;
  #isRunning = false;
  #isStopped = false;
  #fetch: { readonly id: FetchId; readonly until: Millis } | undefined;
  #lastId: FetchId = 0;
  #startedAt: Millis = -NEVER;
  #nextAt: Millis = NEVER;
  /** When the stored policy becomes good enough. */
  #settleAt: Millis = NEVER;
  #failures = 0;
  #outputs: PolicyRefreshOutput[] = [];

  constructor(random: Random, options: PolicyRefreshOptions = {}) {
    this.#random = random;
    this.#options = { refresh: hours(24), patience: seconds(5), timeout: seconds(60), ...options };
  }

  get isValid(): boolean {
    return this.#isValid;
  }

  get deadline(): Millis {
    return Math.min(this.#fetch?.until ?? this.#nextAt, this.#settleAt);
  }

  handle(input: PolicyRefreshInput | Timeout, now: Millis): readonly PolicyRefreshOutput[] {
    if (this.#isStopped) return NOTHING;
    this.#outputs = [];
    this.#take(input, now);
    if (this.#settleAt <= now) this.#settle();
    if (this.#fetch === undefined && this.#nextAt <= now) this.#begin(now);
    return this.#outputs;
  }

  #take(input: PolicyRefreshInput | Timeout, now: Millis): void {
    switch (input.type) {
      case "start":
        if (this.#isRunning) return;
        this.#isRunning = true;
        this.#hasStored = input.hasStored;
        this.#nextAt = now;
        if (input.hasStored) this.#settleAt = now + this.#options.patience;
        return;
      case "fetched":
        if (!this.#ends(input.fetch)) return;
        this.#hasStored = true;
        this.#settleAt = NEVER;
        this.#validate();
        this.#succeed(now);
        return;
      case "unchanged":
        if (!this.#ends(input.fetch)) return;
        this.#settle();
        this.#succeed(now);
        return;
      case "failed":
        if (this.#ends(input.fetch)) this.#fail(input.why, now);
        return;
      case "stored-refused":
        this.#hasStored = false;
        this.#isValid = false;
        this.#outputs.push({ type: "waiting", why: "the stored policy cannot be used" });
        this.#hurry(now);
        return;
      case "refresh":
        this.#hurry(now);
        return;
      case "slept":
        this.#nextAt -= input.span;
        return;
      case "stop":
        this.#abandon();
        this.#nextAt = NEVER;
        this.#settleAt = NEVER;
        this.#isStopped = true;
        return;
      case "timeout":
        if (this.#fetch !== undefined && this.#fetch.until <= now) {
          this.#abandon();
          this.#fail(`no answer within ${this.#options.timeout / 1000} s`, now);
        }
        return;
      default:
        unreachable(input);
    }
  }

  #begin(now: Millis): void {
    this.#lastId += 1;
    this.#startedAt = now;
    this.#nextAt = NEVER;
    this.#fetch = { id: this.#lastId, until: now + this.#options.timeout };
    this.#outputs.push({ type: "fetch", fetch: this.#lastId });
  }

  /** Whether it is the present one, which is then over. */
  #ends(fetch: FetchId): boolean {
    if (this.#fetch?.id !== fetch) return false;
    this.#fetch = undefined;
    return true;
  }

  #abandon(): void {
    if (this.#fetch !== undefined) this.#outputs.push({ type: "abandon", fetch: this.#fetch.id });
    this.#fetch = undefined;
  }

  #succeed(now: Millis): void {
    this.#failures = 0;
    this.#plan(this.#options.refresh, now);
  }

  #fail(why: string, now: Millis): void {
    this.#plan(RETRY[Math.min(this.#failures, RETRY.length - 1)] as Millis, now);
    this.#failures += 1;
    if (this.#isValid) return;
    if (this.#hasStored) this.#settle();
    else this.#outputs.push({ type: "waiting", why });
  }

  /** The stored policy is good enough. */
  #settle(): void {
    this.#settleAt = NEVER;
    if (this.#isValid || !this.#hasStored) return;
    this.#outputs.push({ type: "use-stored" });
    this.#validate();
  }

  #validate(): void {
    if (!this.#isValid) this.#outputs.push({ type: "valid" });
    this.#isValid = true;
  }

  #hurry(now: Millis): void {
    if (this.#isRunning && this.#fetch === undefined) {
      this.#nextAt = Math.min(this.#nextAt, Math.max(now, this.#startedAt + LEAST_GAP));
    }
  }

  #plan(wait: Millis, now: Millis): void {
    this.#nextAt = now + wait * (1 + (this.#random.fraction() * JITTER) / 100);
  }
}
