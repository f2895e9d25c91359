import type { Identity } from "../stream/index.ts";
import type { Handlers } from "./handlers.ts";
import type { PolicySource } from "./load-policy.ts";
import type { Abortable, Logger } from "./ports.ts";
import type { MetadataOf } from "./stream-options.ts";

export interface ContextOptions<P = PolicySource> {
  /**
   * A path, a URL, the JSON text itself (beginning with `{`), or an object such as `definePolicy` returns. Default: the
   * built-in policy, whose streamtype `__default` fetches from the host that its metadata `endpoint` names.
   */
  readonly policy?: P;
  /** What the program knows about itself: credentials, serial number, client certificates. Never logged. */
  readonly identity?: Identity;
  /** Shaped like pino's. Default: no log. */
  readonly logger?: Logger;
  /** Warnings of the policy are errors. Default: false. */
  readonly strict?: boolean;
}

export interface OpenOptions<Name extends string = string> {
  readonly metadata?: MetadataOf<Name>;
  /** Closes the stream when it fires. */
  readonly signal?: Abortable;
  /** On connections made for it, which no other stream shares. Default: false. */
  readonly alone?: boolean;
  /** The callback form. */
  readonly rx?: Handlers["rx"];
  readonly tx?: Handlers["tx"];
  readonly state?: Handlers["state"];
}
