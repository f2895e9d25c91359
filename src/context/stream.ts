import { type Reason, SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Spread } from "../lib/spread.ts";
import {
  type MetadataValues,
  namedMetadata,
  requireDeclared,
  type StateName,
  type UserState,
} from "../stream/index.ts";
import { metadataEntries } from "./arguments.ts";
import { ask, timeoutOf } from "./ask.ts";
import { CallbackForm } from "./callback-form.ts";
import { type CoreEvents, StreamCore } from "./core.ts";
import type { Acknowledgement, Message, Payload, StateEvent } from "./events.ts";
import type { Handlers } from "./handlers.ts";
import { Inbox } from "./inbox.ts";
import type { StreamInfo } from "./inspect.ts";
import { Listeners } from "./listeners.ts";
import { nextState } from "./next-state.ts";
import type { Abortable, Frame, Ports, SendOptions } from "./ports.ts";
import type { Reply } from "./reply.ts";
import type { Settings } from "./settings.ts";
import type { MessageOptions, MetadataOf, RequestOptions } from "./stream-options.ts";

/** What the context gives a stream beside its settings. */
export interface Surroundings {
  /** Keeps streams that lost their peers together from coming back together. */
  readonly spread: Spread;
  readonly ports: Ports;
  /** Whether anybody hears of states through `observed`. */
  readonly observes: () => boolean;
  /** Every state of every stream passes here: log lines and diagnostics. */
  readonly observed: (stream: Stream, event: StateEvent) => void;
  readonly ended: (stream: Stream) => void;
}

/**
 * A logical stream: it outlives the connections under it. Messages that come in are read by iterating it; h1 and h2
 * are asked with `request()`. Made by `context.open()`.
 */
export class Stream<Name extends string = string> implements AsyncIterable<Message, undefined> {
  readonly streamtype: string;
  readonly id: number;
  readonly #core: StreamCore;
  readonly #surroundings: Surroundings;
  readonly #callbacks: CallbackForm;
  readonly #states = new Listeners<StateEvent>();
  #inbox: Inbox<Message> | undefined;

  /** @internal Use `context.open()`. */
  constructor(
    id: number,
    settings: Settings,
    surroundings: Surroundings,
    options: { readonly metadata: MetadataValues; readonly handlers: Handlers },
  ) {
    this.id = id;
    this.streamtype = settings.streamtype.name;
    this.#surroundings = surroundings;
    const events: CoreEvents = {
      state: (event) => this.#stateChanged(event),
      hearsStates: () =>
        !this.#states.isEmpty || options.handlers.state !== undefined || surroundings.observes(),
      received: (payload, frame) => this.#received(payload, frame),
      writable: () => this.#callbacks.writable(),
      ended: () => this.#ended(),
    };
    this.#core = new StreamCore(id, surroundings, settings, {}, events);
    this.#callbacks = new CallbackForm(this as unknown as Stream, options.handlers, this.#core);
    this.setMetadata(options.metadata as MetadataOf<Name>);
    // Whoever listens may still set metadata in `creating`.
    if (settings.streamtype.nailedUp && options.handlers.state === undefined) this.#core.plan(false);
  }

  /** @internal Begins its life; separate from the constructor so that listeners of the context hear it. */
  begin(): void {
    this.#core.feed({ type: "create" });
    this.#core.transactions.next();
  }

  /** @internal The policy changed. */
  adopt(settings: Settings, reason: Reason | undefined): void {
    this.#core.adopt(settings, reason);
  }

  /** @internal Ends it for a reason that is not the program's `close()`. */
  end(reason: Reason, cause?: unknown): void {
    this.#core.end(reason, cause);
  }

  /** The state last entered. */
  get state(): StateName {
    return this.#core.machine.state ?? "creating";
  }

  get isConnected(): boolean {
    return this.#core.machine.isConnected;
  }

  /** Whether it is asked with `request()` (h1, h2) rather than sent messages. */
  get isTransactional(): boolean {
    return this.#core.isTransactional;
  }

  /** The http method that the policy names. */
  get method(): string | undefined {
    return this.#core.streamtype.http.method?.toUpperCase();
  }

  /** Metadata that the peer sent with its last response head. */
  get received(): Readonly<Record<string, string>> {
    return this.#core.received;
  }

  /** Calls `listener` with every change of state, until the function it returns is called. */
  on(event: "state", listener: (event: StateEvent) => void): () => void {
    if (event !== "state")
      throw new UsageError(`Cannot listen: there is no event "${String(event)}", only "state"`);
    return this.#states.add(listener);
  }

