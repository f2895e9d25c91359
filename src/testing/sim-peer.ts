import type { Frame, ResponseHead } from "../context/index.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Target } from "../stream/index.ts";
import type { SimClock } from "./sim-clock.ts";

/** A request as a simulated peer sees it. */
export interface SimRequest {
  readonly method: string;
  /** Path and query, with one leading slash. */
  readonly path: string;
  /** Values by name in lower case; of several the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly target: Target;
}

/** What a simulated peer answers. */
export interface SimResponse {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** In pieces where it is a list; each piece is one call of the reader. Default: nothing. */
  readonly payload?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Milliseconds that the peer thinks before its head. Default: 0. */
  readonly after?: Millis;
  /** Milliseconds between pieces. Default: 0. */
  readonly pace?: Millis;
  /** After the payload: `complete` (default), `cut` closes the connection instead, `hang` says nothing more. */
  readonly end?: "complete" | "cut" | "hang";
}

/** A message as a simulated peer sees it. */
export interface SimMessage {
  readonly payload: Uint8Array;
  readonly start: boolean;
  readonly end: boolean;
  readonly binary: boolean | undefined;
  readonly topic: string | undefined;
  /** mqtt: sent before on an earlier connection. */
  readonly repeated: boolean;
  readonly at: Millis;
}

/** What a simulated peer does with a message. mqtt of QoS 1 and 2 alone has an answer. */
export type SimVerdict = "acknowledge" | "refuse" | "ignore";

/** One open connection, from the peer's side. */
export interface SimConnection {
  readonly target: Target;
  /** Sends to the program; waits where its reader has asked for no more. */
  send(payload: string | Uint8Array, frame?: Partial<Frame>): void;
  /** Ends the connection. Default: as a peer that closes it. */
  close(reason?: Reason): void;
}

export interface PeerOptions {
  /** Milliseconds for one way; a function is asked for each connection. Default: 1. */
  readonly latency?: Millis | (() => Millis);
  /** Answers a request of h1 and h2. Default: 200 without payload. */
  readonly http?: (request: SimRequest) => SimResponse;
  /** Takes a message of ws, mqtt and raw. Default: it is acknowledged. */
  readonly message?: (message: SimMessage, connection: SimConnection) => SimVerdict | undefined;
  /** A connection of ws, mqtt or raw is up. */
  readonly connected?: (connection: SimConnection) => void;
  /** Headers of the 101 of ws. */
  readonly upgrade?: ResponseHead;
}

/** One disturbance of an outage schedule. */
export interface Outage {
  /** When it begins, on the simulation's clock. */
  readonly at: Millis;
  readonly span: Millis;
  /** `refuse` (default), `silence`, or `slam`. */
  readonly how?: "refuse" | "silence" | "slam";
}

/** How a peer treats those who come. */
export type PeerMode =
  | { readonly name: "up" }
  | { readonly name: "failing"; readonly reason: Reason }
  | { readonly name: "silent" }
  | { readonly name: "slamming"; readonly after: Millis };

const UP: PeerMode = { name: "up" };
export const REFUSED: Reason = {
  layer: "tcp",
  code: "connection-refused",
  message: "The peer refused the connection",
};
export const RESET: Reason = {
  layer: "tcp",
  code: "connection-reset",
  message: "The peer reset the connection",
};
export const HUNG_UP: Reason = {
  layer: "tcp",
  code: "connection-closed",
  message: "The peer closed the connection",
};

/** A scripted peer behind one endpoint. */
export class SimPeer {
  /** `host:port`, or the path of a Unix socket. */
  readonly name: string;
  readonly options: PeerOptions;
  readonly #clock: SimClock;
  readonly #connections = new Set<SimConnection>();
  readonly #attempts: Millis[] = [];
  #mode: PeerMode = UP;
  #held = false;
  readonly #drains = new Set<() => void>();

  constructor(name: string, clock: SimClock, options: PeerOptions) {
    this.name = name;
    this.options = options;
    this.#clock = clock;
  }

  get mode(): PeerMode {
    return this.#mode;
  }

  /** When connections were asked for, refused ones too. */
  get attempts(): readonly Millis[] {
    return this.#attempts;
  }

  /** Connections that are up. */
  get connections(): ReadonlySet<SimConnection> {
    return this.#connections;
  }

  /** It answers, from now on. */
  restore(): void {
    this.#mode = UP;
  }

  /** It resets what is open and refuses what comes, from now on. */
  refuse(reason: Reason = REFUSED): void {
    this.#mode = { name: "failing", reason };
    this.cut();
  }

  /** It says nothing more, neither to those who come nor to those who are connected. */
  silence(): void {
    this.#mode = { name: "silent" };
  }

  /** It accepts those who come and closes them `after` so long, without a word. */
  slam(after: Millis = 0): void {
    this.#mode = { name: "slamming", after };
    this.cut(HUNG_UP);
  }

  /** Ends every open connection and takes new ones. */
  cut(reason: Reason = RESET): void {
    for (const connection of [...this.#connections]) connection.close(reason);
  }

  /** It reads no messages until `release`: senders meet back-pressure. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const drain of [...this.#drains]) drain();
  }

  /** Plans disturbances; after each the peer is restored. */
  outages(schedule: readonly Outage[]): void {
    for (const { at, span, how = "refuse" } of schedule) {
      this.#clock.wake(at, () => this.#disturb(how));
      this.#clock.wake(at + span, () => this.restore());
    }
  }

  /** @internal */
  get isHeld(): boolean {
    return this.#held;
  }

  /** @internal Someone asks for a connection. Gives the milliseconds of one way. */
  attempted(): Millis {
    this.#attempts.push(this.#clock.now());
    const { latency = 1 } = this.options;
    return typeof latency === "number" ? latency : latency();
  }

  /** @internal */
  add(connection: SimConnection, drain: () => void): () => void {
    this.#connections.add(connection);
    this.#drains.add(drain);
    return () => {
      this.#connections.delete(connection);
      this.#drains.delete(drain);
    };
  }

  #disturb(how: "refuse" | "silence" | "slam"): void {
    if (how === "refuse") this.refuse();
    else if (how === "silence") this.silence();
    else this.slam();
  }
}
