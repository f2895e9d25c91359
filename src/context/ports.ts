import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Random } from "../lib/random.ts";
import type { Protocol } from "../policy/index.ts";
import type { Target } from "../stream/index.ts";
import type { NameResolver } from "./resolver/name-resolver.ts";

/** The world as a context sees it. `src/node` fills it with the real one, `src/testing` with a simulated one. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  /** The transport for `protocol`; loaded on first use. */
  transport(protocol: Protocol): Transport | Promise<Transport>;
  /** Reads a policy's text. Rejects with SecureStreamsError `policy-unreadable`. */
  readPolicy(location: string): Promise<string>;
  /** What is open now, over all transports. */
  connections(): readonly ConnectionInfo[];
  /** Breaks the connections whose path is gone, over all transports; returns how many. */
  abandon(isGone: (path: Path) => boolean): number;
  /** Closes every transport. Resolves when no socket is left. */
  close(): Promise<void>;
  readonly diagnostics: Diagnostics;
  /** What transports resolve names through; undefined where that is not one of ours. */
  readonly resolver?: NameResolver | undefined;
  readonly text: Text;
  /** A listener of the program threw: it surfaces as an uncaught exception, after the present work is done. */
  raise(error: unknown): void;
}

/** UTF-8. */
export interface Text {
  encode(text: string): Uint8Array;
  /** Ill-formed bytes become U+FFFD. */
  decode(bytes: Uint8Array): string;
}

/** What of an AbortSignal is used. */
export interface Abortable {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface Clock {
  /** Monotonic milliseconds, fractions allowed. */
  now(): Millis;
  /** Milliseconds since 1970 for log lines and dates in headers; never for deadlines. */
  wall(): number;
  /** Calls `run` once at `at` or soon after, and returns the way to call it off. Unless `holds`, the process may end first. */
  wake(at: Millis, run: () => void, holds: boolean): () => void;
}

/** Where events go that nobody holds a listener for: `node:diagnostics_channel`. */
export interface Diagnostics {
  readonly hasSubscribers: (channel: DiagnosticsChannel) => boolean;
  readonly publish: (channel: DiagnosticsChannel, message: object) => void;
}

export type DiagnosticsChannel =
  | "secure-streams:state"
  | "secure-streams:connection"
  | "secure-streams:message"
  | "secure-streams:policy";

/** Shaped like pino: fields first, then a sentence. */
export interface Logger {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One protocol's way to carry logical streams. One instance serves all streams of a context. */
export interface Transport {
  /**
   * Starts one attempt to carry a stream: for h1 and h2 one transaction, for ws and raw one connection, for mqtt a
   * place on a connection. Calls nothing of `events` before it has returned, and never throws for what a peer does.
   */
  open(request: LinkRequest, events: LinkEvents): Link;
  /** The logical stream is gone for good: drop what is kept for it between links (MQTT messages in flight). */
  forget(stream: StreamId): void;
  /** What is open now, for `context.inspect()`. */
  inspect(): readonly ConnectionInfo[];
  /** Closes every connection and idle session. Resolves when no socket is left. */
  close(): Promise<void>;
}

/** The same for every link of one logical stream, unique in the process. */
export type StreamId = number;

export interface LinkRequest {
  readonly stream: StreamId;
  readonly target: Target;
  /** h1 and h2: what to send. Known length when bytes. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** What a link tells its stream. After `closed` or `Link.close()` it tells nothing more. */
export interface LinkEvents {
  /** The peer's first protocol-level sign of life: response head, 101, CONNACK (and SUBACK), TCP connected or the
   * first byte under TLS for raw. At most once. */
  established(established: Established): void;
  /** Bytes for the reader. False asks for no more until `Link.resume()`; what is under way may still come. */
  data(payload: Uint8Array, frame: Frame): boolean;
  /** `Link.send` may be called again after it returned false. */
  drained(): void;
  /** The end, exactly once unless `Link.close()` came first. */
  closed(end: LinkEnd): void;
}

export interface Established {
  /** Remote address as `192.0.2.1:443`, `[2001:db8::1]:443` or the socket's path. */
  readonly peer: string;
  /** h1, h2: status and headers, names in lower case; ws: those of the 101. */
  readonly head?: ResponseHead | undefined;
}

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case, alternating with values, in the order received. */
  readonly headers: readonly string[];
}

export interface Frame {
  /** First and last piece of a message. A raw byte stream has neither. */
  readonly start: boolean;
  readonly end: boolean;
  /** ws: whether the peer sent a binary message. */
  readonly binary?: boolean;
  /** mqtt: the topic the message came on. */
  readonly topic?: string;
}

export type LinkEnd =
  /** h1, h2: the response came whole. Whether its status acknowledges is for the stream to say. */
  | { readonly type: "complete" }
  /** The attempt failed, or the connection ended. */
  | {
      readonly type: "failed";
      readonly reason: Reason;
      /** False where repeating could do the work twice or cannot help. */
      readonly repeatable: boolean;
      /** The request was sent, is not idempotent, and may have been carried out. */
      readonly mayBeDone?: boolean;
    };

/** How a sent message ended. */
export type Settled =
  | { readonly type: "acknowledged"; readonly by: "peer" | "kernel" }
  | { readonly type: "refused"; readonly reason: Reason }
  | { readonly type: "lost"; readonly reason: Reason };

export interface Link {
  /**
   * ws, mqtt, raw: sends one piece. `settle` is called exactly once, at once or later, except after `Transport.forget`.
   * An mqtt message of QoS 1 or 2 stays in the transport's custody over links of the same stream until it settles.
   * False asks for no more until `drained`.
   */
  send(payload: Uint8Array, options: SendOptions, settle: (outcome: Settled) => void): boolean;
  /** The reader takes bytes again. */
  resume(): void;
  /** Ends the link: politely (FIN, close frame, DISCONNECT) and without a further event. */
  close(): void;
}

export interface SendOptions {
  readonly start: boolean;
  readonly end: boolean;
  /** ws: overrides the policy's `ws_binary`. */
  readonly binary?: boolean | undefined;
  /** mqtt: overrides the policy's topic, already expanded. */
  readonly topic?: string | undefined;
}

/** The addresses of the two ends of a connection, as the kernel knows them; behind a proxy, to the proxy. */
export interface Path {
  readonly local: string;
  readonly remote: string;
}

export interface ConnectionInfo {
  readonly protocol: Protocol;
  readonly peer: string;
  readonly state: "connecting" | "open" | "draining";
  /** Logical streams on it now. */
  readonly streams: number;
}
