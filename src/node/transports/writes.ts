import type { Socket } from "node:net";
import type { Settled } from "../../context/index.ts";
import type { Reason } from "../../lib/errors.ts";

export type Settle = (outcome: Settled) => void;

const WRITTEN: Settled = { type: "acknowledged", by: "kernel" };

/**
 * What one connection writes. All that is written in one turn of the event loop leaves in one system call; a message
 * settles when the kernel has taken it, or is lost with the reason of the connection's end.
 */
export class Writes {
  readonly #socket: Socket;
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };
  #isCorked = false;
  #lost: Settle[] = [];
  #end: Reason | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** False asks to wait for the socket's "drain". */
  get hasRoom(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  /** Nothing can be written any more. */
  get isOver(): boolean {
    return this.#socket.writableEnded || this.#socket.destroyed;
  }

  /** Gathers what is written until the end of this turn. */
  gather(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(this.#uncork);
  }

  /** The callback of the write that carries a message. */
  settling(settle: Settle): (error?: Error | null) => void {
    return (error) => {
      // Node reports success for a write that was under way when the socket was destroyed.
      if (!error && !this.#socket.destroyed) settle(WRITTEN);
      else this.lose(settle);
    };
  }

  /** The message is lost with the connection: settles once `end` has said why. */
  lose(settle: Settle): void {
    if (this.#end === undefined) this.#lost.push(settle);
    else settle({ type: "lost", reason: this.#end });
  }

  /** The connection ended with `reason`. */
  end(reason: Reason): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    const lost = this.#lost;
    this.#lost = [];
    for (const settle of lost) settle({ type: "lost", reason });
  }
}
