import type { Message, Payload, StateEvent } from "./events.ts";
import type { Stream } from "./stream.ts";

/** A callback's answer: hang up; the retry rules apply. */
export const DISCONNECT_ME = Symbol("disconnect me");

/** A callback's answer: end the stream for good. */
export const DESTROY_ME = Symbol("destroy me");

export type Verdict = typeof DISCONNECT_ME | typeof DESTROY_ME | undefined;

/** What `tx` has to send: a whole message, or one piece of one. As for `send()`, `start` and `end` are true by default. */
export type Piece = Payload | { readonly payload: Payload; readonly start?: boolean; readonly end?: boolean };

/**
 * The callback form, for people who come from libwebsockets: pass it to `context.open`. `tx` is called once for each
 * `stream.requestTx()` when the connection takes more; for h1 and h2 it is called for the body until a piece is
 * its `end`. Nothing to send is undefined. Each is given its stream: the states `creating` and, nailed up, `connecting` come
 * while `open` has not returned yet.
 */
export interface Handlers {
  rx?(message: Message, stream: Stream): Verdict;
  tx?(stream: Stream): Piece | Verdict;
  state?(event: StateEvent, stream: Stream): Verdict;
}
