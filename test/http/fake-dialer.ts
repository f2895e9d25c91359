import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { DialEvents } from "../../src/node/dialer/index.ts";
import type { DialerPort } from "../../src/node/transports/dialer-port.ts";

/** A peer in memory: what one writes the other reads, in the pieces it was written in. */
export class FakeSocket extends Duplex {
  readonly #onWritten: (socket: FakeSocket, bytes: Buffer) => void;

  constructor(onWritten: (socket: FakeSocket, bytes: Buffer) => void) {
    super();
    this.#onWritten = onWritten;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#onWritten(this, chunk);
    done();
  }
}

/** Gives every dial a peer in memory; `onWritten` plays its part. */
export class FakeDialer implements DialerPort {
  readonly #onWritten: (socket: FakeSocket, bytes: Buffer) => void;
  dials = 0;

  constructor(onWritten: (socket: FakeSocket, bytes: Buffer) => void) {
    this.#onWritten = onWritten;
  }

  dial(_: unknown, events: DialEvents): { cancel(): void } {
    this.dials++;
    const socket = new FakeSocket(this.#onWritten) as unknown as Socket;
    const timings = { dns: 0, connect: 0, tls: 0 };
    const info = { peer: "192.0.2.1:80", addresses: [], alpn: undefined, sessionReused: false, timings };
    queueMicrotask(() => events.connected(socket, info));
    return { cancel: () => undefined };
  }
}
