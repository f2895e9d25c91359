/** Everything that decides which state may follow which; docs/states/dhcp.svg is drawn from it. */
export interface StateRow {
  readonly next: readonly StateName[];
  /** One line for people. */
  readonly meaning: string;
}

export type StateName =
  | "idle"
  | "no-carrier"
  | "init"
  | "selecting"
  | "requesting"
  | "init-reboot"
  | "rebooting"
  | "probing"
  | "bound"
  | "renewing"
  | "rebinding"
  | "ipv6-only"
  | "informing"
  | "informed"
  | "releasing"
  | "ended";

export const STATES: Readonly<Record<StateName, StateRow>> = {
  idle: {
    next: ["no-carrier", "init", "init-reboot", "informing", "ended"],
    meaning: "Not started, or the lease was given back",
  },
  "no-carrier": {
    next: ["init", "init-reboot", "informing", "idle", "ended"],
    meaning: "Waits for the link; what was configured is taken back, the address is remembered",
  },
  init: {
    next: ["selecting", "no-carrier", "idle", "ended"],
    meaning: "About to ask for an address; waits first after a refusal or a conflict",
  },
  selecting: {
    next: ["requesting", "probing", "bound", "ipv6-only", "init", "no-carrier", "idle", "ended"],
    meaning: "DISCOVER is sent, offers are awaited",
  },
  requesting: {
    next: ["probing", "bound", "init", "no-carrier", "idle", "ended"],
    meaning: "An offer was chosen, the server's ACK is awaited",
  },
  "init-reboot": {
    next: ["rebooting"],
    meaning: "An address is remembered whose lease has not ended",
  },
  rebooting: {
    next: ["probing", "bound", "ipv6-only", "init", "init-reboot", "no-carrier", "idle", "ended"],
    meaning: "The remembered address is asked for; nothing is sent from it before the ACK",
  },
  probing: {
    next: ["bound", "init", "init-reboot", "no-carrier", "releasing", "ended"],
    meaning: "Asks by ARP whether another host has the address (RFC 5227)",
  },
  bound: {
    next: ["renewing", "rebinding", "init", "init-reboot", "no-carrier", "releasing", "ended"],
    meaning: "The address is ours and configured",
  },
  renewing: {
    next: ["bound", "rebinding", "init", "init-reboot", "no-carrier", "releasing", "ended"],
    meaning: "After T1: the server is asked to extend the lease",
  },
  rebinding: {
    next: ["bound", "init", "init-reboot", "no-carrier", "releasing", "ended"],
    meaning: "After T2: any server is asked to extend the lease",
  },
  "ipv6-only": {
    next: ["init", "no-carrier", "idle", "ended"],
    meaning: "The network wants no IPv4 for now (RFC 8925)",
  },
  informing: {
    next: ["informed", "no-carrier", "idle", "ended"],
    meaning: "INFORM is sent: the address is set by hand, the rest is asked for",
  },
  informed: {
    next: ["informing", "no-carrier", "idle", "ended"],
    meaning: "A server has said what else there is to know",
  },
  releasing: {
    next: ["idle", "ended"],
    meaning: "RELEASE is on its way; the address goes after it",
  },
  ended: { next: [], meaning: "The last state: nothing follows" },
};

/** Throws TypeError where the table has no such step: a fault of this library. */
export function assertTransition(from: StateName, to: StateName): void {
  if (STATES[from].next.includes(to)) return;
  throw new TypeError(`Cannot enter: "${to}" does not follow "${from}"`);
}
