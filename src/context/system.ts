import { SecureStreamsError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import {
  type BusOptions,
  type Hold,
  type HoldableState,
  type HoldId,
  includes,
  type ManagerInput,
  type ManagerOutput,
  type ModalState,
  SystemManager,
  type SystemState,
  stateMessage,
} from "../system/index.ts";
import { Driver } from "./driver.ts";
import { Listeners } from "./listeners.ts";
import { MessageBus } from "./message-bus.ts";
import type { Abortable, Clock, Logger } from "./ports.ts";
import type { SystemEventMap } from "./system-events.ts";
import type { Gate, PartHost, SystemPart } from "./system-part.ts";

/** The world as a system sees it; its parts bring their own. */
export interface SystemPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** A listener of the program threw. */
  raise(error: unknown): void;
}

export interface SystemOptions {
  /** What the states wait for. A part that is not named holds nothing. */
  readonly parts?: readonly SystemPart[];
  /** How far to go. Default: OPERATIONAL. */
  readonly target?: HoldableState;
  readonly bus?: BusOptions;
  readonly logger?: Logger;
}

/** Somebody who is asked before each step, and told after it. */
export interface SystemNotifier {
  readonly name: string;
  /** Why `to` may not be entered yet; undefined where it may. Call `system.retry()` when that changes. */
  ask?(from: SystemState, to: HoldableState): string | undefined;
  told?(event: SystemEventMap["state"]): void;
}

type Emitters = { readonly [Name in keyof SystemEventMap]: Listeners<SystemEventMap[Name]> };