  /** Resolves when the stream next enters `state`, or at once if it is there. Rejects when it is closed first. */
  reached(state: StateName | UserState, options: { readonly signal?: Abortable } = {}): Promise<StateEvent> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.state === state) {
      const { failures } = this.#core.machine;
      const none = { reason: undefined, retryIn: undefined, previous: undefined };
      return Promise.resolve({ streamtype: this.streamtype, state, attempt: failures + 1, ...none });
    }
    if (this.#isClosed) return Promise.reject(this.#closedError(`reach ${state}`));
    return nextState(this.#states, state, signal, (reason) =>
      this.#error(reason ?? closed(`The stream was closed before it was ${state}`)),
    );
  }

  /** Sets metadata for what is sent from now on. Throws UsageError `metadata-unknown` or `metadata-unsafe`. */
  setMetadata(values: MetadataOf<Name>): void {
    for (const [name, value] of metadataEntries(values)) this.#setMetadata(name, value as string | undefined);
  }

  /**
   * Sends one message over ws, mqtt or raw, now or when the stream is next connected. Settles on the peer's
   * acknowledgement where the protocol has one, else when the bytes are with the kernel. Rejects with the reason
   * when it is refused, lost, or every retry has failed.
   */
  send(payload: Payload, options: MessageOptions = {}): Promise<Acknowledgement> {
    if (this.#core.isTransactional) {
      const { protocol } = this.#core.streamtype;
      throw new UsageError(`Cannot send: "${this.streamtype}" speaks ${protocol}; use request({ payload })`);
    }
    if (this.#isClosed) return Promise.reject(this.#closedError("send"));
    const { mqtt } = this.#core.plan(false);
    if (mqtt?.topic === undefined && mqtt !== undefined)
      throw new UsageError(`Cannot send: "${this.streamtype}" has no mqtt_topic`);
    const bytes = typeof payload === "string" ? this.#core.ports.text.encode(payload) : payload;
    if (!(bytes instanceof Uint8Array))
      throw new UsageError("Cannot send: the payload is neither text nor bytes");
    const sendOptions: SendOptions = {
      start: options.start ?? true,
      end: options.end ?? true,
      binary: options.binary,
    };
    const sent = this.#core.outbox.send(bytes, sendOptions);
    if (!this.isConnected) this.#core.feed({ type: "request" });
    return sent;
  }

  /**
   * One http transaction: resolves when the response head is there, whatever its status. Rejects with the reason when
   * the policy's retries are used up, on timeout, on abort, and when repeating is not safe. Transactions of one
   * stream run one after the other; for several at a time open several streams, which share connections.
   */
  request(options: RequestOptions<Name> = {}): Promise<Reply> {
    const core = this.#core;
    if (!core.isTransactional) {
      throw new UsageError(
        `Cannot request: "${this.streamtype}" speaks ${core.streamtype.protocol}; use send()`,
      );
    }
    if (this.#isClosed) return Promise.reject(this.#closedError("request"));
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return ask(core, options as RequestOptions);
  }

  /** Connects now, with a fresh count of retries (`lws_ss_client_connect`). */
  connect(): void {
    this.#requireOpen("connect");
    this.#core.feed({ type: "connect" });
  }

  /** Hangs up; the policy's retry rules say what follows. An http response under way ends there and is not repeated. */
  disconnect(): void {
    const { transactions } = this.#core;
    const reason = closed("The program hung up");
    const { active } = transactions;
    if (active === undefined || !transactions.hasReplied) this.#core.feed({ type: "disconnect", reason });
    else transactions.giveUp(active, this.#error(reason), reason);
  }

  /** Asks for one call of the `tx` handler (`lws_ss_request_tx`). */
  requestTx(): void {
    this.#requireOpen("request tx");
    this.#callbacks.requestTx();
  }

  /** Starts the stream's one-shot timer: the state `timeout` when it fires. Default: the policy's `timeout_ms`. */
  timeout(span?: Millis): void {
    const wait = timeoutOf(span ?? this.#core.streamtype.timeout);
    if (wait !== undefined) this.#core.feed({ type: "start-timeout", span: wait });
  }

  cancelTimeout(): void {
    this.#core.feed({ type: "cancel-timeout" });
  }

  /** Ends the stream for good. What waits to be sent is rejected with `closed`; to lose nothing, await it first. */
  close(): void {
    this.#core.feed({ type: "destroy" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Messages as they come. Reading slowly holds the peer back; leaving the loop leaves the rest for the next. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return this.#queue();
  }

  /** What it does now. */
  inspect(): StreamInfo {
    const { machine, outbox, retryAt, transactions, ports, streamtype } = this.#core;
    return {
      id: this.id,
      streamtype: this.streamtype,
      protocol: streamtype.protocol,
      payloadFormat: streamtype.payloadFormat,
      state: this.state,
      failures: machine.failures,
      retryIn: retryAt === undefined ? undefined : Math.max(0, retryAt - ports.clock.now()),
      sending: outbox.inspect(),
      transactions: transactions.count,
      unread: { messages: this.#inbox?.length ?? 0, bytes: this.#inbox?.size ?? 0 },
    };
  }

  #setMetadata(name: string, value: string | undefined): void {
    const { streamtype, metadata } = this.#core;
    if (value === undefined) delete metadata[requireDeclared(streamtype, name).name];
    else Object.assign(metadata, namedMetadata(streamtype, { [name]: value }));
    this.#core.forgetPlan();
  }

  #queue(): Inbox<Message> {
    this.#inbox ??= new Inbox(this.#core.marks, (message) => message.payload.length, this.#core);
    return this.#inbox;
  }

  #stateChanged(event: StateEvent): void {
    this.#surroundings.observed(this as unknown as Stream, event);
    this.#states.emit(event, this.#core.ports.raise);
    this.#callbacks.state(event);
  }

  #received(payload: Uint8Array, { start, end, binary, topic }: Frame): boolean {
    const { text } = this.#core.ports;
    const message: Message = { payload, start, end, binary, topic, text: () => text.decode(payload) };
    if (this.#callbacks.rx(message)) return true;
    return payload.length === 0 && !start ? true : this.#queue().push(message);
  }

  #requireOpen(verb: string): void {
    if (this.#isClosed) throw this.#closedError(verb);
  }

  get #isClosed(): boolean {
    return this.state === "destroying";
  }

  #closedError(verb: string): SecureStreamsError {
    return this.#error(closed(`Cannot ${verb}: the stream is closed`));
  }

  #ended(): void {
    this.#inbox?.end();
    this.#surroundings.ended(this as unknown as Stream);
  }

  #error(reason: Reason): SecureStreamsError {
    return new SecureStreamsError(reason, { streamtype: this.streamtype });
  }
}

function closed(message: string): Reason {
  return { layer: "stream", code: "closed", message };
}
