import { encodeUtf8 } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import { topicFault } from "../lib/mqtt-topic.ts";
import { BIRTH_STREAM, type Entry, type Outgoing } from "./entry.ts";
import type { Inflight } from "./inflight.ts";
import { type Limits, publishSize } from "./limits.ts";
import type { Outbound, ReceivedAcknowledgement, Version, Will } from "./packet.ts";
import { describe, FIRST_FAILURE, mqttReason, REASON_CODE } from "./reason-code.ts";
import { protocolViolation, type Violation } from "./violation.ts";
import type { Outcome, SessionOutput } from "./words.ts";

const RESEND_AFTER = seconds(3);
const RESENDS = 3;
/** MQTT 5 forbids repetition on the same connection (4.4); a message is given up after the same time. */
const GIVE_UP_AFTER = (RESENDS + 1) * RESEND_AFTER;

/** Where what a publisher has to say goes. */
export interface PublisherDesk {
  write(packet: Outbound): void;
  settled(output: Extract<SessionOutput, { type: "settled" }>): void;
}

/** How the sending of a birth begins. */
export type BirthStart =
  | { readonly type: "done" }
  | { readonly type: "waiting"; readonly ticket: number }
  | { readonly type: "refused"; readonly reason: Reason };

/** The sending half of a session on one connection: what may be in flight, what is acknowledged, what is repeated. */
export class Publisher {
  readonly #desk: PublisherDesk;
  readonly #inflight: Inflight;
  readonly #version: Version;
  readonly #wait: Millis;
  #limits: Limits | undefined;
  #birth = 0;
  #due: Millis = NEVER;
  /** When the PINGRESP or the birth that a trial waits for is overdue. */
  #proofDue: Millis = NEVER;
  #goodTopic: string | undefined;

  constructor(desk: PublisherDesk, inflight: Inflight, version: Version) {
    this.#desk = desk;
    this.#inflight = inflight;
    this.#version = version;
    this.#wait = version === 4 ? RESEND_AFTER : GIVE_UP_AFTER;
  }

