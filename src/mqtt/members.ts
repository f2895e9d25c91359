import type { Reason } from "../lib/errors.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import { filterFault, hasWildcard, isShared } from "../lib/mqtt-topic.ts";
import type { Limits } from "./limits.ts";
import type { SessionMemory } from "./memory.ts";
import type { Outbound, QualityOfService, SubscribeReply, Version, Will } from "./packet.ts";
import type { BirthStart } from "./publisher.ts";
import { describe, FIRST_FAILURE, mqttReason } from "./reason-code.ts";
import { matches } from "./topic-match.ts";
import type { Member, Outcome, Receivers, SessionOutput, Subscription } from "./words.ts";

const SUBSCRIBE_WAIT = seconds(20);
/** Topics whose receivers are remembered, until the members change. */
const ROUTES = 1000;

/** What a connection offers its members. */
export interface MembersDesk {
  write(packet: Outbound): void;
  emit(output: SessionOutput): void;
  publishBirth(birth: Will): BirthStart;
  /** Whether messages are on trial: nobody is established on a connection that may end for another's sake. */
  isOnTrial(): boolean;
}

interface Request {
  readonly type: "suback" | "unsuback";
  readonly subscription: Subscription;
  /** Undefined once nobody waits for the answer. */
  member: number | undefined;
  readonly due: Millis;
}

interface Birth {
  /** Undefined once it is acknowledged. */
  ticket: number | undefined;
  readonly waiting: Set<number>;
}

/** Who is on a connection, what each is still waited for, and whom a message is for. */
export class Members {
  readonly #desk: MembersDesk;
  readonly #memory: SessionMemory;
  readonly #version: Version;
  readonly #members = new Map<number, Member>();
  /** SUBSCRIBE and UNSUBSCRIBE without an answer, oldest first. */
  readonly #requests = new Map<number, Request>();
  readonly #births = new Map<string, Birth>();
  /** Those who are established once no message is on trial. */
  readonly #held = new Set<number>();
  readonly #routes = new Map<string, Receivers>();
  #limits: Limits | undefined;
  #due: Millis = NEVER;

  constructor(desk: MembersDesk, memory: SessionMemory, version: Version) {
    this.#desk = desk;
    this.#memory = memory;
    this.#version = version;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Not later than the first SUBSCRIBE has waited too long. */
  get deadline(): Millis {
    return this.#due;
  }

  /** The server has accepted the connection. */
  open(limits: Limits, now: Millis): void {
    this.#limits = limits;
    for (const member of [...this.#members.values()]) this.#join(member, limits, now);
  }

  attach(member: Member, now: Millis): void {
    this.#members.set(member.id, member);
    this.#routes.clear();
    if (this.#limits !== undefined) this.#join(member, this.#limits, now);
  }

  /** False for one that is not there. The last one leaves its subscription to the server's session. */
  detach(id: number, now: Millis): boolean {
    const member = this.#remove(id);
    if (member === undefined) return false;
    if (this.size > 0 && member.subscribe !== undefined) {
      if (this.#memory.dropFilter(member.subscribe.filter, member.stream)) {
        this.unsubscribe(member.subscribe.filter, now);
      }
    }
    return true;
  }

  unsubscribe(filter: string, now: Millis): void {
    const id = this.#memory.inflight.takeControlId();
    if (id === undefined) return;
    this.#requests.set(id, {
      type: "unsuback",
      subscription: { filter, qos: 0 },
      member: undefined,
      due: now,
    });
    this.#desk.write({ type: "unsubscribe", id, filter });
  }

  /** Whom a message on `topic` is for. */
  receivers(topic: string): Receivers {
    const known = this.#routes.get(topic);
    if (known !== undefined) return known;
    const members: number[] = [];
    const here = new Set<number>();
    for (const { id, stream, subscribe } of this.#members.values()) {
      here.add(stream);
      if (subscribe !== undefined && matches(subscribe.filter, topic)) members.push(id);
    }
    const absent = new Set<number>();
    for (const [filter, streams] of this.#memory.filters) {
      if (!matches(filter, topic)) continue;
      for (const stream of streams.keys()) if (!here.has(stream)) absent.add(stream);
    }
    const receivers: Receivers = { members, absent: [...absent] };
    if (this.#routes.size >= ROUTES) this.#routes.clear();
    this.#routes.set(topic, receivers);
    return receivers;
  }

  /** SUBACK or UNSUBACK. Returns what is wrong with it. */
  answered(packet: SubscribeReply): string | undefined {
    const request = this.#requests.get(packet.id);
    const name = packet.type.toUpperCase();
    if (request?.type !== packet.type) return `${name} for an identifier that is not in use`;
    const [code, ...more] = packet.codes;
    const isBare = this.#version === 4 && packet.type === "unsuback";
    if (more.length > 0 || (code === undefined) !== isBare)
      return `${name} with ${packet.codes.length} codes for 1 filter`;
    this.#requests.delete(packet.id);
    this.#memory.inflight.freeControlId(packet.id);
    const member = request.member === undefined ? undefined : this.#members.get(request.member);
    if (member === undefined || code === undefined) return undefined;
    if (code >= FIRST_FAILURE) {
      const why = `The broker refused to subscribe to "${request.subscription.filter}": ${describe(code, packet)}`;
      this.#refuse(member.id, mqttReason("mqtt-subscribe-refused", why));
    } else {
      this.#subscribed(member, request.subscription);
    }
    return undefined;
  }

  /** Whether members wait for the end of a trial. */
  get hasHeld(): boolean {
    return this.#held.size > 0;
  }

  /** The trial is over. */
  release(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const id of held) this.#establish(id);
  }

  /** A birth has settled. */
  born(ticket: number, outcome: Outcome): void {
    for (const [key, birth] of this.#births) {
      if (birth.ticket === ticket) this.#settleBirth(key, birth, outcome);
    }
  }

  /** Refuses those whose SUBSCRIBE the server has not answered in time. */
  expire(now: Millis): void {
    if (this.#due > now) return;
    this.#due = NEVER;
    for (const request of this.#requests.values()) {
      if (request.member === undefined) continue;
      if (request.due > now) {
        this.#due = request.due;
        return;
      }
      const why = `The broker did not answer SUBSCRIBE to "${request.subscription.filter}" within 20 s`;
      this.#refuse(request.member, mqttReason("mqtt-subscribe-refused", why));
    }
  }

  #join(member: Member, limits: Limits, now: Millis): void {
    const { subscribe } = member;
    if (subscribe === undefined) {
      this.#greet(member);
      return;
    }
    const { filter } = subscribe;
    const fault = filterFault(filter) ?? unavailable(filter, limits);
    if (fault !== undefined) {
      this.#refuseFilter(member.id, filter, fault);
      return;
    }
    if (this.#memory.filters.get(filter)?.get(member.stream) === subscribe.qos) {
      this.#greet(member);
      return;
    }
    const id = this.#memory.inflight.takeControlId();
    if (id === undefined) {
      this.#refuseFilter(member.id, filter, "every packet identifier is in use");
      return;
    }
    const due = now + SUBSCRIBE_WAIT;
    this.#requests.set(id, { type: "suback", subscription: subscribe, member: member.id, due });
    this.#due = Math.min(this.#due, due);
    this.#desk.write({ type: "subscribe", id, filter, qos: this.#highestQos(subscribe) });
  }

  /** A later SUBSCRIBE replaces an earlier one to the same filter: it must not lower what others asked for. */
  #highestQos({ filter, qos }: Subscription): QualityOfService {
    let highest = qos;
    for (const { subscribe } of this.#members.values()) {
      if (subscribe?.filter === filter && subscribe.qos > highest) highest = subscribe.qos;
    }
    for (const other of this.#memory.filters.get(filter)?.values() ?? []) {
      if (other > highest) highest = other;
    }
    return highest;
  }

  #subscribed(member: Member, { filter, qos }: Subscription): void {
    const streams = this.#memory.filters.get(filter) ?? new Map<number, QualityOfService>();
    this.#memory.filters.set(filter, streams.set(member.stream, qos));
    this.#greet(member);
  }

