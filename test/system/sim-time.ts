import type { TimeAnswer, TimePorts } from "../../src/context/time-part.ts";
import type { SimClock } from "../../src/testing/index.ts";
import { type ReplyFields, replyTo } from "../ntp/server.ts";

/** One simulated time server. */
export interface SimTimeServer {
  /** `silent` says nothing, `failing` is refused by its host. */
  mode: "up" | "silent" | "failing";
  /** What its clock is ahead of the truth. */
  error: number;
  fields: ReplyFields;
}

/** Time servers by address, names that lead to them, and a wall clock that may be wrong and may not be set. */
export class SimTime implements TimePorts {
  readonly servers = new Map<string, SimTimeServer>();
  readonly names = new Map<string, readonly string[]>();
  readonly asked: string[] = [];
  /** What the wall clock is ahead of the truth; the truth is the clock's own wall time. */
  error = 0;
  isPermitted = true;
  open = 0;
  readonly #clock: SimClock;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  server(address: string): SimTimeServer {
    const server: SimTimeServer = { mode: "up", error: 0, fields: {} };
    this.servers.set(address, server);
    return server;
  }

  truth(): number {
    return this.#clock.wall();
  }

  wall(): number {
    return this.truth() + this.error;
  }

  isAddress(text: string): boolean {
    return /^[\d.]+$/.test(text);
  }

  async lookup(host: string): Promise<readonly string[]> {
    const addresses = this.names.get(host);
    if (addresses === undefined) throw new Error(`no such name: ${host}`);
    return addresses;
  }

  ask(address: string, bytes: Uint8Array, events: TimeAnswer): { close(): void } {
    this.asked.push(address);
    this.open += 1;
    const { mode = "failing", error = 0, fields = {} } = this.servers.get(address) ?? {};
    const cancel = this.#clock.wake(this.#clock.now() + 10, () => {
      if (mode === "failing") events.failed();
      if (mode === "up") events.reply(replyTo(bytes, this.truth() - 5 + error, fields));
    });
    return {
      close: () => {
        this.open -= 1;
        cancel();
      },
    };
  }

  setClock(how: "step" | "slew", offset: number): boolean {
    if (this.isPermitted && how === "step") this.error += offset;
    return this.isPermitted;
  }
}
