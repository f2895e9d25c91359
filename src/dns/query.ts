import { type Millis, NEVER } from "../lib/millis.ts";
import { type Attempt, newAttempt, type Sender } from "./attempt.ts";
import { type Candidate, candidatesOf, nextCandidate, sends } from "./candidate.ts";
import type { Timed } from "./deadlines.ts";
import { Flight } from "./flight.ts";
import type { Question } from "./message.ts";
import { toWire } from "./name.ts";
import type { Network } from "./network.ts";
import type { Outcome, QueryOptions } from "./outcome.ts";
import { mismatch, questionEnd } from "./request.ts";
import { planServers, type Server } from "./server.ts";
import { judge, type Verdict } from "./verdict.ts";
import type { DnsFailure } from "./words.ts";

/** Wrong datagrams after which not even a fitting one is believed without TCP. */
const MAX_FORGERIES = 8;
/** A server that fails is followed by one other, not by all. */
const MAX_FAILURES = 2;

/** One question, asked of one server after the other until there is an answer or nobody left to ask. */
export class Query implements Timed, Sender {
  deadline: Millis = NEVER;
  place = -1;
  readonly question: Question;
  readonly #wire: Uint8Array;
  readonly #network: Network;
  readonly #options: QueryOptions;
  readonly #flight: Flight;
  #candidates: readonly Candidate[] = [];
  /** The next send waits, because nobody listened. */
  #pausedUntil: Millis = NEVER;
  #sends = 0;
  #failures = 0;
  #failure: DnsFailure = "no-servers";
  #isSettled = false;

  constructor(question: Question, network: Network, options: QueryOptions) {
    this.question = question;
    this.#wire = toWire(question.name) as Uint8Array;
    this.#network = network;
    this.#flight = new Flight(network);
    this.#options = options;
  }

  start(now: Millis): void {
    this.#network.work.statistics.queries += 1;
    this.#begin(this.#options.servers, now);
  }

  /** Asks these servers from now on; what others were asked may still be answered. */
  renew(servers: readonly Server[], now: Millis): void {
    this.#failures = 0;
    this.#pausedUntil = NEVER;
    this.#begin(servers, now);
  }

  /** Nobody wants the answer any more. What is under way goes on for a moment, to learn about its server. */
  cancel(now: Millis): void {
    this.#settle(now, undefined);
  }