  /** Established once the birth is acknowledged, if there is one. */
  #greet(member: Member): void {
    if (member.birth === undefined) {
      this.#establish(member.id);
      return;
    }
    const key = JSON.stringify(member.birth);
    const birth = this.#births.get(key) ?? this.#startBirth(member.birth, key, member.id);
    if (birth === undefined) return;
    if (birth.ticket === undefined) {
      this.#establish(member.id);
      return;
    }
    birth.waiting.add(member.id);
  }

  #startBirth(will: Will, key: string, member: number): Birth | undefined {
    const start = this.#desk.publishBirth(will);
    if (start.type === "refused") {
      this.#refuse(member, start.reason);
      return undefined;
    }
    const birth: Birth = { ticket: start.type === "waiting" ? start.ticket : undefined, waiting: new Set() };
    this.#births.set(key, birth);
    return birth;
  }

  #settleBirth(key: string, birth: Birth, outcome: Outcome): void {
    const waiting = [...birth.waiting];
    birth.ticket = undefined;
    birth.waiting.clear();
    if (outcome.type !== "acknowledged") this.#births.delete(key);
    for (const id of waiting) {
      if (outcome.type === "acknowledged") this.#establish(id);
      else this.#refuse(id, outcome.reason);
    }
  }

  #establish(id: number): void {
    if (this.#desk.isOnTrial()) this.#held.add(id);
    else this.#desk.emit({ type: "established", member: id });
  }

  #refuseFilter(member: number, filter: string, fault: string): void {
    const message = `Cannot subscribe to "${filter}": ${fault}`;
    this.#refuse(member, mqttReason("mqtt-subscribe-refused", message));
  }

  #refuse(id: number, reason: Reason): void {
    this.#remove(id);
    this.#desk.emit({ type: "refused", member: id, reason });
  }

  #remove(id: number): Member | undefined {
    const member = this.#members.get(id);
    if (member === undefined) return undefined;
    this.#members.delete(id);
    this.#held.delete(id);
    this.#routes.clear();
    for (const birth of this.#births.values()) birth.waiting.delete(id);
    for (const request of this.#requests.values()) {
      if (request.member === id) request.member = undefined;
    }
    return member;
  }
}

function unavailable(filter: string, limits: Limits): string | undefined {
  if (!limits.shared && isShared(filter)) return "the broker offers no shared subscriptions";
  return !limits.wildcards && hasWildcard(filter) ? "the broker offers no wildcards" : undefined;
}