/** The states of a device from start to OPERATIONAL, what holds them, and what is told about them. */
export class System {
  readonly bus: MessageBus;
  readonly #ports: SystemPorts;
  readonly #logger: Logger | undefined;
  readonly #manager = new SystemManager();
  readonly #driver: Driver<ManagerInput, ManagerOutput>;
  readonly #emitters: Emitters = {
    state: new Listeners(),
    held: new Listeners(),
    cpd: new Listeners(),
    time: new Listeners(),
    policy: new Listeners(),
    network: new Listeners(),
  };
  readonly #notifiers = new Set<SystemNotifier>();
  readonly #endings: (() => void | Promise<void>)[] = [];
  #lastHold: HoldId = 0;
  #stopped: Promise<void> | undefined;

  /** @internal Use `createSystemOver()`. */
  constructor(ports: SystemPorts, { parts = [], target, bus, logger }: SystemOptions) {
    this.#ports = ports;
    this.#logger = logger;
    this.bus = new MessageBus(ports.clock, ports.raise, bus);
    this.#driver = new Driver(this.#manager, ports.clock, (output) => this.#perform(output));
    if (target !== undefined) this.setTarget(target);
    for (const part of parts) this.#endings.push(part.start(this.#hostFor(part.name)));
    // In a turn of its own, so that the program can register what it wants to hold before the first step.
    const cancel = ports.clock.wake(ports.clock.now(), () => this.#driver.feed({ type: "start" }), true);
    this.#endings.push(cancel);
  }

  get state(): SystemState {
    return this.#manager.state;
  }

  /** Who holds which state, why, and since when; in the order of the states. */
  get heldBy(): readonly Hold[] {
    return this.#manager.heldBy;
  }

  /** How far to go. A state below the present one leads back to it. */
  setTarget(state: HoldableState): void {
    this.#driver.feed({ type: "target", state });
  }

  /** Keeps `state` from being entered, or leads back below it, until the returned function is called. */
  hold(state: HoldableState, by: string, why: string): () => void {
    this.#lastHold += 1;
    const hold = this.#lastHold;
    this.#driver.feed({ type: "hold", hold, state, by, why });
    return () => this.#driver.feed({ type: "release", hold });
  }

  /** Adds somebody who is asked and told, until the returned function is called. Later ones are asked first. */
  notify(notifier: SystemNotifier): () => void {
    this.#notifiers.add(notifier);
    return () => {
      this.#notifiers.delete(notifier);
      this.retry();
    };
  }

  /** Asks the notifiers again. */
  retry(): void {
    this.#driver.feed({ type: "retry" });
  }

  /** Leaves OPERATIONAL for an update, or goes on with it. Throws UsageError from another state. */
  enterModal(state: ModalState, reason: string): void {
    this.#driver.feed({ type: "modal", state, reason });
  }

  /** Comes back from an update, as high as the holds allow. */
  leaveModal(reason: string): void {
    this.#driver.feed({ type: "resume", reason });
  }

  /**
   * Resolves when `state` is reached: entered, or passed on the way up. Rejects with the signal's reason, or with
   * `closed` when the system is stopped first.
   */
  reached(state: SystemState, options: { readonly signal?: Abortable } = {}): Promise<void> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (includes(this.state, state)) return Promise.resolve();
    if (this.#stopped !== undefined) return Promise.reject(stoppedBefore(state));
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        remove();
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        leave();
        reject(signal?.reason);
      };
      const remove = this.#emitters.state.add((event) => {
        const isReached = includes(event.state, state);
        if (!isReached && event.state !== "CONTEXT_DESTROYING") return;
        leave();
        if (isReached) resolve();
        else reject(stoppedBefore(state));
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Calls `listener` with each event of that name, until the returned function is called. */
  on<Name extends keyof SystemEventMap>(
    name: Name,
    listener: (event: SystemEventMap[Name]) => void,
  ): () => void {
    return this.#emitters[name].add(listener);
  }

  /** Ends the parts, the last first, and tells DESTROYING. Resolves when all have ended. */
  stop(reason = "The program stops"): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(reason: string): Promise<void> {
    this.#driver.feed({ type: "destroy", reason });
    for (const end of this.#endings.reverse()) {
      try {
        await end();
      } catch (error) {
        this.#ports.raise(error);
      }
    }
  }

  #perform(output: ManagerOutput): void {
    if (output.type === "ask") {
      this.#driver.feed({ type: "answer", step: output.step, vetoes: this.#vetoes(output) });
      return;
    }
    if (output.type === "held") {
      const { state, heldBy } = output;
      this.#logger?.info({ state, heldBy }, "system.held");
      this.#emit("held", { state, heldBy });
      return;
    }
    const { state, number, previous, reason } = output;
    const event = { state, number, previous, reason };
    this.#logger?.info(event, "system.state");
    for (const notifier of [...this.#notifiers]) this.#guard(() => notifier.told?.(event));
    this.#emit("state", event);
    this.bus.send(stateMessage(state));
  }

  #vetoes({ from, to }: Extract<ManagerOutput, { type: "ask" }>): { by: string; why: string }[] {
    return [...this.#notifiers].reverse().flatMap((notifier) => {
      // Whoever throws has not said yes.
      const why = this.#guard(() => notifier.ask?.(from, to), "it failed");
      return why === undefined ? [] : [{ by: notifier.name, why }];
    });
  }

  #guard<Value>(call: () => Value, otherwise?: Value): Value | undefined {
    try {
      return call();
    } catch (error) {
      this.#ports.raise(error);
      return otherwise;
    }
  }

  #emit<Name extends keyof SystemEventMap>(name: Name, event: SystemEventMap[Name]): void {
    this.#emitters[name].emit(event, this.#ports.raise);
  }

  #hostFor(name: string): PartHost {
    const { clock, random, raise } = this.#ports;
    const system = this;
    return {
      clock,
      random,
      bus: this.bus,
      get state() {
        return system.state;
      },
      gate: (state, why) => this.#gate(state, name, why),
      entered: (listener) => {
        this.on("state", ({ state }) => listener(state));
      },
      emit: (event, what) => {
        this.#logger?.info(what as object, `system.${event}`);
        this.#emit(event, what);
      },
      raise,
    };
  }

  #gate(state: HoldableState, by: string, why: string): Gate {
    this.#lastHold += 1;
    const hold = this.#lastHold;
    let isOpen = true;
    const close = (reason: string): void => {
      isOpen = false;
      this.#driver.feed({ type: "hold", hold, state, by, why: reason });
    };
    close(why);
    return {
      get isOpen() {
        return isOpen;
      },
      close,
      open: () => {
        isOpen = true;
        this.#driver.feed({ type: "release", hold });
      },
    };
  }
}

/** A system over `ports`: it begins to step in the next turn, and goes as far as its parts and the program's holds let it. */
export function createSystemOver(ports: SystemPorts, options: SystemOptions = {}): System {
  return new System(ports, options);
}

function stoppedBefore(state: SystemState): SecureStreamsError {
  return new SecureStreamsError({
    layer: "system",
    code: "closed",
    message: `The system was stopped before it was ${state}`,
  });
}
