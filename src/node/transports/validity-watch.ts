import type { Clock } from "../../context/index.ts";
import { TIMEOUT } from "../../lib/machine.ts";
import { type Millis, NEVER } from "../../lib/millis.ts";
import { Validity } from "../../stream/index.ts";

export interface ValidityWatchOptions {
  readonly clock: Clock;
  readonly probe: () => void;
  readonly hangUp: () => void;
}

/** Drives the Validity of one connection while there is work on it. */
export class ValidityWatch {
  readonly #options: ValidityWatchOptions;
  #validity: Validity | undefined;
  #ping: Millis | undefined;
  #hangup: Millis | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: ValidityWatchOptions) {
    this.#options = options;
  }

  /** From now on; of several calls on one connection the most anxious decides. */
  start(ping: Millis | undefined, hangup: Millis | undefined): void {
    if (ping === undefined && hangup === undefined) return;
    const isLess = (ping ?? NEVER) < (this.#ping ?? NEVER) || (hangup ?? NEVER) < (this.#hangup ?? NEVER);
    if (this.#validity !== undefined && !isLess) return;
    this.#ping = Math.min(ping ?? NEVER, this.#ping ?? NEVER);
    this.#hangup = Math.min(hangup ?? NEVER, this.#hangup ?? NEVER);
    this.#validity = new Validity({ ping: this.#ping, hangup: this.#hangup }, this.#options.clock.now());
    this.#arm();
  }

  /** Bytes came. Cheap: the timer stays where it is and looks again when it fires. */
  alive(): void {
    if (this.#validity !== undefined) this.#validity.handle({ type: "alive" }, this.#options.clock.now());
  }

  /** Counts again from now, also after the hang-up. */
  restart(): void {
    const [ping, hangup] = [this.#ping, this.#hangup];
    this.stop();
    this.start(ping, hangup);
  }

  stop(): void {
    this.#validity = undefined;
    this.#ping = undefined;
    this.#hangup = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const deadline = this.#validity?.deadline ?? NEVER;
    if (deadline === NEVER) return;
    this.#cancel = this.#options.clock.wake(deadline, () => this.#fire(), false);
  }

  #fire(): void {
    for (const output of this.#validity?.handle(TIMEOUT, this.#options.clock.now()) ?? []) {
      if (output.type === "probe") this.#options.probe();
      else this.#options.hangUp();
    }
    this.#arm();
  }
}
