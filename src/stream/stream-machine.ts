import { retryDelay } from "../lib/backoff.ts";
import { type Reason, UsageError } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import { unreachable } from "../lib/unreachable.ts";
import { isLegal, type StateName, type UserState } from "./states.ts";
import type { AttemptId, StreamInput, StreamOutput, StreamSettings } from "./words.ts";

type Phase =
  | { readonly name: "resting" }
  | { readonly name: "connecting"; readonly attempt: AttemptId }
  | { readonly name: "connected"; readonly attempt: AttemptId; readonly stableAt: Millis }
  | { readonly name: "waiting"; readonly until: Millis }
  | { readonly name: "destroyed" };

interface Cause {
  readonly reason?: Reason | undefined;
  readonly retryIn?: Millis | undefined;
}

const NO_CAUSE: Cause = {};
const RESTING: Phase = { name: "resting" };
const NOTHING: readonly StreamOutput[] = [];
const AUTH_CODES: ReadonlySet<string> = new Set([
  "mqtt-auth-failed",
  "tls-client-cert-required",
  "tls-client-cert-refused",
  "proxy-auth-failed",
]);

/** The life of one logical stream over all its connections. Policy: `retry`, `nailed_up`, `opportunistic`. */
export class StreamMachine implements Machine<StreamInput, StreamOutput> {
  #settings: StreamSettings;
  readonly #random: Random;
  #phase: Phase = RESTING;
  #reported: StateName | undefined;
  #attempt: AttemptId = 0;
  #failures = 0;
  #try = 1;
  #timeoutAt: Millis = NEVER;
  #outputs: StreamOutput[] = [];