  /** Not later than the first message in flight has waited too long. */
  get deadline(): Millis {
    return Math.min(this.#due, this.#proofDue);
  }

  /** The server has accepted the connection. */
  open(limits: Limits): void {
    this.#limits = limits;
  }

  /** Asks for a sign that the broker keeps the connection, before a suspect is sent on it. */
  seekProof(now: Millis): void {
    if (!this.#inflight.trial.awaitsProof) return;
    this.#proofDue = now + RESEND_AFTER;
    this.#desk.write({ type: "pingreq" });
  }

  /** PINGRESP. */
  proved(now: Millis): void {
    const { trial } = this.#inflight;
    trial.proved();
    if (!trial.awaitsBirth) this.#proofDue = NEVER;
    this.pump(now);
  }

  /** Gives up a message after the broker has hung up on it again and again. */
  giveUp(message: Outgoing): void {
    const why =
      "The broker does not acknowledge the message: it closed each of three connections in succession on which it was sent";
    this.#settle(message, { type: "refused", reason: mqttReason("mqtt-not-acknowledged", why) });
  }

  send(message: Outgoing, now: Millis): void {
    const reason = this.#refusal(message);
    if (reason !== undefined) {
      this.#settle(message, { type: "refused", reason });
      return;
    }
    if (message.qos > 0) {
      this.#inflight.add(message);
      this.pump(now);
      return;
    }
    if (this.#limits !== undefined) {
      this.#desk.write({ type: "publish", id: 0, dup: false, ...contentOf(message) });
      return;
    }
    const lost = mqttReason(
      "connection-lost",
      "Cannot publish: there is no connection, and QoS 0 does not wait",
    );
    this.#settle(message, { type: "lost", reason: lost });
  }

  /** Starts a birth before everything that waits; `pump` sends it. */
  publishBirth(birth: Will): BirthStart {
    this.#birth -= 1;
    const { qos } = birth;
    const message = {
      ...birth,
      ticket: this.#birth,
      stream: BIRTH_STREAM,
      payload: encodeUtf8(birth.payload),
    };
    const reason = this.#refusal(message) ?? this.#badBirth(message);
    if (reason !== undefined) return { type: "refused", reason };
    if (qos > 0) {
      this.#inflight.add(message, "first");
      return { type: "waiting", ticket: message.ticket };
    }
    this.#desk.write({ type: "publish", id: 0, dup: false, ...contentOf(message) });
    return { type: "done" };
  }

  /** Sends as much of what waits as the server allows. */
  pump(now: Millis): void {
    const limits = this.#limits;
    if (limits === undefined) return;
    const { trial } = this.#inflight;
    const limit = trial.isOn ? Math.min(trial.window, limits.inFlight) : limits.inFlight;
    for (let entry = this.#inflight.next(limit); entry !== undefined; ) {
      this.#start(entry, now);
      entry = this.#inflight.next(limit);
    }
  }

  /** PUBACK, PUBREC or PUBCOMP. Returns what is wrong with it. */
  acknowledged(packet: ReceivedAcknowledgement, now: Millis): Violation | undefined {
    const { id, type } = packet;
    const entry = this.#inflight.get(id);
    if (entry === undefined) return this.#unknown(packet);
    if ((type === "puback") !== (entry.message.qos === 1)) {
      return protocolViolation(`${type.toUpperCase()} for a message of QoS ${entry.message.qos}`);
    }
    if (type === "pubcomp" && entry.phase === "publish") return protocolViolation("PUBCOMP before PUBREC");
    if (type === "pubrec" && entry.phase === "release") {
      if (entry.resends > 0) entry.resends -= 1;
      return undefined;
    }
    if (packet.code >= FIRST_FAILURE && type !== "pubcomp") {
      const why = `The broker refused the message: ${describe(packet.code, packet)}`;
      this.#finish(entry, { type: "refused", reason: mqttReason("mqtt-publish-refused", why) });
    } else if (type === "pubrec") {
      this.#inflight.release(entry);
      this.#write(entry, now);
    } else {
      this.#finish(entry, ACKNOWLEDGED);
    }
    this.pump(now);
    return undefined;
  }

  /** Repeats or gives up what the server has not acknowledged in time. */
  expire(now: Millis): void {
    if (this.deadline > now) return;
    const { entries, next } = this.#inflight.overdue(now);
    this.#checkTrial(entries.length > 0, now);
    this.#due = next;
    for (const entry of entries) {
      if (entry.isAbandoned) {
        entry.due = NEVER;
      } else if (this.#version === 5 || entry.resends === RESENDS) {
        entry.due = NEVER;
        entry.isAbandoned = true;
        const why = "The broker did not acknowledge the message in time";
        this.#settle(entry.message, { type: "refused", reason: mqttReason("mqtt-not-acknowledged", why) });
      } else {
        entry.resends += 1;
        this.#inflight.touch(entry);
        this.#write(entry, now);
      }
    }
    this.pump(now);
  }

  /** A broker that is silent does not hang up: nobody else is to wait for it. */
  #checkTrial(isLate: boolean, now: Millis): void {
    const { trial } = this.#inflight;
    if (isLate && trial.isOn) trial.clear();
    if (this.#proofDue > now) return;
    this.#proofDue = NEVER;
    trial.overdue();
  }

  #start(entry: Entry, now: Millis): void {
    const reason = entry.phase === "publish" ? this.#refusal(entry.message) : undefined;
    if (reason === undefined) this.#write(entry, now);
    else this.#finish(entry, { type: "refused", reason });
  }

  #write(entry: Entry, now: Millis): void {
    const { id, message } = entry;
    entry.due = now + this.#wait;
    if (entry.due < this.#due) this.#due = entry.due;
    if (entry.phase === "release") {
      this.#desk.write({ type: "pubrel", id, code: REASON_CODE.success });
      return;
    }
    const dup = entry.wasSent;
    entry.wasSent = true;
    this.#desk.write({ type: "publish", id, dup, ...contentOf(message) });
  }

  #unknown({ id, type }: ReceivedAcknowledgement): Violation | undefined {
    if (this.#inflight.isEcho(id)) return undefined;
    if (type !== "pubrec")
      return protocolViolation(`${type.toUpperCase()} for an identifier that is not in use`);
    // The server may hold it from before our time: only a PUBREL makes it let go (MQTT 5, 4.3.3).
    const code = this.#version === 5 ? REASON_CODE.idNotFound : REASON_CODE.success;
    this.#desk.write({ type: "pubrel", id, code });
    return undefined;
  }

  #finish(entry: Entry, outcome: Outcome): void {
    this.#inflight.settle(entry);
    if (!entry.isAbandoned) this.#settle(entry.message, outcome);
  }

  #settle({ ticket }: Outgoing, outcome: Outcome): void {
    this.#desk.settled({ type: "settled", ticket, outcome });
  }

  #badBirth(message: Outgoing): Reason | undefined {
    if (!this.#inflight.trial.isBadBirth(message)) return undefined;
    const why = `The broker closes the connection whenever the birth on "${message.topic.slice(0, 100)}" is sent`;
    return mqttReason("mqtt-not-acknowledged", why);
  }

  #refusal(message: Outgoing): Reason | undefined {
    if (message.topic !== this.#goodTopic) {
      const fault = topicFault(message.topic);
      if (fault !== undefined)
        return refused(`the topic "${message.topic.slice(0, 100)}" is not valid, ${fault}`);
      this.#goodTopic = message.topic;
    }
    const limits = this.#limits;
    if (limits === undefined) return undefined;
    if (message.qos > limits.qos) return refused(`the broker takes QoS ${limits.qos} at most`);
    if (message.retain && !limits.retain) return refused("the broker retains no messages");
    if (limits.packet !== Number.POSITIVE_INFINITY && publishSize(message) > limits.packet) {
      const why = `Cannot publish: the broker takes packets of ${limits.packet} bytes at most`;
      return mqttReason("mqtt-too-large", why);
    }
    return undefined;
  }
}

const ACKNOWLEDGED: Outcome = { type: "acknowledged" };

function contentOf({
  topic,
  payload,
  qos,
  retain,
}: Outgoing): Pick<Outgoing, "topic" | "payload" | "qos" | "retain"> {
  return { topic, payload, qos, retain };
}

function refused(why: string): Reason {
  return mqttReason("mqtt-publish-refused", `Cannot publish: ${why}`);
}
