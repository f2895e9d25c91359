/** Where one network connection of a session stands. */
export type SessionStateName = "idle" | "connecting" | "open" | "ended";

/** From each state, the states that may follow. */
export const SESSION_TRANSITIONS: Readonly<Record<SessionStateName, readonly SessionStateName[]>> = {
  /** Waits for the byte stream to the server. */
  idle: ["connecting", "ended"],
  /** CONNECT is sent, CONNACK is awaited. */
  connecting: ["open", "ended"],
  open: ["ended"],
  ended: [],
};

/** Throws TypeError where the table has no such step: a fault of this library. */
export function assertTransition(from: SessionStateName, to: SessionStateName): void {
  if (SESSION_TRANSITIONS[from].includes(to)) return;
  throw new TypeError(`Cannot enter: "${to}" does not follow "${from}"`);
}
