import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Dial, DialEvents } from "../src/node/dialer/index.ts";
import type { DialerPort } from "../src/node/transports/dialer-port.ts";

type Done = (error?: Error | null) => void;

/** What a peer does once it has sent its share. */
export type Cut = { readonly after: number; readonly how: "end" | "reset" };

/** One end of a connection in memory, with a socket's back-pressure: a write is done when the other end wants more. */
class MemorySocket extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  bytesRead = 0;
  bytesWritten = 0;
  other: MemorySocket | undefined;
  /** Takes all that is written and passes on nothing: a cable was pulled. */
  isFrozen = false;
  cut: Cut | undefined;
  #held: Done | undefined;
  #writing: Done | undefined;
  #isDone = false;

  override _read(): void {
    const done = this.#held;
    this.#held = undefined;
    if (done !== undefined) setImmediate(done);
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#pass(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#pass(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: Done): void {
    if (!this.isFrozen) setImmediate(() => this.other?.finish());
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    if (!this.isFrozen) setImmediate(() => this.other?.finish());
    this.#held?.();
    this.#writing?.(Object.assign(new Error("write ECANCELED"), { code: "ECANCELED" }));
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** As of net.Socket: ends, and is gone once all is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  /** The other end has said its last. */
  finish(how: Cut["how"] = "end"): void {
    if (this.#isDone || this.destroyed) return;
    this.#isDone = true;
    if (how === "end") this.push(null);
    else this.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
  }

  /** A write under way ends once: when the other end has taken it, or cancelled when this end is destroyed. */
  #once(done: Done): Done {
    const writing: Done = (error) => {
      if (this.#writing !== writing) return;
      this.#writing = undefined;
      done(error);
    };
    this.#writing = writing;
    return writing;
  }

  #pass(chunk: Buffer, written: Done): void {
    const done = this.#once(written);
    const { other, cut } = this;
    if (other === undefined || this.isFrozen) {
      this.bytesWritten += chunk.length;
      done();
      return;
    }
    const room = cut === undefined ? chunk.length : Math.max(0, cut.after - this.bytesWritten);
    const part = chunk.subarray(0, room);
    this.bytesWritten += part.length;
    setImmediate(() => {
      if (part.length > 0) other.#take(part, done);
      else done();
      if (cut !== undefined && this.bytesWritten >= cut.after) setImmediate(() => other.finish(cut.how));
    });
  }

  #take(part: Buffer, done: Done): void {
    if (this.#isDone || this.destroyed) {
      done();
      return;
    }
    this.bytesRead += part.length;
    if (this.push(part)) done();
    else this.#held = done;
  }
}

/** A connection in memory. */
export class MemoryPair {
  readonly client = new MemorySocket({ allowHalfOpen: false });
  readonly server = new MemorySocket({ allowHalfOpen: true });

  /** The server sends `cut.after` bytes in all. */
  constructor(cut?: Cut) {
    this.client.other = this.server;
    this.server.other = this.client;
    this.server.cut = cut;
    this.server.on("error", () => undefined);
    if (cut?.after === 0) setImmediate(() => setImmediate(() => this.client.finish(cut.how)));
  }

  /** Nothing passes any more, in either direction. */
  freeze(): void {
    this.client.isFrozen = true;
    this.server.isFrozen = true;
  }
}

export interface MemoryDialerOptions {
  /** The peer's part; without it no dial is ever answered. */
  readonly accept?: ((server: Duplex, pair: MemoryPair) => void) | undefined;
  readonly cut?: Cut | undefined;
}

/** Gives every dial a connection in memory. */
export class MemoryDialer implements DialerPort {
  readonly #options: MemoryDialerOptions;
  readonly pairs: MemoryPair[] = [];
  dials = 0;
  cancelled = 0;

  constructor(options: MemoryDialerOptions) {
    this.#options = options;
  }

  dial(_: unknown, events: DialEvents): Dial {
    const { accept, cut } = this.#options;
    let isPending = true;
    this.dials++;
    if (accept !== undefined) {
      setImmediate(() => {
        if (!isPending) return;
        isPending = false;
        const pair = new MemoryPair(cut);
        this.pairs.push(pair);
        accept(pair.server, pair);
        events.connected(pair.client as unknown as Socket, {
          peer: "192.0.2.1:80",
          addresses: ["192.0.2.1"],
          alpn: undefined,
          sessionReused: false,
          timings: { dns: 0, connect: 0, tls: 0 },
        });
      });
    }
    return {
      cancel: () => {
        if (isPending) this.cancelled++;
        isPending = false;
      },
    };
  }

  /** Whether no connection has an end that is still open on our side. */
  get isClear(): boolean {
    return this.pairs.every(({ client }) => client.destroyed);
  }
}
