import type { Reason } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, minutes, NEVER, seconds } from "../lib/millis.ts";
import { unreachable } from "../lib/unreachable.ts";
import { apiUrl, readApi } from "./portal-api.ts";
import { type Finding, isPublicName, judgeProbe } from "./portal-verdict.ts";
import type { ApiOutcome, CheckId, PortalInput, PortalOutput, PortalVerdict } from "./portal-words.ts";

export interface PortalOptions {
  /** The status that nobody but the true peer gives. Default: 204. */
  readonly expected?: number;
  /** How long one look may take, and the question to the API before it. Default: 5 s. */
  readonly patience?: Millis;
  /** How often a network that is fine is looked at. Default: 15 minutes. */
  readonly recheck?: Millis;
}

/** No two looks begin nearer together, whoever asks. */
const LEAST_GAP: Millis = seconds(2);
/** A person may log in at any moment. */
const WHILE_CAPTIVE: readonly Millis[] = [5, 10, 20, 40, 60].map(seconds);
const WHILE_UNREACHABLE: readonly Millis[] = [5, 10, 20, 40, 80, 160, 300].map(seconds);
/** A network that says it closes soon is not asked more often than this. */
const LEAST_SESSION: Millis = seconds(30);

/** Addresses of the probe's host that are looked at. */
const MOST_ADDRESSES = 16;

const NOTHING: readonly PortalOutput[] = [];

interface Check {
  readonly id: CheckId;
  readonly stage: "api" | "probe";
  readonly until: Millis;
  /** Where a public name of the probe's host led. */
  readonly addresses: readonly string[];
}

/** Finds out what stands between this machine and the internet, and looks again: seldom, sooner, or on demand. */
export class CaptivePortal implements Machine<PortalInput, PortalOutput> {
  readonly #options: Required<PortalOptions>;
  #verdict: PortalVerdict = "unknown";
  #portal: string | undefined;
  /** What the last look at this network has found. */
  #last: Finding | undefined;
  #api: string | undefined;
  #check: Check | undefined;
  #lastId: CheckId = 0;
  #startedAt: Millis = -NEVER;
  #nextAt: Millis = NEVER;
  /** Looks in a row that were not ok. */
  #failures = 0;
  #sessionEnds: Millis = NEVER;
  #isRunning = false;
  #isStopped = false;
  #outputs: PortalOutput[] = [];

  constructor(options: PortalOptions = {}) {
    this.#options = { expected: 204, patience: seconds(5), recheck: minutes(15), ...options };
  }

  get verdict(): PortalVerdict {
    return this.#verdict;
  }

  /** Where a person can log in, where the network has said it. */
  get portal(): string | undefined {
    return this.#portal;
  }

  get deadline(): Millis {
    return this.#isRunning ? (this.#check?.until ?? this.#nextAt) : NEVER;
  }

  handle(input: PortalInput | Timeout, now: Millis): readonly PortalOutput[] {
    if (this.#isStopped) return NOTHING;
    this.#outputs = [];
    this.#take(input, now);
    if (this.#isRunning && this.#check === undefined && this.#nextAt <= now) this.#look(now);
    return this.#outputs;
  }

  #take(input: PortalInput | Timeout, now: Millis): void {
    switch (input.type) {
      case "start":
        if (this.#isRunning) return;
        this.#isRunning = true;
        this.#hurry(now);
        return;
      case "pause":
        this.#isRunning = false;
        this.#nextAt = NEVER;
        this.#forget(now);
        return;
      case "told":
        if (this.#underWay(input.check, "api") !== undefined) this.#told(input.outcome, now);
        return;
      case "resolved":
        this.#resolved(input);
        return;
      case "probed":
        this.#probed(input, now);
        return;
      case "network":
        this.#api = apiUrl(input.api);
        this.#forget(now);
        return;
      case "check":
        if (this.#check === undefined) this.#hurry(now);
        return;
      case "stop":
        this.#abandon();
        this.#isRunning = false;
        this.#isStopped = true;
        return;
      case "timeout":
        if (this.#check !== undefined && this.#check.until <= now) this.#late(this.#check, now);
        return;
      default:
        unreachable(input);
    }
  }

  #resolved({ check: id, host, addresses }: Extract<PortalInput, { type: "resolved" }>): void {
    const check = this.#underWay(id, "probe");
    if (check === undefined || !isPublicName(host)) return;
    this.#check = { ...check, addresses: [...check.addresses, ...addresses].slice(0, MOST_ADDRESSES) };
  }

  #probed({ check: id, outcome }: Extract<PortalInput, { type: "probed" }>, now: Millis): void {
    const check = this.#underWay(id, "probe");
    if (check === undefined) return;
    this.#decide(judgeProbe(outcome, this.#options.expected, check.addresses), now);
  }

  #underWay(id: CheckId, stage: Check["stage"]): Check | undefined {
    return this.#check?.id === id && this.#check.stage === stage ? this.#check : undefined;
  }

  /** Begins a look: the network itself is asked first, where it can be. */
  #look(now: Millis): void {
    this.#startedAt = now;
    this.#nextAt = NEVER;
    this.#sessionEnds = NEVER;
    if (this.#api === undefined) this.#probe(now);
    else {
      this.#outputs.push({ type: "ask", check: this.#begin("api", now), url: this.#api });
    }
  }

  #probe(now: Millis): void {
    this.#outputs.push({ type: "probe", check: this.#begin("probe", now) });
  }

  #begin(stage: Check["stage"], now: Millis): CheckId {
    this.#lastId += 1;
    this.#check = { id: this.#lastId, stage, until: now + this.#options.patience, addresses: [] };
    return this.#lastId;
  }