  constructor(settings: StreamSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  /** The state last reported, user states aside. */
  get state(): StateName | undefined {
    return this.#reported;
  }

  /** Consecutive failures since the peer last proved to work. */
  get failures(): number {
    return this.#failures;
  }

  get isConnected(): boolean {
    return this.#phase.name === "connected";
  }

  get isResting(): boolean {
    return this.#phase.name === "resting";
  }

  get deadline(): Millis {
    return Math.min(this.#timeoutAt, this.#phaseDeadline());
  }

  /** A wait for the next try or for the program's timeout keeps the process alive; a stable connection does not. */
  get holdsProcess(): boolean {
    return this.#phase.name === "waiting" || this.#timeoutAt !== NEVER;
  }

  handle(input: StreamInput | Timeout, now: Millis): readonly StreamOutput[] {
    if (this.#phase.name === "destroyed") return NOTHING;
    this.#outputs = [];
    this.#take(input, now);
    return this.#outputs;
  }

  #take(input: StreamInput | Timeout, now: Millis): void {
    switch (input.type) {
      case "create":
        if (this.#reported !== undefined) throw new UsageError("Cannot create: the stream exists already");
        this.#report("creating");
        if (this.#settings.nailedUp) this.#connect();
        return;
      case "connect":
        this.#failures = 0;
        if (this.#phase.name === "resting" || this.#phase.name === "waiting") this.#connect();
        return;
      case "request":
        if (this.#phase.name !== "resting") return;
        this.#report("poll");
        this.#connect();
        return;
      case "established":
        if (this.#phase.name !== "connecting" || !this.#isCurrent(input.attempt)) return;
        this.#phase = {
          name: "connected",
          attempt: input.attempt,
          stableAt: now + this.#settings.retry.stable,
        };
        this.#report("connected");
        return;
      case "proved":
        if (this.#isCurrent(input.attempt)) this.#prove();
        return;
      case "acknowledged":
        if (!this.#isCurrent(input.attempt)) return;
        this.#prove();
        this.#report("qos-ack-remote");
        return;
      case "refused":
        if (!this.#isCurrent(input.attempt)) return;
        this.#report("qos-nack-remote", { reason: input.reason });
        return;
      case "user-state":
        if (this.#isCurrent(input.attempt)) this.#pushState(input.state, this.#reported, NO_CAUSE);
        return;
      case "completed":
        if (this.#isCurrent(input.attempt)) this.#complete(now);
        return;
      case "failed":
        if (this.#isCurrent(input.attempt)) this.#fail(input.reason, input.repeatable, now);
        return;
      case "disconnect":
        this.#disconnect(input.reason, now);
        return;
      case "give-up":
        this.#giveUp(input.reason, now);
        return;
      case "recycle":
        this.#recycle(input.reason, input.settings);
        return;
      case "start-timeout":
        this.#timeoutAt = now + input.span;
        return;
      case "cancel-timeout":
        this.#timeoutAt = NEVER;
        return;
      case "destroy":
        this.#destroy();
        return;
      case "timeout":
        this.#timeout(now);
        return;
      default:
        unreachable(input);
    }
  }

  #isCurrent(attempt: AttemptId): boolean {
    const phase = this.#phase;
    return (phase.name === "connecting" || phase.name === "connected") && phase.attempt === attempt;
  }

  #phaseDeadline(): Millis {
    if (this.#phase.name === "waiting") return this.#phase.until;
    if (this.#phase.name === "connected") return this.#phase.stableAt;
    return NEVER;
  }

  #connect(): void {
    this.#attempt += 1;
    this.#try = this.#failures + 1;
    this.#phase = { name: "connecting", attempt: this.#attempt };
    this.#report("connecting");
    this.#outputs.push({ type: "open", attempt: this.#attempt });
  }

  #prove(): void {
    this.#failures = 0;
    if (this.#phase.name === "connected" && this.#phase.stableAt !== NEVER) {
      this.#phase = { ...this.#phase, stableAt: NEVER };
    }
  }

  #complete(now: Millis): void {
    const wasRefused = this.#reported === "qos-nack-remote";
    this.#phase = RESTING;
    if (!this.#settings.nailedUp) {
      this.#report("disconnected");
      this.#outputs.push({ type: "rested", reason: undefined, exhausted: false });
      return;
    }
    if (wasRefused) this.#failures += 1;
    this.#retry("disconnected", undefined, Math.max(1, this.#failures), now);
  }

  #fail(reason: Reason, repeatable: boolean, now: Millis): void {
    const wasConnected = this.#phase.name === "connected";
    const proven = wasConnected && this.#phaseDeadline() === NEVER;
    const state = wasConnected ? "disconnected" : AUTH_CODES.has(reason.code) ? "auth-failed" : "unreachable";
    this.#phase = RESTING;
    this.#failures += 1;
    const restsAfterLoss = this.#settings.opportunistic && wasConnected && !this.#settings.transactional;
    if (!this.#settings.nailedUp && (!repeatable || restsAfterLoss)) {
      if (proven) this.#failures = 0;
      this.#report(state, { reason });
      this.#outputs.push({ type: "rested", reason, exhausted: false });
      return;
    }
    this.#retry(state, reason, this.#failures, now);
  }

  #retry(state: StateName, reason: Reason | undefined, failures: number, now: Millis): void {
    const wait = retryDelay(this.#settings.retry, failures, this.#random);
    if (wait === undefined) {
      this.#report(state, { reason });
      this.#report("all-retries-failed", { reason });
      this.#outputs.push({ type: "rested", reason, exhausted: true });
      return;
    }
    const retryIn = Math.max(wait, reason?.retryAfter ?? 0);
    this.#phase = { name: "waiting", until: now + retryIn };
    this.#report(state, { reason, retryIn });
  }

  #disconnect(reason: Reason, now: Millis): void {
    if (this.#phase.name !== "connecting" && this.#phase.name !== "connected") return;
    this.#outputs.push({ type: "close", attempt: this.#phase.attempt });
    this.#fail(reason, true, now);
  }

  #giveUp(reason: Reason, now: Millis): void {
    if (this.#phase.name === "waiting" && !this.#settings.nailedUp) {
      this.#phase = RESTING;
      this.#outputs.push({ type: "rested", reason, exhausted: false });
    }
    if (this.#phase.name !== "connecting" && this.#phase.name !== "connected") return;
    this.#outputs.push({ type: "close", attempt: this.#phase.attempt });
    this.#fail(reason, false, now);
  }

  #recycle(reason: Reason, settings: StreamSettings | undefined): void {
    if (settings !== undefined) this.#settings = settings;
    this.#failures = 0;
    if (this.#phase.name === "resting" && !this.#settings.nailedUp) return;
    if (this.#phase.name === "connecting" || this.#phase.name === "connected") {
      const wasConnected = this.#phase.name === "connected";
      this.#outputs.push({ type: "close", attempt: this.#phase.attempt });
      if (wasConnected) this.#report("disconnected", { reason, retryIn: 0 });
    }
    this.#connect();
  }

  #destroy(): void {
    if (this.#phase.name === "connecting" || this.#phase.name === "connected") {
      this.#outputs.push({ type: "close", attempt: this.#phase.attempt });
      if (this.#phase.name === "connected") this.#report("disconnected");
    }
    this.#report("destroying");
    this.#phase = { name: "destroyed" };
    this.#timeoutAt = NEVER;
  }

  #timeout(now: Millis): void {
    const phase = this.#phase;
    if (phase.name === "waiting" && phase.until <= now) this.#connect();
    else if (phase.name === "connected" && phase.stableAt <= now) this.#prove();
    if (this.#timeoutAt <= now) {
      this.#timeoutAt = NEVER;
      this.#report("timeout");
    }
  }

  #report(state: StateName, cause: Cause = NO_CAUSE): void {
    const previous = this.#reported;
    if (!isLegal(previous, state))
      throw new UsageError(`Cannot enter ${state}: ${previous} does not lead there`);
    this.#reported = state;
    this.#pushState(state, previous, cause);
  }

  #pushState(
    state: StateName | UserState,
    previous: StateName | undefined,
    { reason, retryIn }: Cause,
  ): void {
    this.#outputs.push({ type: "state", state, previous, reason, attempt: this.#try, retryIn });
  }
}
