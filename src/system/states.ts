/**
 * Everything that decides which state of the system may follow which lives in this file; docs/states/system.svg is
 * drawn from it. Numbers and names are those of libwebsockets (LWS_SYSTATE_*).
 */
export interface SystemStateRow {
  readonly number: number;
  /** The next state on the way up. */
  readonly step?: SystemState;
  /** States that it may jump to, always with a reason. */
  readonly jumps: readonly SystemState[];
  /** What holds this state until it has happened, where something of ours does. */
  readonly waitsFor?: string;
  /** One line for people. */
  readonly meaning: string;
}

export type SystemState =
  | "CONTEXT_CREATED"
  | "PRE_PRIV_DROP"
  | "INITIALIZED"
  | "COLLECTING_STDIN"
  | "IFACE_COLDPLUG"
  | "DHCP"
  | "CPD_PRE_TIME"
  | "TIME_VALID"
  | "CPD_POST_TIME"
  | "POLICY_VALID"
  | "REGISTERED"
  | "AUTH1"
  | "AUTH2"
  | "ONE_TIME_UPDATES"
  | "OPERATIONAL"
  | "POLICY_INVALID"
  | "CONTEXT_DESTROYING"
  | "AWAITING_MODAL_UPDATING"
  | "MODAL_UPDATING";

/** The way up, in order. A jump back leads to any earlier one of them. */
export const WAY_UP = [
  "CONTEXT_CREATED",
  "PRE_PRIV_DROP",
  "INITIALIZED",
  "COLLECTING_STDIN",
  "IFACE_COLDPLUG",
  "DHCP",
  "CPD_PRE_TIME",
  "TIME_VALID",
  "CPD_POST_TIME",
  "POLICY_VALID",
  "REGISTERED",
  "AUTH1",
  "AUTH2",
  "ONE_TIME_UPDATES",
  "OPERATIONAL",
] as const satisfies readonly SystemState[];

/** A state that can be held, waited for and stepped to. */
export type HoldableState = Exclude<(typeof WAY_UP)[number], "CONTEXT_CREATED">;

const END: readonly SystemState[] = ["CONTEXT_DESTROYING"];

export const SYSTEM_STATES: Readonly<Record<SystemState, SystemStateRow>> = {
  CONTEXT_CREATED: {
    number: 1,
    step: "PRE_PRIV_DROP",
    jumps: END,
    meaning: "The system object exists; parts and holds are being registered",
  },
  PRE_PRIV_DROP: {
    number: 2,
    step: "INITIALIZED",
    jumps: back(2),
    meaning: "What needs privileges is done now",
  },
  INITIALIZED: {
    number: 3,
    step: "COLLECTING_STDIN",
    jumps: back(3),
    meaning: "Privileges have been dropped",
  },
  COLLECTING_STDIN: {
    number: 4,
    step: "IFACE_COLDPLUG",
    jumps: back(4),
    meaning: "What the program reads from standard input is complete",
  },
  IFACE_COLDPLUG: {
    number: 5,
    step: "DHCP",
    jumps: back(5),
    waitsFor: "the link: interface up, carrier present",
    meaning: "The interfaces that are there from the beginning are known and usable",
  },
  DHCP: {
    number: 6,
    step: "CPD_PRE_TIME",
    jumps: back(6),
    waitsFor: "an address: a lease, or a static one",
    meaning: "An interface has an address",
  },
  CPD_PRE_TIME: {
    number: 7,
    step: "TIME_VALID",
    jumps: back(7),
    waitsFor: "name servers, and the verdict that no captive portal stands in between",
    meaning: "The network leads to the internet, seen without a valid clock",
  },
  TIME_VALID: {
    number: 8,
    step: "CPD_POST_TIME",
    jumps: back(8),
    waitsFor: "valid time",
    meaning: "Certificates can be judged",
  },
  CPD_POST_TIME: {
    number: 9,
    step: "POLICY_VALID",
    jumps: back(9),
    waitsFor: "the verdict about a captive portal, where its probe needs valid time",
    meaning: "The network leads to the internet, seen over TLS",
  },
  POLICY_VALID: {
    number: 10,
    step: "REGISTERED",
    jumps: ["POLICY_INVALID", ...back(10)],
    waitsFor: "the policy: fetched, or the last good one",
    meaning: "The policy that the streams live by is in force",
  },
  REGISTERED: {
    number: 11,
    step: "AUTH1",
    jumps: ["POLICY_INVALID", ...back(11)],
    meaning: "The device is registered with its service",
  },
  AUTH1: {
    number: 12,
    step: "AUTH2",
    jumps: ["POLICY_INVALID", ...back(12)],
    meaning: "The first credential is there",
  },
  AUTH2: {
    number: 13,
    step: "ONE_TIME_UPDATES",
    jumps: ["POLICY_INVALID", ...back(13)],
    meaning: "The second credential is there",
  },
  ONE_TIME_UPDATES: {
    number: 14,
    step: "OPERATIONAL",
    jumps: ["POLICY_INVALID", ...back(14)],
    meaning: "What is done once after a start is done",
  },
  OPERATIONAL: {
    number: 15,
    jumps: ["POLICY_INVALID", "AWAITING_MODAL_UPDATING", ...back(15)],
    meaning: "Everything holds; the program's streams live",
  },
  POLICY_INVALID: {
    number: 16,
    jumps: ["CPD_POST_TIME", "CONTEXT_DESTROYING"],
    meaning: "The policy is no longer in force; passed on the way back to the state before POLICY_VALID",
  },
  CONTEXT_DESTROYING: { number: 17, jumps: [], meaning: "The last state: nothing follows" },
  AWAITING_MODAL_UPDATING: {
    number: 18,
    jumps: ["MODAL_UPDATING", "OPERATIONAL", ...back(15)],
    meaning: "An update that stops normal work is about to begin",
  },
  MODAL_UPDATING: {
    number: 19,
    jumps: ["OPERATIONAL", ...back(15)],
    meaning: "An update that stops normal work is under way",
  },
};

/** Whether `next` may be entered from `state`, as a step or as a jump. */
export function mayEnter(state: SystemState, next: SystemState): boolean {
  const { step, jumps } = SYSTEM_STATES[state];
  return step === next || jumps.includes(next);
}

/** The state before one of the way up. */
export function stateBefore(state: HoldableState): SystemState {
  return WAY_UP[WAY_UP.indexOf(state) - 1] as SystemState;
}

/** Whether a system in `state` has what `wanted` stands for; only states of the way up include the ones below them. */
export function includes(state: SystemState, wanted: SystemState): boolean {
  const present = (WAY_UP as readonly SystemState[]).indexOf(state);
  const least = (WAY_UP as readonly SystemState[]).indexOf(wanted);
  return state === wanted || (least !== -1 && present >= least);
}

/** Every state of the way up below number `count`, and the end. */
function back(number: number): readonly SystemState[] {
  return [...WAY_UP.slice(0, number - 1), ...END];
}
