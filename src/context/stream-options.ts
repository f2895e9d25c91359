import type { Millis } from "../lib/millis.ts";
import type { Body } from "./events.ts";
import type { Abortable } from "./ports.ts";

/** Values by metadata name; where a streamtype has no metadata, nothing at all. */
export type MetadataOf<Name extends string> = [Name] extends [never]
  ? Readonly<Record<string, never>>
  : Partial<Readonly<Record<Name, string>>>;

export interface RequestOptions<Name extends string = string> {
  /** What to send. Text and bytes have a known length; an iterable is sent in pieces as it comes. */
  readonly payload?: Body;
  /** Metadata for this transaction alone, over that of the stream. */
  readonly metadata?: MetadataOf<Name>;
  readonly signal?: Abortable;
  /** Milliseconds until the transaction is given up, retries included; 0 is never. Default: the policy's `timeout_ms`. */
  readonly timeout?: Millis;
}

export interface MessageOptions {
  /** ws, mqtt: whether this piece begins and ends a message. Default: both. */
  readonly start?: boolean;
  readonly end?: boolean;
  /** ws: binary or text, over the policy's `ws_binary`. */
  readonly binary?: boolean;
}
