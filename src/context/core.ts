import { type Reason, SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Spread } from "../lib/spread.ts";
import type { Streamtype } from "../policy/index.ts";
import {
  type MetadataValues,
  receivedMetadata,
  type StreamInput,
  StreamMachine,
  type StreamOutput,
  type Target,
} from "../stream/index.ts";
import { Attempt } from "./attempt.ts";
import { framedTarget } from "./body.ts";
import { Driver } from "./driver.ts";
import type { StateEvent } from "./events.ts";
import { allRetriesFailed, loadReason } from "./failures.ts";
import type { Marks } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import type { Frame, Ports, ResponseHead, Settled, StreamId, Transport } from "./ports.ts";
import type { Settings } from "./settings.ts";
import { Transactions } from "./transactions.ts";

/** What the core tells the stream around it. */
export interface CoreEvents {
  state(event: StateEvent): void;
  hearsStates(): boolean;
  /** A piece of a message, or of a response that no `request()` waits for. False holds the peer back. */
  received(payload: Uint8Array, frame: Frame): boolean;
  /** A connection takes messages. */
  writable(): void;
  /** The last thing heard. */
  ended(): void;
}

/** Bytes of messages that may wait for a connection. */
const OUTBOX_LIMIT = 4 * 1024 * 1024;
const CLOSED: Reason = { layer: "stream", code: "closed", message: "The stream was closed" };
const NO_HEADERS: readonly string[] = [];
const NOTHING_RECEIVED: Readonly<Record<string, string>> = {};

/** The inside of a stream: its machine, its present link, and what is on the way in both directions. */
export class StreamCore {
  readonly id: StreamId;
  readonly ports: Ports;
  readonly outbox: Outbox;
  readonly transactions: Transactions;
  metadata: Record<string, string>;
  received = NOTHING_RECEIVED;
  /** Where the present attempt goes, or the last one went. */
  target: Target | undefined;
  #settings: Settings;
  readonly #events: CoreEvents;
  readonly #machine: StreamMachine;
  readonly #driver: Driver<StreamInput, StreamOutput>;
  #attempt: Attempt | undefined;
  #transport: Transport | undefined;
  #plan: { readonly target: Target; readonly hasBody: boolean } | undefined;
  #retryAt: number | undefined;
  #endedBy: unknown;

  constructor(
    id: StreamId,
    { ports, spread }: { readonly ports: Ports; readonly spread: Spread },
    settings: Settings,
    metadata: Record<string, string>,
    events: CoreEvents,
  ) {
    this.id = id;
    this.ports = ports;
    this.metadata = metadata;
    this.#settings = settings;
    this.#events = events;
    this.#machine = new StreamMachine(settings.forMachine, spread);
    this.#driver = new Driver(this.#machine, ports.clock, (output) => this.#perform(output));
    this.outbox = new Outbox(settings.streamtype.name, OUTBOX_LIMIT, {
      settled: (outcome, size) => this.#settled(outcome, size),
    });
    this.transactions = new Transactions(this);
  }

  get streamtype(): Streamtype {
    return this.#settings.streamtype;
  }

  get isTransactional(): boolean {
    return this.#settings.isTransactional;
  }

  get machine(): StreamMachine {
    return this.#machine;
  }

  get retryAt(): number | undefined {
    return this.#retryAt;
  }

  get marks(): Marks {
    return this.#settings.marks;
  }

  readonly feed = (input: StreamInput): void => {
    this.#driver.feed(input);
  };

  /** Ends for good: what waits is rejected with `reason` and `cause`. */
  end(reason: Reason, cause?: unknown): void {
    this.#endedBy ??= cause;
    this.feed({ type: "destroy", reason });
  }

  /** Something is to be sent: connect, unless that is under way or awaited, or the stream has not begun. */
  wake(): void {
    if (this.#machine.state !== undefined) this.feed({ type: "request" });
  }

  /** Where the stream would go now. Throws UsageError where the metadata or the identity does not allow it. */
  plan(hasBody: boolean): Target {
    if (this.#plan === undefined || this.#plan.hasBody !== hasBody) {
      this.#plan = { target: this.#settings.plan(this.metadata, hasBody), hasBody };
    }
    return this.#plan.target;
  }

  /** The same with metadata of one transaction beside the stream's. */
  planFor(metadata: MetadataValues | undefined, hasBody: boolean): Target {
    if (metadata === undefined) return this.plan(hasBody);
    return this.#settings.plan({ ...this.metadata, ...metadata }, hasBody);
  }

  /** Metadata or settings changed: the next attempt plans anew. */
  forgetPlan(): void {
    this.#plan = undefined;
  }

  /**
   * Takes new settings; with `reason` the connection is made anew. A transaction under way ends under the old ones:
   * cutting it off could do its work twice. One that waits for its next try makes it now.
   */
  adopt(settings: Settings, reason: Reason | undefined): void {
    const hasMoved = settings.streamtype.protocol !== this.streamtype.protocol;
    if (hasMoved && reason !== undefined) this.#leave(reason);
    this.#settings = settings.after(this.#settings);
    this.#plan = undefined;
    if (reason === undefined) return;
    const { forMachine } = settings;
    const isUnderWay = this.transactions.active !== undefined && this.#retryAt === undefined;
    if (isUnderWay) this.feed({ type: "settings", settings: forMachine });
    else this.feed({ type: "recycle", reason, settings: forMachine });
  }

  /** A response head came, of a transaction or of a ws upgrade. */
  heard(head: ResponseHead): void {
    if (this.streamtype.metadata.length > 0) this.received = receivedMetadata(this.streamtype, head.headers);
  }

  receive(payload: Uint8Array, frame: Frame): boolean {
    this.#tell("received", payload.length, frame.topic);
    if (this.transactions.hasReplied) return this.transactions.data(payload);
    return this.#events.received(payload, frame);
  }

  resume(): void {
    this.#attempt?.resume();
  }

  writable(): void {
    this.#events.writable();
  }

  #perform(output: StreamOutput): void {
    switch (output.type) {
      case "state":
        this.#state(output);
        return;
      case "open":
        this.#open(new Attempt(output.attempt, this));
        return;
      case "close":
        this.#attempt?.close();
        this.#attempt = undefined;
        return;
      default:
        this.#rested(output.reason, output.exhausted);
    }
  }

