import type { ConnectionInfo, SendOptions, Settled, StreamId } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import { type Outcome, type Outgoing, SessionMemory, type SessionSettings } from "../../../mqtt/index.ts";
import type { MqttTarget, Target } from "../../../stream/index.ts";
import type { TransportParts } from "../index.ts";
import { Connection } from "./connection.ts";
import type { Custody } from "./custody.ts";
import type { MqttLink } from "./link.ts";
import { Parked } from "./parked.ts";
import { Redial } from "./redial.ts";
import { conflicts, settingsOf } from "./sharing.ts";

export const CLOSED: Reason = { layer: "stream", code: "closed", message: "The context was closed" };
const BY_KERNEL: Settled = { type: "acknowledged", by: "kernel" };
const BY_PEER: Settled = { type: "acknowledged", by: "peer" };
const NOT_CONNECTED = {
  layer: "mqtt",
  code: "connection-lost",
  message: "There is no connection to the broker",
} as const;

/** For each stream that is between two links. */
const PARKED_BYTES = 262_144;

/** What the sessions of one transport have in common. */
export interface SessionParts extends TransportParts {
  readonly custody: Custody;
  /** The first packet identifier: random. */
  readonly firstId: number;
  /** A connection is gone. */
  readonly closed: () => void;
}

/** An MQTT session with the streams that share it. Outlives its network connections, of which it has one at a time. */
export class SharedSession {
  readonly key: string;
  readonly #parts: SessionParts;
  readonly #clientId: string;
  readonly #memory: SessionMemory;
  readonly #links = new Map<number, MqttLink>();
  readonly #streams = new Set<StreamId>();
  readonly #closing = new Set<Connection>();
  readonly #parked = new Parked(PARKED_BYTES);
  readonly #redial: Redial;
  #connection: Connection | undefined;
  /** What the connection was made with. */
  #made: { readonly target: Target; readonly settings: SessionSettings } | undefined;

  constructor(key: string, clientId: string, parts: SessionParts) {
    this.key = key;
    this.#clientId = clientId;
    this.#parts = parts;
    this.#memory = new SessionMemory(parts.firstId);
    this.#redial = new Redial(parts.clock, () => this.#connectAgain());
  }

  /** Whether nothing here is of use any more. */
  get isIdle(): boolean {
    return this.#streams.size === 0 && this.#connection === undefined && this.#closing.size === 0;
  }

  has(stream: StreamId): boolean {
    return this.#streams.has(stream);
  }

  /** What a stream with these settings would miss here now. */
  conflicts(mqtt: MqttTarget): readonly string[] {
    const isFree = this.#connection === undefined && !this.#redial.isPending;
    return isFree || this.#made === undefined ? [] : conflicts(this.#made.settings, mqtt);
  }

  claim(stream: StreamId): void {
    this.#streams.add(stream);
  }

