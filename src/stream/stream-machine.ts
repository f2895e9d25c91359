import { type Reason, UsageError } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Spread } from "../lib/spread.ts";
import { unreachable } from "../lib/unreachable.ts";
import { attemptOf, type Cause, type Connected, deadlineOf, endingOf, type Phase, RESTING } from "./phase.ts";
import { Retries } from "./retries.ts";
import { isLegal, type StateName, type UserState } from "./states.ts";
import { timedOut } from "./timed-out.ts";
import type { AttemptId, StreamInput, StreamOutput, StreamSettings } from "./words.ts";

const NOTHING: readonly StreamOutput[] = [];

/** The life of one logical stream over all its connections. Policy: `retry`, `nailed_up`, `opportunistic`. */
export class StreamMachine implements Machine<StreamInput, StreamOutput> {
  #settings: StreamSettings;
  readonly #retries: Retries;
  #phase: Phase = RESTING;
  #reported: StateName | undefined;
  #attempt: AttemptId = 0;
  #try = 1;
  #timeoutAt: Millis = NEVER;
  #timeoutSpan: Millis = 0;
  /** A request that comes earlier waits: the peer slammed the door on the last one. */
  #notBefore: Millis = 0;
  #outputs: StreamOutput[] = [];

  constructor(settings: StreamSettings, spread: Spread) {
    this.#settings = settings;
    this.#retries = new Retries(spread);
  }

  /** The state last reported, user states aside. */
  get state(): StateName | undefined {
    return this.#reported;
  }

  /** Consecutive failures since the peer last proved to work. */
  get failures(): number {
    return this.#retries.failures;
  }

  get isConnected(): boolean {
    return this.#phase.name === "connected";
  }