  #state({ state, previous, reason, attempt, retryIn }: Extract<StreamOutput, { type: "state" }>): void {
    this.#retryAt = retryIn === undefined ? undefined : this.ports.clock.now() + retryIn;
    // A request that was late behind another is no word on that one.
    if (reason !== undefined && state !== "timeout") this.transactions.attemptFailed(reason);
    if (this.#events.hearsStates())
      this.#events.state({ streamtype: this.streamtype.name, state, previous, reason, attempt, retryIn });
    if (state === "destroying") this.#destroyed(reason ?? CLOSED);
  }

  #rested(reason: Reason | undefined, exhausted: boolean): void {
    this.#attempt = undefined;
    if (exhausted && reason !== undefined) {
      const cause = new SecureStreamsError(reason, { streamtype: this.streamtype.name });
      const told = allRetriesFailed(this.streamtype, this.#machine.failures, reason);
      this.#transport?.forget(this.id);
      this.transactions.failAll(told, cause);
      this.outbox.fail(told, cause);
    } else if (reason !== undefined) this.transactions.fail(reason);
    this.transactions.next();
    if (!this.outbox.isEmpty) this.feed({ type: "request" });
  }

  #open(attempt: Attempt): void {
    this.#attempt = attempt;
    const asked = this.transactions.begin();
    const opened = this.transactions.openBody();
    if ("code" in opened) {
      this.transactions.fail(opened);
      this.feed({ type: "failed", attempt: attempt.id, reason: opened, repeatable: false });
      return;
    }
    try {
      const planned = this.planFor(asked?.metadata, opened.body !== undefined);
      this.#carry(attempt, framedTarget(planned, asked?.body.headers ?? NO_HEADERS), opened.body);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const reason: Reason = { layer: "policy", code: error.code, message: error.message };
      this.feed({ type: "failed", attempt: attempt.id, reason, repeatable: true });
    }
  }

  #carry(attempt: Attempt, target: Target, body: Uint8Array | AsyncIterable<Uint8Array> | undefined): void {
    this.target = target;
    const request = { stream: this.id, target, body };
    const transport = this.#transport ?? this.ports.transport(target.protocol);
    if (!("then" in transport)) {
      this.#transport = transport;
      attempt.carry(transport.open(request, attempt));
      return;
    }
    transport.then(
      (ready) => {
        this.#transport = ready;
        if (this.#attempt === attempt) attempt.carry(ready.open(request, attempt));
      },
      (error: unknown) => {
        const reason = loadReason(error);
        if (this.#attempt === attempt) this.transactions.fail(reason);
        this.feed({ type: "failed", attempt: attempt.id, reason, repeatable: false });
      },
    );
  }

  #settled(outcome: Settled, size: number): void {
    this.#tell(outcome.type, size, undefined);
    const attempt = this.#attempt?.id ?? 0;
    // A mistake of the program is no word of the peer's.
    if (outcome.type === "refused" && outcome.reason.code !== "usage")
      this.feed({ type: "refused", attempt, reason: outcome.reason });
    if (outcome.type !== "acknowledged") return;
    const isProof = outcome.by === "peer";
    if (isProof || this.streamtype.protocol === "mqtt") this.feed({ type: "acknowledged", attempt, isProof });
  }

  /** Diagnostics of one message, or of one piece of it. */
  #tell(outcome: Settled["type"] | "received", bytes: number, topic: string | undefined): void {
    const { diagnostics } = this.ports;
    if (!diagnostics.hasSubscribers("secure-streams:message")) return;
    const { name: streamtype } = this.streamtype;
    diagnostics.publish("secure-streams:message", { stream: this.id, streamtype, outcome, bytes, topic });
  }

  /** The protocol changes: what waits was meant for the old one. */
  #leave(reason: Reason): void {
    this.#transport?.forget(this.id);
    this.#transport = undefined;
    this.transactions.failAll(reason);
    this.outbox.fail(reason);
  }

  #destroyed(reason: Reason): void {
    this.transactions.failAll(reason, this.#endedBy);
    this.outbox.fail(reason, this.#endedBy);
    this.#transport?.forget(this.id);
    this.#driver.stop();
    this.#events.ended();
  }
}
