/**
 * Everything that decides which state may follow which lives in this file; docs/states/stream.svg is drawn from it.
 *
 * Numbers and names are those of libwebsockets Secure Streams (LWSSSCS_*): they travel on its proxy's wire. Where its
 * table is too narrow for what networks do, `added` names the transitions that are legal here in addition.
 */
export interface StateRow {
  readonly number: number;
  readonly next: readonly StateName[];
  readonly added?: readonly StateName[];
  /** One line for people. */
  readonly meaning: string;
}

export type StateName =
  | "creating"
  | "disconnected"
  | "unreachable"
  | "auth-failed"
  | "connected"
  | "connecting"
  | "destroying"
  | "poll"
  | "all-retries-failed"
  | "qos-ack-remote"
  | "qos-nack-remote"
  | "timeout";

/** A state that `http_resp_map` names: `user-1000` and above. Reported, but not part of the order below. */
export type UserState = `user-${number}`;

export const STATES: Readonly<Record<StateName, StateRow>> = {
  creating: {
    number: 1,
    next: ["connecting", "timeout", "poll", "destroying"],
    meaning: "The stream exists; metadata can be set before anything is sent",
  },
  disconnected: {
    number: 2,
    next: ["connecting", "connected", "timeout", "poll", "unreachable", "destroying"],
    // A peer that accepts and slams the door uses the retries up without ever being unreachable.
    added: ["all-retries-failed"],
    meaning: "A connection that was connected has ended; always follows connected",
  },
  unreachable: {
    number: 3,
    next: ["all-retries-failed", "timeout", "poll", "unreachable", "connecting", "connected", "destroying"],
    meaning: "An attempt failed before the peer showed a sign of life",
  },
  "auth-failed": {
    number: 4,
    next: ["all-retries-failed", "timeout", "connecting", "destroying"],
    // An explicit connect() while the next try is awaited.
    added: ["poll"],
    meaning: "An attempt failed because the peer refused the credentials",
  },
  connected: {
    number: 5,
    next: [
      "auth-failed",
      "qos-ack-remote",
      "qos-nack-remote",
      "disconnected",
      "timeout",
      "connecting",
      "poll",
      "destroying",
    ],
    meaning: "The peer has shown its first protocol-level sign of life",
  },
  connecting: {
    number: 6,
    next: [
      "unreachable",
      "auth-failed",
      "connecting",
      "connected",
      "qos-ack-remote",
      "qos-nack-remote",
      "timeout",
      "poll",
      "all-retries-failed",
      "disconnected",
      "destroying",
    ],
    meaning: "An attempt is under way",
  },
  destroying: { number: 7, next: [], meaning: "The last state: nothing follows" },
  poll: {
    number: 8,
    next: ["connecting", "timeout", "all-retries-failed", "destroying"],
    meaning: "Something is to be sent and there is no connection",
  },
  "all-retries-failed": {
    number: 9,
    next: ["connecting", "poll", "timeout", "unreachable", "destroying"],
    meaning: "The policy's retries are used up; the stream rests until asked",
  },
  "qos-ack-remote": {
    number: 10,
    next: ["disconnected", "timeout", "connecting", "destroying", "qos-ack-remote", "qos-nack-remote"],
    meaning: "The peer has acknowledged the transaction or message",
  },
  "qos-nack-remote": {
    number: 11,
    next: ["disconnected", "timeout", "destroying", "qos-ack-remote", "qos-nack-remote"],
    meaning: "The peer has refused the transaction or message",
  },
  timeout: {
    number: 14,
    next: [
      "connecting",
      "connected",
      "qos-ack-remote",
      "qos-nack-remote",
      "poll",
      "timeout",
      "disconnected",
      "unreachable",
      "destroying",
    ],
    // The timer may fire between a failure and what follows from it.
    added: ["auth-failed", "all-retries-failed"],
    meaning: "The time that the program or the policy gives has passed",
  },
};

/** Whether `next` may follow `previous`; undefined is the stream before its first state. */
export function isLegal(previous: StateName | undefined, next: StateName): boolean {
  if (previous === undefined) return next === "creating" || next === "destroying";
  const row = STATES[previous];
  return row.next.includes(next) || (row.added?.includes(next) ?? false);
}
