import type { Reason } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import { unreachable } from "../lib/unreachable.ts";
import { KeepAlive } from "./keep-alive.ts";
import { limitsOf } from "./limits.ts";
import { Members, type MembersDesk } from "./members.ts";
import type { SessionMemory } from "./memory.ts";
import type { ConnectReply, Inbound, Outbound } from "./packet.ts";
import { Publisher, type PublisherDesk } from "./publisher.ts";
import { connectRefusal, disconnectReason, mqttReason, REASON_CODE, speaksOfPacket } from "./reason-code.ts";
import { Receiver, type ReceiverDesk } from "./receiver.ts";
import { assertTransition } from "./states.ts";
import { protocolViolation, tooLarge, type Violation } from "./violation.ts";
import type { SessionInput, SessionOutput, SessionSettings } from "./words.ts";

const CONNACK_WAIT = seconds(20);
const NOTHING: readonly SessionOutput[] = [];

type State =
  | { readonly name: "idle" }
  | { readonly name: "connecting"; readonly until: Millis }
  | { readonly name: "open"; readonly keepAlive: KeepAlive }
  | { readonly name: "ended" };

/**
 * An MQTT session on one network connection, shared by its members: CONNECT, subscriptions, publishing in both
 * directions, keep-alive, DISCONNECT (MQTT 3.1.1 and 5). What must outlive the connection is in `memory`. Ends with one
 * `close`.
 */
export class MqttSession implements Machine<SessionInput, SessionOutput> {
  readonly #settings: SessionSettings;
  readonly #memory: SessionMemory;
  readonly #members: Members;
  readonly #publisher: Publisher;
  readonly #receiver: Receiver;
  #state: State = { name: "idle" };
  #now: Millis = 0;
  #outputs: SessionOutput[] = [];

  constructor(settings: SessionSettings, memory: SessionMemory) {
    const { version, receiveMaximum } = settings;
    const desk: MembersDesk & PublisherDesk & ReceiverDesk = {
      write: (packet) => this.#write(packet),
      emit: (output) => this.#emit(output),
      settled: (output) => this.#settled(output),
      publishBirth: (birth) => this.#publisher.publishBirth(birth),
      isOnTrial: () => this.#memory.inflight.trial.isOn,
      receivers: (topic) => this.#members.receivers(topic),
    };
    this.#settings = settings;
    this.#memory = memory;
    this.#members = new Members(desk, memory, version);
    this.#publisher = new Publisher(desk, memory.inflight, version);
    this.#receiver = new Receiver(desk, memory.received, version, receiveMaximum);
  }

