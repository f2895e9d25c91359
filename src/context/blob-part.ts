import type { Blobs } from "../system/index.ts";
import type { Context } from "./context.ts";
import { identityOf } from "./identity.ts";
import type { SystemPart } from "./system-part.ts";

export interface BlobPartOptions {
  readonly blobs: Blobs;
  /** Contexts whose identity is that of the blobs. */
  readonly contexts: readonly Context[];
  /** Calls when the blob `ntp-server` is another, with its value. */
  readonly timeServer?: (server: string | undefined) => void;
}

/** Lets what is set later take effect: a token that was fetched, a certificate that was renewed. Holds nothing. */
export class BlobPart implements SystemPart {
  readonly name = "blobs";
  readonly #options: BlobPartOptions;
  #timeServer: string | undefined;

  constructor(options: BlobPartOptions) {
    this.#options = options;
    this.#timeServer = options.blobs.text("ntp-server");
  }

  start(): () => void {
    // What was set while the policy was read.
    this.#apply();
    return this.#options.blobs.watch(() => this.#apply());
  }

  #apply(): void {
    const { blobs, contexts, timeServer } = this.#options;
    for (const context of contexts) context.replaceIdentity(identityOf(blobs));
    const server = blobs.text("ntp-server");
    if (server === this.#timeServer) return;
    this.#timeServer = server;
    timeServer?.(server);
  }
}
