import { TIMEOUT } from "../../../lib/machine.ts";
import { type Millis, NEVER } from "../../../lib/millis.ts";
import { Validity } from "../../../stream/index.ts";

export interface ValidityWatchOptions {
  readonly probe: () => void;
  readonly hangUp: () => void;
}

/** Drives the Validity of one connection while there is work on it. */
export class ValidityWatch {
  readonly #options: ValidityWatchOptions;
  #validity: Validity | undefined;
  #ping: Millis | undefined;
  #hangup: Millis | undefined;
  #timer: NodeJS.Timeout | undefined;

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
    this.#validity = new Validity({ ping: this.#ping, hangup: this.#hangup }, performance.now());
    this.#arm();
  }

  /** Bytes came. Cheap: the timer stays where it is and looks again when it fires. */
  alive(): void {
    if (this.#validity !== undefined) this.#validity.handle({ type: "alive" }, performance.now());
  }

  /** Counts again from now, also after the hang-up. */
  restart(): void {
    const { ping, hangup } = { ping: this.#ping, hangup: this.#hangup };
    this.stop();
    this.start(ping, hangup);
  }

  stop(): void {
    this.#validity = undefined;
    this.#ping = undefined;
    this.#hangup = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const deadline = this.#validity?.deadline ?? NEVER;
    if (deadline === NEVER) return;
    const wait = Math.min(Math.max(deadline - performance.now(), 1), 0x7fffffff);
    this.#timer = setTimeout(() => this.#fire(), wait).unref();
  }

  #fire(): void {
    for (const output of this.#validity?.handle(TIMEOUT, performance.now()) ?? []) {
      if (output.type === "probe") this.#options.probe();
      else this.#options.hangUp();
    }
    this.#arm();
  }
}
