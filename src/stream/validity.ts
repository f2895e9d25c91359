import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";

/** When to doubt a silent connection, both counted from the last sign of life. Policy: `svalidping`, `svalidhup`. */
export interface ValidityOptions {
  /** Silence before the protocol's own probe is sent; undefined sends none. No probe comes at or after `hangup`. */
  readonly ping: Millis | undefined;
  /** Silence before the connection is closed; undefined never closes. */
  readonly hangup: Millis | undefined;
}

/** `alive`: the peer proved that it lives: a pong, a PING acknowledged, bytes received. */
export type ValidityInput = { readonly type: "alive" };

/** `probe`: send the protocol's probe. `hang-up`: close with `validity-timeout`; the last output. */
export type ValidityOutput = { readonly type: "probe" } | { readonly type: "hang-up" };

const NOTHING: readonly ValidityOutput[] = [];
const PROBE: readonly ValidityOutput[] = [{ type: "probe" }];
const HANG_UP: readonly ValidityOutput[] = [{ type: "hang-up" }];

/**
 * Watches one connection for signs of life. `alive` is cheap and only moves the deadline away, so a driver may leave
 * its timer where it is and ask for the deadline when the timer fires. Without a hang-up the probe repeats.
 */
export class Validity implements Machine<ValidityInput, ValidityOutput> {
  readonly #ping: Millis;
  readonly #hangup: Millis;
  #alive: Millis;
  #probe: Millis;
  #isOver = false;

  /** The connection is alive at `now`. */
  constructor(options: ValidityOptions, now: Millis) {
    this.#hangup = options.hangup ?? NEVER;
    const ping = options.ping ?? NEVER;
    this.#ping = ping < this.#hangup ? ping : NEVER;
    this.#alive = now;
    this.#probe = now + this.#ping;
  }

  get deadline(): Millis {
    return this.#isOver ? NEVER : Math.min(this.#probe, this.#alive + this.#hangup);
  }

  handle(input: ValidityInput | Timeout, now: Millis): readonly ValidityOutput[] {
    if (this.#isOver) return NOTHING;
    if (input.type === "alive") {
      this.#alive = now;
      this.#probe = now + this.#ping;
      return NOTHING;
    }
    if (this.#alive + this.#hangup <= now) {
      this.#isOver = true;
      return HANG_UP;
    }
    if (this.#probe > now) return NOTHING;
    this.#probe = this.#hangup === NEVER ? now + this.#ping : NEVER;
    return PROBE;
  }
}