  transmit(attempt: Attempt, now: Millis): void {
    const { isPlain, udp } = this.#candidateOf(attempt);
    const asking = { question: this.question, wire: this.#wire, isPlain, round: udp - 1 };
    this.#network.transmit(attempt, asking, now);
    this.#rearm();
  }

  received(attempt: Attempt, bytes: Uint8Array, now: Millis): void {
    const wrong = mismatch(attempt.request, bytes, this.#wire.length);
    if (wrong === undefined || (wrong === "casing" && !attempt.usesCasing)) {
      if (attempt.forgeries > 0 && !attempt.isAlone) attempt.held ??= bytes;
      else if (attempt.forgeries <= MAX_FORGERIES) this.#weigh(attempt, bytes, now);
      return;
    }
    this.#network.drop(attempt.server, wrong, bytes.length);
    if (wrong === "casing" || wrong === "question") this.#distrust(attempt, wrong === "casing", now);
  }

  forged(attempt: Attempt, now: Millis): void {
    this.#distrust(attempt, false, now);
  }

  unreachable(attempt: Attempt, now: Millis): void {
    if (attempt.transport === "tcp" && !attempt.isRepeated && !this.#isSettled) {
      // The server may close an idle connection just as it is used again (RFC 7766, 6.2.4).
      attempt.isRepeated = true;
      this.transmit(attempt, now);
      return;
    }
    this.#flight.lose(attempt, now);
    const candidate = this.#candidateOf(attempt);
    const code = attempt.isWithoutSocket ? "too-many-files" : "server-failure";
    if (attempt.transport === "udp") candidate.isAbsent = true;
    if (attempt.isWithoutSocket && this.#failures === 0) this.#failure = code;
    if (this.#isSettled) this.#rearm();
    else if (attempt.transport === "tcp") this.#tcpFailed(candidate, code, now);
    else this.#sendNext(now);
  }

  expire(now: Millis): void {
    for (const attempt of this.#flight.overdue(now)) this.#silent(attempt, now);
    if (this.#pausedUntil <= now) {
      this.#pausedUntil = NEVER;
      for (const candidate of this.#candidates) candidate.isAbsent = false;
    }
    this.#goOn(now);
  }

  #begin(servers: readonly Server[], now: Millis): void {
    const { rotate, transport, work } = this.#network;
    const { order, beside } = planServers(servers, { rotate, random: work.random }, now);
    this.#candidates = candidatesOf(order, transport, this.#candidates);
    this.#sendNext(now);
    const other = this.#candidates.find(({ server }) => server === beside);
    if (other !== undefined && !this.#isSettled) this.#ask(other, now);
  }

  #silent(attempt: Attempt, now: Millis): void {
    const { server, connection } = attempt;
    attempt.until = NEVER;
    server.silent(attempt.sentAt, now);
    server.window.leave(attempt, now);
    this.#network.silent(attempt, this.question, now);
    if (this.#failures === 0) this.#failure = "timeout";
    // An answer over UDP that is late is still an answer.
    if (attempt.transport === "udp" && !this.#isSettled) return;
    this.#flight.end(attempt, now);
    if (connection !== undefined) this.#network.connections.drop(connection, now);
    if (!this.#isSettled) this.#tcpFailed(this.#candidateOf(attempt), "timeout", now);
  }

  #weigh(attempt: Attempt, bytes: Uint8Array, now: Millis): void {
    const { server } = attempt;
    const verdict = judge(bytes, {
      question: this.question,
      end: questionEnd(this.#wire.length),
      hops: this.#options.hops,
      usesEdns: attempt.usesEdns,
      clientCookie: attempt.clientCookie,
      expectsCookie: server.hasShownCookie && attempt.transport === "udp",
    });
    this.#network.received(attempt, this.question, { verdict, size: bytes.length }, now);
    if (verdict.type === "drop") {
      if (verdict.reason === "cookie") this.#distrust(attempt, false, now);
      return;
    }
    server.answered(now - attempt.sentAt, now);
    this.#flight.end(attempt, now);
    if (this.#isSettled) this.#rearm();
    else this.#act(attempt, verdict, now);
  }

  #act(attempt: Attempt, verdict: Exclude<Verdict, { readonly type: "drop" }>, now: Millis): void {
    const { server, transport } = attempt;
    const candidate = this.#candidateOf(attempt);
    switch (verdict.type) {
      case "truncated":
        candidate.transport = "tcp";
        if (transport === "tcp") this.#refused(candidate, "server-failure", now);
        else this.#ask(candidate, now);
        return;
      case "without-edns":
        server.withoutEdns(now);
        this.#askAgain(candidate, now);
        return;
      case "cookie-again":
        server.learnCookie(verdict.cookie);
        if (candidate.hasBadCookie) candidate.transport = "tcp";
        candidate.hasBadCookie = true;
        if (transport === "tcp") this.#refused(candidate, "server-failure", now);
        else this.#askAgain(candidate, now);
        return;
      case "failure":
        server.learnCookie(verdict.cookie);
        this.#refused(candidate, verdict.code, now);
        return;
      case "finding":
        if (transport === "tcp" && verdict.cookie === undefined) server.forgetCookie();
        server.learnCookie(verdict.cookie);
        this.#flight.learnCasing(attempt, candidate.isPlain);
        this.#finish({ type: "found", finding: verdict.finding, server, transport }, now);
        return;
    }
  }

  /** The server answered that it does not know: one other may. */
  #refused(candidate: Candidate, code: DnsFailure, now: Millis): void {
    candidate.isOut = true;
    this.#failure = code;
    this.#failures += 1;
    if (this.#failures >= MAX_FAILURES) this.#finish({ type: "failed", code }, now);
    else this.#goOn(now);
  }

  /** DNS-07: where one forged datagram came, the next may fit; a TCP connection cannot be guessed. */
  #distrust(attempt: Attempt, isCasing: boolean, now: Millis): void {
    if (attempt.transport === "tcp") return;
    attempt.forgeries += 1;
    attempt.isCasing ||= isCasing;
    if (attempt.forgeries > 1 || this.#isSettled) return;
    const candidate = this.#candidateOf(attempt);
    if (candidate.hasNoTcp) {
      attempt.isAlone = true;
      return;
    }
    attempt.patience = attempt.until;
    attempt.until = NEVER;
    attempt.server.window.leave(attempt, now);
    this.#network.work.statistics.distrusted += 1;
    if (candidate.transport === "tcp" || candidate.isOut) {
      this.#goOn(now);
      return;
    }
    candidate.transport = "tcp";
    this.#ask(candidate, now);
  }

  /** Goes back to UDP where only distrust led to TCP; what came there meanwhile counts again. */
  #tcpFailed(candidate: Candidate, code: DnsFailure, now: Millis): void {
    const suspect = this.#flight.suspect(candidate.server);
    candidate.hasNoTcp = true;
    if (this.#failures === 0) this.#failure = code;
    if (suspect === undefined) {
      candidate.isOut = true;
      this.#goOn(now);
      return;
    }
    candidate.transport = "udp";
    if (suspect.isCasing) {
      candidate.isPlain = true;
      this.#flight.end(suspect, now);
      this.#sendNext(now);
      return;
    }
    const { held } = suspect;
    suspect.isAlone = true;
    suspect.held = undefined;
    suspect.until = suspect.patience;
    if (held !== undefined) this.received(suspect, held, now);
    if (suspect.state !== "over" && suspect.until <= now) this.#silent(suspect, now);
    if (suspect.state !== "over") this.#goOn(now);
  }

  #goOn(now: Millis): void {
    if (this.#isSettled || this.#flight.isUnderWay) this.#rearm();
    else this.#sendNext(now);
  }

  /** Asks the server that was asked least; the query fails when nobody is left and nothing is under way. */
  #sendNext(now: Millis): void {
    const next = nextCandidate(this.#candidates, this.#network.attempts);
    if (next?.isAbsent === true) {
      const round = Math.max(sends(next) - 1, 0);
      const wait = next.server.retransmit({ round, isLast: false }, this.#network.work.random);
      this.#pausedUntil = Math.min(this.#pausedUntil, now + wait);
      this.#rearm();
    } else if (next !== undefined) this.#ask(next, now);
    else if (this.#flight.isUnderWay) this.#rearm();
    else this.#finish({ type: "failed", code: this.#failure }, now);
  }

  #ask(candidate: Candidate, now: Millis): void {
    if (candidate.transport === "udp") candidate.udp += 1;
    else candidate.tcp += 1;
    if (++this.#sends > 1) this.#network.work.statistics.retries += 1;
    this.#flight.enter(newAttempt(this, candidate.server, candidate.transport), now);
  }

  /** The same server, asked in another way: a send like any other (RFC 9520, 3.1). */
  #askAgain(candidate: Candidate, now: Millis): void {
    if (sends(candidate) < this.#network.attempts) this.#ask(candidate, now);
    else this.#refused(candidate, "server-failure", now);
  }

  #finish(outcome: Outcome, now: Millis): void {
    this.#settle(now, outcome.type === "found" ? outcome.server : undefined);
    this.#options.done(outcome, now);
  }

  #settle(now: Millis, by: Server | undefined): void {
    this.#isSettled = true;
    this.#pausedUntil = NEVER;
    this.#flight.settle(by, now);
    this.#rearm();
  }

  #rearm(): void {
    this.#network.work.deadlines.set(this, Math.min(this.#pausedUntil, this.#flight.due));
  }

  #candidateOf(attempt: Attempt): Candidate {
    const [first] = this.#candidates;
    const isOf = ({ server }: Candidate): boolean => server === attempt.server;
    return first !== undefined && isOf(first) ? first : (this.#candidates.find(isOf) as Candidate);
  }
}
