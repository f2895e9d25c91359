import type { NtpFault, Opinion } from "../ntp/index.ts";
import type { Hold, HoldableState, PathFault, PortalVerdict, SystemState } from "../system/index.ts";

/** The system has entered a state. */
export interface SystemStateEvent {
  readonly state: SystemState;
  readonly number: number;
  readonly previous: SystemState | undefined;
  /** Why, where it was a jump. */
  readonly reason: string | undefined;
}

/** What keeps the next state from being entered. */
export interface HeldEvent {
  readonly state: HoldableState;
  readonly heldBy: readonly Hold[];
}

export interface PortalEvent {
  readonly verdict: PortalVerdict;
  readonly previous: PortalVerdict;
  /** Where a person can log in; safe to print. */
  readonly portal: string | undefined;
  readonly why: string;
}

export type TimeEvent =
  /** By how much the wall clock is off; `set` where it has been set by so much. */
  | {
      readonly type: "adjusted";
      readonly how: "step" | "slew";
      readonly offset: number;
      readonly error: number;
      readonly servers: readonly string[];
      readonly set: boolean;
    }
  | { readonly type: "valid" }
  | { readonly type: "lost"; readonly why: string }
  | { readonly type: "undecided"; readonly why: string; readonly opinions: readonly Opinion[] }
  | { readonly type: "refused"; readonly server: string; readonly why: NtpFault | string };

export type PolicyEvent =
  /** Another policy is in force. */
  | { readonly type: "applied"; readonly from: "server" | "store" }
  /** The server says that what is stored is still right. */
  | { readonly type: "unchanged" }
  /** What came is no policy; what was in force is still. */
  | { readonly type: "refused"; readonly from: "server" | "store"; readonly error: unknown }
  | { readonly type: "failed"; readonly why: string };

export interface NetworkChangedEvent {
  readonly route: "add" | "del" | undefined;
  readonly isDefaultRoute: boolean;
  /** Connections that were broken because their path is gone, by reason. */
  readonly broken: Readonly<Partial<Record<PathFault, number>>>;
}

/** What `system.on` tells, by name. */
export interface SystemEventMap {
  readonly state: SystemStateEvent;
  readonly held: HeldEvent;
  readonly cpd: PortalEvent;
  readonly time: TimeEvent;
  readonly policy: PolicyEvent;
  readonly network: NetworkChangedEvent;
}