  join(link: MqttLink): void {
    if (link.isOver) return;
    this.#links.set(link.member.id, link);
    if (!this.#redial.isPending) this.#attach(link);
  }

  leave(link: MqttLink): void {
    if (!this.#links.delete(link.member.id)) return;
    if (this.#links.size === 0) this.#redial.stop();
    this.#connection?.handle({ type: "detach", member: link.member.id });
  }

  send(
    link: MqttLink,
    payload: Uint8Array,
    options: SendOptions,
    settle: (outcome: Settled) => void,
  ): boolean {
    const { custody } = this.#parts;
    const { stream, mqtt } = link;
    const topic = options.topic ?? mqtt.topic ?? "";
    const ticket = custody.hold(stream, payload.length, settle);
    const message = { ticket, stream, topic, payload, qos: mqtt.qos, retain: mqtt.retain };
    if (this.#connection !== undefined) this.#connection.send(message);
    else if (mqtt.qos > 0) this.#memory.inflight.add(message);
    else custody.settle(ticket, { type: "lost", reason: NOT_CONNECTED });
    const limit = link.target.streamtype.buffer.size;
    if (custody.bytes(stream) <= limit) return true;
    custody.whenLow(stream, limit / 2, () => link.drained());
    return false;
  }

  /** The stream goes on in another session. Returns its messages that are not settled, in order. */
  surrender(stream: StreamId): readonly Outgoing[] {
    const messages = this.#memory.inflight.take(stream);
    this.forget(stream);
    return messages;
  }

  adopt(messages: readonly Outgoing[]): void {
    for (const message of messages) {
      if (this.#connection === undefined) this.#memory.inflight.add(message);
      else this.#connection.send(message);
    }
  }

  hold(link: MqttLink): void {
    this.#connection?.hold(link);
  }

  release(link: MqttLink): void {
    this.#connection?.release(link);
  }

  forget(stream: StreamId): void {
    if (!this.#streams.delete(stream)) return;
    this.#parked.take(stream);
    if (this.#connection === undefined) this.#memory.forget(stream);
    else this.#connection.handle({ type: "forget", stream });
  }

  inspect(): readonly ConnectionInfo[] {
    const connections = [...this.#closing, ...(this.#connection === undefined ? [] : [this.#connection])];
    return connections.map((connection) => ({
      protocol: "mqtt",
      peer: connection.peer,
      state: connection.state,
      streams: connection === this.#connection ? this.#links.size : 0,
    }));
  }

  /** Ends every link and leaves the broker politely. */
  close(): void {
    for (const link of [...this.#links.values()]) {
      this.leave(link);
      link.end(CLOSED);
    }
  }

  #observe(type: "opened" | "closed", { peer }: Connection, reason?: Reason): void {
    this.#parts.observe({ type, protocol: "mqtt", peer, ...(reason !== undefined && { reason }) });
  }

  #attach(link: MqttLink): void {
    this.#connection ??= this.#connect(link.target, settingsOf(link.target, link.mqtt, this.#clientId));
    this.#connection.expectLife(link.target.retry);
    this.#connection.handle({ type: "attach", member: link.member });
  }

  #connectAgain(): void {
    const made = this.#made;
    if (made !== undefined) this.#connection = this.#connect(made.target, made.settings);
    for (const link of [...this.#links.values()]) if (!link.isOver) this.#attach(link);
  }

  #connect(target: Target, settings: SessionSettings): Connection {
    let why: Reason | undefined;
    let hasEstablished = false;
    const connection: Connection = new Connection(this.#parts, target, settings, this.#memory, {
      opened: () => this.#observe("opened", connection),
      established: (member) => {
        const link = this.#links.get(member);
        hasEstablished = true;
        this.#redial.reset();
        for (const packet of link === undefined ? [] : this.#parked.take(link.stream)) link?.deliver(packet);
        link?.establish(connection.peer);
      },
      refused: (member, reason) => {
        const link = this.#links.get(member);
        this.#links.delete(member);
        link?.end(reason);
      },
      message: (packet, { members, absent }) => {
        for (const member of members) this.#links.get(member)?.deliver(packet);
        for (const stream of absent) if (this.#streams.has(stream)) this.#parked.put(stream, packet);
      },
      settled: (ticket, outcome) => this.#parts.custody.settle(ticket, settledBy(outcome)),
      written: (tickets) => {
        for (const ticket of tickets) this.#parts.custody.settle(ticket, BY_KERNEL);
      },
      ended: (reason) => {
        why = reason;
        this.#connection = undefined;
        this.#closing.add(connection);
        // While the broker hangs up on one message, the streams behind it have nothing to be told of.
        if (!hasEstablished && this.#memory.isOnTrial && this.#links.size > 0 && this.#redial.again()) return;
        const links = [...this.#links.values()];
        this.#links.clear();
        for (const link of links) link.end(reason ?? NOT_CONNECTED);
      },
      closed: () => {
        this.#closing.delete(connection);
        if (connection.peer !== "") this.#observe("closed", connection, why);
        this.#parts.closed();
      },
    });
    this.#made = { target, settings };
    return connection;
  }
}

function settledBy(outcome: Outcome): Settled {
  return outcome.type === "acknowledged" ? BY_PEER : outcome;
}