  get deadline(): Millis {
    const state = this.#state;
    if (state.name === "connecting") return state.until;
    if (state.name !== "open") return NEVER;
    return Math.min(state.keepAlive.deadline, this.#publisher.deadline, this.#members.deadline);
  }

  /** Messages of QoS 1 and 2 handed out to be written and not yet acknowledged. */
  get inFlight(): number {
    return this.#memory.inflight.inFlight;
  }

  handle(input: SessionInput | Timeout, now: Millis): readonly SessionOutput[] {
    if (this.#state.name === "ended") return this.#afterEnd(input);
    this.#now = now;
    this.#take(input, now);
    if (this.#members.hasHeld && !this.#memory.inflight.trial.isOn) this.#members.release();
    const outputs = this.#outputs;
    if (outputs.length === 0) return NOTHING;
    this.#outputs = [];
    return outputs;
  }

  #take(input: SessionInput | Timeout, now: Millis): void {
    const state = this.#state;
    switch (input.type) {
      case "timeout":
        this.#timeout(now);
        return;
      case "opened":
        if (state.name === "idle") this.#connect(now);
        return;
      case "attach":
        this.#members.attach(input.member, now);
        this.#publisher.pump(now);
        this.#leaveIfEmpty();
        return;
      case "detach":
        if (this.#members.detach(input.member, now)) this.#leaveIfEmpty();
        return;
      case "send":
        this.#publisher.send(input.message, now);
        return;
      case "packet":
        this.#packet(input.packet, now);
        return;
      case "malformed":
        this.#violated(protocolViolation(input.detail, REASON_CODE.malformed), true);
        return;
      case "oversized":
        this.#violated(tooLarge(input.length, this.#settings.maximumPacketSize));
        return;
      case "probe":
        if (state.name === "open") this.#write({ type: "pingreq" });
        return;
      case "reading":
        if (state.name === "open") state.keepAlive.listen(input.on);
        return;
      case "forget":
        for (const filter of this.#memory.forget(input.stream)) {
          if (state.name === "open") this.#members.unsubscribe(filter, now);
        }
        return;
      case "lost":
        this.#fail(input.reason, input.isHangUp === true);
        return;
      default:
        unreachable(input);
        return;
    }
  }

  #connect(now: Millis): void {
    const { keepAlive, ...settings } = this.#settings;
    this.#enter({ name: "connecting", until: now + CONNACK_WAIT });
    this.#write({ type: "connect", ...settings, keepAlive: Math.min(Math.ceil(keepAlive / 1000), 0xffff) });
  }

  #packet(packet: Inbound, now: Millis): void {
    const state = this.#state;
    if (state.name === "idle") return;
    if (state.name !== "open") {
      if (packet.type === "connack") {
        this.#connected(packet, now);
        return;
      }
      this.#violated(protocolViolation(`${packet.type.toUpperCase()} before CONNACK`));
      return;
    }
    state.keepAlive.heard();
    const violation = this.#openPacket(packet, now);
    if (violation !== undefined) this.#violated(violation);
  }

  #openPacket(packet: Inbound, now: Millis): Violation | undefined {
    switch (packet.type) {
      case "connack":
        return protocolViolation("a second CONNACK");
      case "publish":
        return this.#receiver.published(packet);
      case "pubrel":
        this.#receiver.released(packet);
        return undefined;
      case "puback":
      case "pubrec":
      case "pubcomp":
        return this.#publisher.acknowledged(packet, now);
      case "suback":
      case "unsuback": {
        const fault = this.#members.answered(packet);
        if (fault !== undefined) return protocolViolation(fault);
        this.#publisher.pump(now);
        this.#leaveIfEmpty();
        return undefined;
      }
      case "pingresp":
        this.#publisher.proved(now);
        return undefined;
      case "disconnect":
        if (this.#settings.version === 4)
          this.#violated(protocolViolation("DISCONNECT from a 3.1.1 server"), true);
        else this.#fail(disconnectReason(packet), speaksOfPacket(packet.code));
        return undefined;
      case "other":
        return protocolViolation(`${packet.name.toUpperCase()} from the server`);
      default:
        return unreachable(packet);
    }
  }

  #connected(reply: ConnectReply, now: Millis): void {
    if (reply.code !== 0) {
      this.#fail(connectRefusal(reply, this.#settings.version), false);
      return;
    }
    if (reply.sessionPresent && this.#settings.cleanStart) {
      this.#violated(protocolViolation("CONNACK with a session that was to be dropped"));
      return;
    }
    const limits = limitsOf(reply, this.#settings.keepAlive);
    if (typeof limits === "string") {
      this.#violated(protocolViolation(limits));
      return;
    }
    const guilty = this.#memory.restart(reply.sessionPresent);
    this.#enter({ name: "open", keepAlive: new KeepAlive(limits.keepAlive, now) });
    // Subscriptions come first, or a message that waits for its repetition would be there before its receiver.
    this.#publisher.open(limits);
    if (guilty !== undefined) this.#publisher.giveUp(guilty);
    this.#members.open(limits, now);
    this.#publisher.seekProof(now);
    this.#publisher.pump(now);
    this.#leaveIfEmpty();
  }

  #timeout(now: Millis): void {
    const state = this.#state;
    if (state.name === "connecting") {
      if (state.until > now) return;
      this.#fail(mqttReason("connection-timeout", "The broker did not answer CONNECT within 20 s"), false);
      return;
    }
    if (state.name !== "open") return;
    const due = state.keepAlive.check(now);
    if (due === "hang-up") {
      this.#fail(mqttReason("validity-timeout", "The broker did not answer PINGREQ in time"), false);
      return;
    }
    if (due === "ping") this.#write({ type: "pingreq" });
    this.#publisher.expire(now);
    this.#members.expire(now);
    this.#leaveIfEmpty();
  }

  #settled(output: Extract<SessionOutput, { type: "settled" }>): void {
    if (output.ticket > 0) this.#emit(output);
    else this.#members.born(output.ticket, output.outcome);
    this.#leaveIfEmpty();
  }

  #leaveIfEmpty(): void {
    if (this.#members.size > 0 || this.#state.name === "ended") return;
    if (this.#state.name !== "idle") this.#write({ type: "disconnect", code: REASON_CODE.success });
    this.#close(undefined);
  }

  /** `isHangUp`: it may be the answer to a message, which would get the same on each connection. */
  #violated({ code, reason }: Violation, isHangUp = false): void {
    if (this.#state.name !== "idle" && this.#settings.version === 5)
      this.#write({ type: "disconnect", code });
    this.#fail(reason, isHangUp);
  }

  /** The end with a reason. Who hangs up on a connection that it had accepted may mean a message. */
  #fail(reason: Reason, isHangUp: boolean): void {
    const { inflight } = this.#memory;
    if (this.#state.name !== "open") inflight.trial.clear();
    else if (isHangUp) inflight.hungUp();
    this.#close(reason);
  }

  #close(reason: Reason | undefined): void {
    this.#enter({ name: "ended" });
    this.#outputs.push({ type: "close", reason });
  }

  /** A message handed over after the end waits for the next connection; the machine itself stays silent. */
  #afterEnd(input: SessionInput | Timeout): readonly SessionOutput[] {
    if (input.type === "send" && input.message.qos > 0) this.#memory.inflight.add(input.message);
    if (input.type === "forget") this.#memory.forget(input.stream);
    return NOTHING;
  }

  #write(packet: Outbound): void {
    if (this.#state.name === "open") this.#state.keepAlive.sentAt = this.#now;
    this.#emit({ type: "write", packet });
  }

  #emit(output: SessionOutput): void {
    if (this.#state.name !== "ended") this.#outputs.push(output);
  }

  #enter(next: State): void {
    assertTransition(this.#state.name, next.name);
    this.#state = next;
  }
}
