import { type Machine, TIMEOUT, type Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import type { Clock } from "./ports.ts";

/** What a driver needs of a machine beyond its contract. */
export interface Driven<Input, Output> extends Machine<Input, Output> {
  /** Whether the process should stay alive for the present deadline. */
  readonly holdsProcess?: boolean;
}

interface Armed {
  readonly at: Millis;
  readonly holds: boolean;
  readonly cancel: () => void;
}

/**
 * Runs one machine: one input queue, one timer. Inputs that arrive while outputs are performed wait their turn, so a
 * listener may call back into the machine's owner at any moment.
 */
export class Driver<Input, Output> {
  readonly #machine: Driven<Input, Output>;
  readonly #clock: Clock;
  readonly #perform: (output: Output) => void;
  readonly #queue: (Input | Timeout)[] = [];
  #running = false;
  #armed: Armed | undefined;

  constructor(machine: Driven<Input, Output>, clock: Clock, perform: (output: Output) => void) {
    this.#machine = machine;
    this.#clock = clock;
    this.#perform = perform;
  }

  feed(input: Input | Timeout): void {
    if (this.#running) {
      this.#queue.push(input);
      return;
    }
    this.#running = true;
    try {
      this.#take(input);
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) this.#take(next);
    } finally {
      this.#running = false;
      this.#arm();
    }
  }

  /** The machine has ended: a timer that was left alone goes, and with it all that it holds. */
  stop(): void {
    this.#armed?.cancel();
    this.#armed = undefined;
  }

  #take(input: Input | Timeout): void {
    for (const output of this.#machine.handle(input, this.#clock.now())) this.#perform(output);
  }

  /** An armed timer that is too early is left alone: an early timeout does nothing, and re-arming costs. */
  #arm(): void {
    const at = this.#machine.deadline;
    const holds = this.#machine.holdsProcess ?? true;
    const armed = this.#armed;
    if (armed !== undefined) {
      if (at === NEVER ? !armed.holds : armed.at <= at && armed.holds === holds) return;
      armed.cancel();
      this.#armed = undefined;
    }
    if (at === NEVER) return;
    const cancel = this.#clock.wake(at, () => this.#wake(), holds);
    this.#armed = { at, holds, cancel };
  }

  #wake(): void {
    this.#armed = undefined;
    this.feed(TIMEOUT);
  }
}
