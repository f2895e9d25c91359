import type { Millis } from "../lib/millis.ts";
import type { HoldableState, SystemState } from "./states.ts";

/** One hold; unique in its manager. */
export type HoldId = number;

/** One question to the notifiers whether a state may be entered. */
export type StepId = number;

/** Who keeps which state from being entered, why, and since when. */
export interface Hold {
  readonly state: HoldableState;
  readonly by: string;
  readonly why: string;
  /** On the monotonic clock. */
  readonly since: Millis;
}

/** A notifier's no to a step. */
export interface Veto {
  readonly by: string;
  readonly why: string;
}

/** Modal states, entered and left by the program alone. */
export type ModalState = "AWAITING_MODAL_UPDATING" | "MODAL_UPDATING";

export type ManagerInput =
  /** Reports the first state and begins to step. */
  | { readonly type: "start" }
  /** How far to go; at first OPERATIONAL. A lower one than the present leads back. */
  | { readonly type: "target"; readonly state: HoldableState }
  /** `state` is not to be entered; where it has been, the system goes back to the state before it. The same id again
   * says another why. */
  | {
      readonly type: "hold";
      readonly hold: HoldId;
      readonly state: HoldableState;
      readonly by: string;
      readonly why: string;
    }
  | { readonly type: "release"; readonly hold: HoldId }
  /** What the notifiers said to an `ask`. */
  | { readonly type: "answer"; readonly step: StepId; readonly vetoes: readonly Veto[] }
  /** A notifier that said no may say something else now. */
  | { readonly type: "retry" }
  /** From OPERATIONAL, or from one modal state to the other. */
  | { readonly type: "modal"; readonly state: ModalState; readonly reason: string }
  /** Back from a modal state: to OPERATIONAL, or as high as the holds allow. */
  | { readonly type: "resume"; readonly reason: string }
  | { readonly type: "destroy"; readonly reason: string };

export type ManagerOutput =
  /** Ask every notifier, then give an `answer`. */
  | {
      readonly type: "ask";
      readonly step: StepId;
      readonly from: SystemState;
      readonly to: HoldableState;
      readonly target: HoldableState;
    }
  /** Tell every notifier: we are here. With a reason where it was a jump. */
  | {
      readonly type: "entered";
      readonly state: SystemState;
      readonly number: number;
      readonly previous: SystemState | undefined;
      readonly reason: string | undefined;
    }
  /** What keeps the next state from being entered has changed. */
  | { readonly type: "held"; readonly state: HoldableState; readonly heldBy: readonly Hold[] };
