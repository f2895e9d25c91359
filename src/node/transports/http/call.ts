import type { ResponseHead } from "../../../context/index.ts";
import type { Reason } from "../../../lib/errors.ts";
import type { Target } from "../../../stream/index.ts";
import type { BodySource } from "./body-source.ts";

/** One request, ready for the wire. */
export interface HttpRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly authority: string;
  readonly path: string;
  /** Names in lower case alternating with values; no host, no content-length. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | BodySource | undefined;
  /** Bytes of known length are sent without saying so. Policy: `http_no_content_length`. */
  readonly noContentLength: boolean;
  /** Idle times after which a probe is sent and the connection is given up. Policy: `svalidping`, `svalidhup`. */
  readonly validityPing: number | undefined;
  readonly validityHangup: number | undefined;
}

/** What one request on one connection tells. `end` or `failed` comes exactly once unless it was aborted. */
export interface CallEvents {
  head(head: ResponseHead, peer: string): void;
  /** False asks for no more until `resume`. */
  data(chunk: Uint8Array): boolean;
  /** The response is whole. */
  end(): void;
  failed(fault: Fault): void;
}

export interface Fault {
  readonly reason: Reason;
  readonly progress: Progress;
  /** The connection had carried another request before: it may have died of old age. */
  readonly wasReused: boolean;
}

/**
 * How far a request got. `unsent`: no byte of it left. `unprocessed`: the peer says that it did nothing. `sent`: no
 * byte of an answer came. `answered`: some did.
 */
export type Progress = "unsent" | "unprocessed" | "sent" | "answered";

export interface Call {
  resume(): void;
  /** Gives it up; nothing is told any more. */
  abort(): void;
}

/** Carries calls over connections to the places they are for, and shares these. */
export interface Carrier {
  /** Starts a call. Calls nothing of `events` before it has returned. `isFresh` asks for a new connection. */
  call(target: Target, request: HttpRequest, events: CallEvents, isFresh: boolean): Call;
}
