import type { Blobs } from "../system/index.ts";
import type { Context } from "./context.ts";
import { identityOf } from "./identity.ts";
import type { PartHost, SystemPart } from "./system-part.ts";

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

  /** What is set in one turn takes effect together, in the next: a certificate is of no use without its key. */
  start({ clock }: PartHost): () => void {
    let callOff: (() => void) | undefined;
    const change = (): void => {
      callOff ??= clock.wake(
        clock.now(),
        () => {
          callOff = undefined;
          this.#apply();
        },
        true,
      );
    };
    const unwatch = this.#options.blobs.watch(change);
    // What was set while the policy was read.
    change();
    return () => {
      unwatch();
      callOff?.();
    };
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
