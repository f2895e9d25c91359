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
