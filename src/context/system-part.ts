import type { Random } from "../lib/random.ts";
import { type HoldableState, includes, type SystemState, stateBefore } from "../system/index.ts";
import type { MessageBus } from "./message-bus.ts";
import type { Clock } from "./ports.ts";
import type { SystemEventMap } from "./system-events.ts";

/**
 * Something that a state of the system may wait for: an address, the time, a policy. A part that is not among the
 * system's holds nothing.
 */
export interface SystemPart {
  readonly name: string;
  /** Called once, before the first step. Returns the way to end it. */
  start(host: PartHost): () => void | Promise<void>;
}

/** What a part sees of its system. */
export interface PartHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: MessageBus;
  readonly state: SystemState;
  /** A gate before `state`, closed at first. */
  gate(state: HoldableState, why: string): Gate;
  /** Calls with every state from now on, jumps too; ends with the system. */
  entered(listener: (state: SystemState) => void): void;
  /** Tells whoever listens to the system. */
  emit<Name extends keyof SystemEventMap>(name: Name, event: SystemEventMap[Name]): void;
  raise(error: unknown): void;
}

/** Holds a state while it is closed. */
export interface Gate {
  readonly isOpen: boolean;
  /** The state may be entered. */
  open(): void;
  /** It may not; where it has been, the system goes back. Again, it says another why. */
  close(why: string): void;
}

/** Calls `up` when the system comes to stand before `state`, and `down` when it falls below that. */
export function watchTurn(
  host: PartHost,
  state: HoldableState,
  turn: { readonly up: () => void; readonly down: () => void },
): void {
  const before = stateBefore(state);
  let isUp = false;
  host.entered((entered) => {
    const isNow = includes(entered, before);
    if (isNow === isUp || isBeside(entered)) return;
    isUp = isNow;
    if (isNow) turn.up();
    else turn.down();
  });
}

/** States that lie beside the way up say nothing about what lies below them. */
function isBeside(state: SystemState): boolean {
  return state === "POLICY_INVALID" || state === "AWAITING_MODAL_UPDATING" || state === "MODAL_UPDATING";
}

/**
 * A part that is nothing but up or down, and says so itself: a link, a lease, name servers, a registration, a
 * credential. `run` is called with the gate when the system starts and returns the way to end.
 */
export function createGatePart(
  options: { readonly name: string; readonly state: HoldableState; readonly why: string },
  run: (gate: Gate, host: PartHost) => (() => void | Promise<void>) | undefined,
): SystemPart {
  const { name, state, why } = options;
  return {
    name,
    start(host) {
      return run(host.gate(state, why), host) ?? (() => {});
    },
  };
}
