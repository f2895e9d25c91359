import { UsageError } from "../lib/errors.ts";
import type { Machine, Timeout } from "../lib/machine.ts";
import { type Millis, NEVER } from "../lib/millis.ts";
import { unreachable } from "../lib/unreachable.ts";
import type { Hold, HoldId, ManagerInput, ManagerOutput, ModalState, StepId, Veto } from "./manager-words.ts";
import {
  type HoldableState,
  includes,
  mayEnter,
  SYSTEM_STATES,
  type SystemState,
  stateBefore,
  WAY_UP,
} from "./states.ts";

const NOTHING: readonly ManagerOutput[] = [];

interface Asked {
  readonly step: StepId;
  readonly to: HoldableState;
}

/**
 * Walks the system up its states, one at a time, each as soon as nothing holds it and no notifier objects; and back as
 * soon as something holds a state that it has passed.
 */
export class SystemManager implements Machine<ManagerInput, ManagerOutput> {
  #state: SystemState = "CONTEXT_CREATED";
  #target: HoldableState = "OPERATIONAL";
  #isStarted = false;
  readonly #holds = new Map<HoldId, Hold>();
  /** What notifiers said to the next state, until they are asked again. */
  #vetoes: readonly Hold[] = [];
  /** Since when which notifier objects to the next state, over all times it is asked. */
  #objecting: ReadonlyMap<string, Millis> = new Map();
  #asked: Asked | undefined;
  #lastStep: StepId = 0;
  #told = "";
  #outputs: ManagerOutput[] = [];
  /** Nothing here waits for time. */
  readonly deadline: Millis = NEVER;

  get state(): SystemState {
    return this.#state;
  }

  get target(): HoldableState {
    return this.#target;
  }

  /** Every hold there is, of the next state and of later ones, in the order of the states. */
  get heldBy(): readonly Hold[] {
    return [...this.#holds.values(), ...this.#vetoes].sort(
      (a, b) => numberOf(a.state) - numberOf(b.state) || a.since - b.since,
    );
  }

  handle(input: ManagerInput | Timeout, now: Millis): readonly ManagerOutput[] {
    if (input.type === "timeout" || this.#state === "CONTEXT_DESTROYING") return NOTHING;
    this.#outputs = [];
    this.#take(input, now);
    this.#settle();
    return this.#outputs;
  }

  #take(input: ManagerInput, now: Millis): void {
    switch (input.type) {
      case "start":
        if (!this.#isStarted) this.#report(undefined, undefined);
        this.#isStarted = true;
        return;
      case "target":
        this.#target = input.state;
        this.#asked = undefined;
        if (numberOf(this.#state) > numberOf(input.state) && includes(this.#state, input.state)) {
          this.#enter(input.state, `The target is now ${input.state}`);
        }
        return;
      case "hold": {
        const { state, by, why } = input;
        const old = this.#holds.get(input.hold);
        this.#holds.set(input.hold, { state, by, why, since: old?.since ?? now });
        this.#fallBack();
        return;
      }
      case "release":
        this.#holds.delete(input.hold);
        return;
      case "answer":
        this.#answer(input.step, input.vetoes, now);
        return;
      case "retry":
        this.#vetoes = [];
        return;
      case "modal":
        this.#enter(input.state, input.reason);
        return;
      case "resume":
        if (isModal(this.#state)) this.#enter(this.#highest(), input.reason);
        return;
      case "destroy":
        this.#enter("CONTEXT_DESTROYING", input.reason);
        return;
      default:
        unreachable(input);
    }
  }

  #answer(step: StepId, vetoes: readonly Veto[], now: Millis): void {
    const asked = this.#asked;
    if (asked?.step !== step) return;
    this.#asked = undefined;
    const { to } = asked;
    if (vetoes.length === 0) {
      if (!this.#isHeld(to)) this.#enter(to, undefined);
      return;
    }
    this.#vetoes = vetoes.map(({ by, why }) => ({
      state: to,
      by,
      why,
      since: this.#objecting.get(by) ?? now,
    }));
    this.#objecting = new Map(this.#vetoes.map(({ by, since }) => [by, since]));
  }

  /** Where a state that has been passed is held, back to the one before it. */
  #fallBack(): void {
    const lowest = this.#lowestHold();
    if (lowest === undefined || !includes(this.#state, lowest.state)) return;
    const reason = `${lowest.by}: ${lowest.why}`;
    if (lowest.state === "POLICY_VALID") this.#enter("POLICY_INVALID", reason);
    this.#enter(stateBefore(lowest.state), reason);
  }

  #highest(): SystemState {
    const lowest = this.#lowestHold();
    if (lowest === undefined || numberOf(lowest.state) > numberOf(this.#target)) return this.#target;
    return stateBefore(lowest.state);
  }

  #lowestHold(): Hold | undefined {
    let lowest: Hold | undefined;
    for (const hold of this.#holds.values()) {
      if (lowest === undefined || numberOf(hold.state) < numberOf(lowest.state)) lowest = hold;
    }
    return lowest;
  }

  /** Asks for the next step, or tells what holds it. */
  #settle(): void {
    const to = this.#next();
    if (to === undefined || this.#asked !== undefined) return;
    const heldBy = this.heldBy.filter(({ state }) => state === to);
    const told = JSON.stringify(heldBy);
    if (heldBy.length > 0) {
      if (told !== this.#told) this.#outputs.push({ type: "held", state: to, heldBy });
      this.#told = told;
      return;
    }
    this.#lastStep += 1;
    this.#asked = { step: this.#lastStep, to };
    this.#outputs.push({ type: "ask", step: this.#lastStep, from: this.#state, to, target: this.#target });
  }

  #next(): HoldableState | undefined {
    if (!this.#isStarted || this.#state === this.#target) return undefined;
    return SYSTEM_STATES[this.#state].step as HoldableState | undefined;
  }

  #isHeld(wanted: HoldableState): boolean {
    return [...this.#holds.values()].some(({ state }) => state === wanted);
  }

  #enter(next: SystemState, reason: string | undefined): void {
    const previous = this.#state;
    if (previous === next) return;
    if (!mayEnter(previous, next)) {
      throw new UsageError(`Cannot enter ${next}: ${previous} does not lead there`, "usage", "system");
    }
    this.#state = next;
    this.#asked = undefined;
    this.#vetoes = [];
    this.#objecting = new Map();
    this.#told = "";
    this.#report(previous, reason);
  }

  #report(previous: SystemState | undefined, reason: string | undefined): void {
    const { number } = SYSTEM_STATES[this.#state];
    this.#outputs.push({ type: "entered", state: this.#state, number, previous, reason });
  }
}

function numberOf(state: SystemState): number {
  return SYSTEM_STATES[state].number;
}

function isModal(state: SystemState): state is ModalState {
  return !(WAY_UP as readonly SystemState[]).includes(state);
}