  /** A network that says it is captive is believed; one that says it is not, or says nothing of use, is probed. */
  #told(outcome: ApiOutcome, now: Millis): void {
    const said = outcome.type === "answer" ? readApi(outcome) : outcome.reason.message;
    if (typeof said === "string") {
      this.#probe(now);
      return;
    }
    const { captive, portal, secondsRemaining } = said;
    if (captive) {
      this.#decide({ verdict: "captive", portal, why: "the network says that it is captive" }, now);
      return;
    }
    if (secondsRemaining !== undefined) this.#sessionEnds = now + seconds(secondsRemaining);
    this.#probe(now);
  }

  #late({ stage, addresses }: Check, now: Millis): void {
    this.#abandon();
    if (stage === "api") {
      this.#probe(now);
      return;
    }
    const message = `no answer within ${this.#options.patience / 1000} s`;
    const reason: Reason = { layer: "http", code: "timeout", message };
    this.#decide(judgeProbe({ type: "failed", reason }, this.#options.expected, addresses), now);
  }

  #decide(finding: Finding, now: Millis): void {
    const { verdict } = finding;
    this.#check = undefined;
    this.#failures = verdict === "ok" || verdict !== this.#last?.verdict ? 0 : this.#failures + 1;
    // That something is unknown says nothing without the why.
    const isOtherWhy = verdict === "unknown" && finding.why !== this.#last?.why;
    this.#last = finding;
    this.#report(finding, isOtherWhy);
    this.#nextAt = this.#nextLook(verdict, now);
  }

  #nextLook(verdict: PortalVerdict, now: Millis): Millis {
    if (verdict === "ok") {
      const end = Math.max(this.#sessionEnds, now + LEAST_SESSION);
      return Math.min(now + this.#options.recheck, end);
    }
    const table = verdict === "captive" ? WHILE_CAPTIVE : WHILE_UNREACHABLE;
    return now + (table[Math.min(this.#failures, table.length - 1)] as Millis);
  }

  #report({ verdict, portal, why }: Finding, isOtherWhy = false): void {
    const previous = this.#verdict;
    const isNews = verdict !== previous || portal !== this.#portal || isOtherWhy;
    this.#verdict = verdict;
    this.#portal = portal;
    if (isNews) this.#outputs.push({ type: "verdict", verdict, previous, portal, why });
  }

  #forget(now: Millis): void {
    this.#abandon();
    this.#failures = 0;
    this.#last = undefined;
    this.#report({ verdict: "unknown", portal: undefined, why: "the network changed" });
    this.#hurry(now);
  }

  #hurry(now: Millis): void {
    if (this.#isRunning) this.#nextAt = Math.min(this.#nextAt, Math.max(now, this.#startedAt + LEAST_GAP));
  }

  #abandon(): void {
    if (this.#check !== undefined) this.#outputs.push({ type: "abandon", check: this.#check.id });
    this.#check = undefined;
  }
}