  get deadline(): Millis {
    return Math.min(this.#timeoutAt, deadlineOf(this.#phase));
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
        this.#retries.forgive();
        this.#notBefore = 0;
        if (this.#phase.name === "resting" || this.#phase.name === "waiting") this.#connect();
        return;
      case "request":
        this.#request(now);
        return;
      case "established":
        if (this.#phase.name === "connecting" && this.#isCurrent(input.attempt)) this.#establish(now);
        return;
      case "proved":
      case "acknowledged":
      case "refused":
        if (this.#phase.name === "connected" && this.#isCurrent(input.attempt))
          this.#told(input, this.#phase);
        return;
      case "user-state":
        if (this.#isCurrent(input.attempt)) this.#pushState(input.state, this.#reported, {});
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
      case "late":
        this.#report("timeout", { reason: input.reason });
        if (input.isUnderWay) this.#giveUp(input.reason, now);
        return;
      case "recycle":
        this.#recycle(input.reason, input.settings ?? this.#settings);
        return;
      case "settings":
        this.#settings = input.settings;
        return;
      case "start-timeout":
        this.#timeoutSpan = input.span;
        this.#timeoutAt = now + input.span;
        return;
      case "cancel-timeout":
        this.#timeoutAt = NEVER;
        return;
      case "destroy":
        this.#destroy(input.reason);
        return;
      case "timeout":
        this.#timeout(now);
        return;
      default:
        unreachable(input);
    }
  }

  #isCurrent(attempt: AttemptId): boolean {
    return attemptOf(this.#phase) === attempt;
  }

  #connect(): void {
    this.#attempt += 1;
    this.#try = this.#retries.failures + 1;
    this.#phase = { name: "connecting", attempt: this.#attempt };
    this.#report("connecting");
    this.#outputs.push({ type: "open", attempt: this.#attempt });
  }

  #request(now: Millis): void {
    // What waits for its next turn after a success does not wait out of caution.
    if (this.#phase.name === "waiting" && this.#settings.transactional && this.#retries.failures === 0)
      this.#connect();
    if (this.#phase.name !== "resting") return;
    this.#report("poll");
    if (this.#notBefore <= now) this.#connect();
    else this.#phase = { name: "waiting", until: this.#notBefore };
  }

  #establish(now: Millis): Connected {
    const stableAt = now + this.#settings.retry.stable;
    const phase: Connected = { name: "connected", attempt: this.#attempt, stableAt, refusal: undefined };
    this.#phase = phase;
    this.#report("connected");
    return phase;
  }

  #told(
    input: Extract<StreamInput, { type: "proved" | "acknowledged" | "refused" }>,
    phase: Connected,
  ): void {
    if (input.type === "refused") {
      this.#phase = { ...phase, refusal: input.reason };
      this.#report("qos-nack-remote", { reason: input.reason });
      return;
    }
    if (input.type === "proved" || input.isProof) this.#prove(phase);
    if (input.type === "acknowledged") this.#report("qos-ack-remote");
  }

  #prove(phase: Connected): void {
    this.#retries.forgive();
    const { name, attempt, refusal } = phase;
    if (phase.stableAt !== NEVER) this.#phase = { name, attempt, stableAt: NEVER, refusal };
  }

  #complete(now: Millis): void {
    // A response without a head would end a connection that was never reported.
    const { refusal } = this.#phase.name === "connected" ? this.#phase : this.#establish(now);
    this.#phase = RESTING;
    if (!this.#settings.nailedUp) {
      this.#rest("disconnected", undefined);
      return;
    }
    if (refusal !== undefined) this.#retries.fail(refusal);
    this.#retry("disconnected", refusal, now);
  }

  #fail(reason: Reason, repeatable: boolean, now: Millis): void {
    const { nailedUp, opportunistic, transactional, retry } = this.#settings;
    const wasConnected = this.#phase.name === "connected";
    const wasProven = wasConnected && deadlineOf(this.#phase) === NEVER;
    const state = endingOf(this.#phase, reason);
    const restsAfterLoss = opportunistic && wasConnected && !transactional;
    this.#phase = RESTING;
    this.#retries.fail(reason);
    if (nailedUp || (repeatable && !restsAfterLoss)) {
      this.#retry(state, reason, now);
      return;
    }
    if (wasProven) this.#retries.forgive();
    else if (restsAfterLoss) this.#notBefore = now + this.#retries.wait(retry);
    this.#rest(state, reason);
  }

  #rest(state: StateName, reason: Reason | undefined): void {
    this.#report(state, { reason });
    this.#outputs.push({ type: "rested", reason, exhausted: false });
  }

  #retry(state: StateName, reason: Reason | undefined, now: Millis): void {
    const wait = this.#retries.delay(this.#settings.retry, reason);
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
    if (this.#hangUp()) this.#fail(reason, true, now);
  }

  #giveUp(reason: Reason, now: Millis): void {
    if (this.#phase.name === "waiting" && !this.#settings.nailedUp) {
      this.#phase = RESTING;
      this.#outputs.push({ type: "rested", reason, exhausted: false });
    } else if (this.#hangUp()) {
      // Whoever gives up says nothing about the peer: no failure is counted.
      const state = endingOf(this.#phase, reason);
      this.#phase = RESTING;
      if (this.#settings.nailedUp) this.#retry(state, reason, now);
      else this.#rest(state, reason);
    }
  }

  /** False where nothing is under way. */
  #hangUp(): boolean {
    const attempt = attemptOf(this.#phase);
    if (attempt !== undefined) this.#outputs.push({ type: "close", attempt });
    return attempt !== undefined;
  }

  #recycle(reason: Reason, settings: StreamSettings): void {
    this.#settings = settings;
    this.#retries.forgive();
    this.#notBefore = 0;
    if (this.#phase.name === "resting" && !settings.nailedUp) return;
    this.#hangUp();
    if (this.#phase.name === "connected") this.#report("disconnected", { reason, retryIn: 0 });
    this.#connect();
  }

  #destroy(reason: Reason | undefined): void {
    this.#hangUp();
    if (this.#phase.name === "connected") this.#report("disconnected", { reason });
    this.#report("destroying", { reason });
    this.#phase = { name: "destroyed" };
    this.#timeoutAt = NEVER;
  }

  #timeout(now: Millis): void {
    const phase = this.#phase;
    if (phase.name === "waiting" && phase.until <= now) this.#connect();
    else if (phase.name === "connected" && phase.stableAt <= now) this.#prove(phase);
    if (this.#timeoutAt <= now) {
      this.#timeoutAt = NEVER;
      const message = `Not done within ${this.#timeoutSpan} ms`;
      const where = { own: "stream", isConnected: this.isConnected } as const;
      this.#report("timeout", { reason: timedOut(message, this.#retries.last, where) });
    }
  }

  #report(state: StateName, cause: Cause = {}): void {
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
