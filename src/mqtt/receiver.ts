import { topicFault } from "../lib/mqtt-topic.ts";
import type { Outbound, Received, ReceivedAcknowledgement, Version } from "./packet.ts";
import { REASON_CODE } from "./reason-code.ts";
import { protocolViolation, type Violation } from "./violation.ts";
import type { Receivers, SessionOutput } from "./words.ts";

const ALL_IDS = 65_535;

/** Where what a receiver has to say goes. */
export interface ReceiverDesk {
  write(packet: Outbound): void;
  emit(output: SessionOutput): void;
  /** Whom a message on `topic` is for. */
  receivers(topic: string): Receivers;
}

/** The receiving half of a session: each message of QoS 2 is passed on once (MQTT 5, 4.3.3, method B). */
export class Receiver {
  readonly #desk: ReceiverDesk;
  /** Identifiers passed on and not released; bounded by what the server may have in flight. */
  readonly #received: Set<number>;
  readonly #version: Version;
  readonly #limit: number;
  #goodTopic: string | undefined;

  constructor(desk: ReceiverDesk, received: Set<number>, version: Version, receiveMaximum: number) {
    this.#desk = desk;
    this.#received = received;
    this.#version = version;
    this.#limit = version === 5 ? receiveMaximum : ALL_IDS;
  }

  /** PUBLISH. Returns what is wrong with it. */
  published(packet: Received): Violation | undefined {
    const { id, qos, topic } = packet;
    if (packet.topicAlias !== undefined) {
      return protocolViolation("a topic alias where none was allowed", REASON_CODE.topicAliasInvalid);
    }
    if (topic !== this.#goodTopic) {
      const fault = topicFault(topic);
      if (fault !== undefined) return protocolViolation(`PUBLISH with a bad topic, ${fault}`);
      this.#goodTopic = topic;
    }
    if (qos > 0 && id === 0) return protocolViolation("PUBLISH with identifier 0");
    const isKnown = qos === 2 && this.#received.has(id);
    if (qos === 2 && !isKnown && this.#received.size >= this.#limit) {
      const detail = `more than ${this.#limit} messages of QoS 2 in flight`;
      return protocolViolation(detail, REASON_CODE.receiveMaximumExceeded);
    }
    if (!isKnown) this.#deliver(packet);
    if (qos === 1) this.#desk.write({ type: "puback", id, code: REASON_CODE.success });
    if (qos === 2) {
      this.#received.add(id);
      this.#desk.write({ type: "pubrec", id, code: REASON_CODE.success });
    }
    return undefined;
  }

  /** PUBREL is answered even where nothing is known of it: the server must be able to finish. */
  released({ id }: ReceivedAcknowledgement): void {
    const isKnown = this.#received.delete(id);
    const code = isKnown || this.#version === 4 ? REASON_CODE.success : REASON_CODE.idNotFound;
    this.#desk.write({ type: "pubcomp", id, code });
  }

  #deliver(packet: Received): void {
    const { members, absent } = this.#desk.receivers(packet.topic);
    if (members.length + absent.length > 0) this.#desk.emit({ type: "message", members, absent, packet });
  }
}
