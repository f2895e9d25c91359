import { type Millis, NEVER } from "../lib/millis.ts";
import type { Channel } from "./channels.ts";
import type { Connection } from "./connections.ts";
import type { Question } from "./message.ts";
import type { Server } from "./server.ts";

/** Who sends attempts and hears of them. */
export interface Sender {
  readonly question: Question;
  /** The window has room: send now. */
  transmit(attempt: Attempt, now: Millis): void;
  /** Bytes that carry the attempt's id. */
  received(attempt: Attempt, bytes: Uint8Array, now: Millis): void;
  /** A datagram with an id that nobody waits for came to the attempt's socket. */
  forged(attempt: Attempt, now: Millis): void;
  /** No answer can come on this socket or connection. */
  unreachable(attempt: Attempt, now: Millis): void;
}

/** One send of a query to one server. */
export interface Attempt {
  readonly sender: Sender;
  readonly server: Server;
  readonly transport: "udp" | "tcp";
  /** What was sent, to be compared with what comes back. Empty until it is sent. */
  request: Uint8Array;
  id: number;
  channel: Channel | undefined;
  connection: Connection | undefined;
  usesEdns: boolean;
  usesCasing: boolean;
  /** `waiting` for the window, `open` once sent, `over` when nothing more is expected of it. */
  state: "waiting" | "open" | "over";
  sentAt: Millis;
  /** When its silence has lasted long enough. */
  until: Millis;
  /** Counts in its server's window, until then. */
  isInWindow: boolean;
  leaseUntil: Millis;
  /** Its neighbours in the window, by the time of entry. */
  ahead: Attempt | undefined;
  behind: Attempt | undefined;
  /** An answer that fits, kept because a forged one came first; used only if TCP is not to be had. */
  held: Uint8Array | undefined;
  /** Wrong datagrams that came for it. */
  forgeries: number;
  /** One of them was right but for the letters' case. */
  isCasing: boolean;
  /** Our half of the cookie it carried. */
  clientCookie: Uint8Array | undefined;
  /** TCP is not to be had: what fits is believed again. */
  isAlone: boolean;
  /** Its `until` while TCP is tried. */
  patience: Millis;
  /** The process had no descriptor for its socket: nothing is known of the server. */
  isWithoutSocket: boolean;
  /** TCP: a second connection has been tried, or would be in vain. */
  isRepeated: boolean;
}

export function newAttempt(sender: Sender, server: Server, transport: "udp" | "tcp"): Attempt {
  return {
    sender,
    server,
    transport,
    request: NOTHING,
    id: 0,
    channel: undefined,
    connection: undefined,
    usesEdns: false,
    usesCasing: false,
    state: "waiting",
    sentAt: 0,
    until: NEVER,
    isInWindow: false,
    leaseUntil: NEVER,
    ahead: undefined,
    behind: undefined,
    held: undefined,
    forgeries: 0,
    isCasing: false,
    isAlone: false,
    patience: NEVER,
    clientCookie: undefined,
    isWithoutSocket: false,
    isRepeated: false,
  };
}

const NOTHING = new Uint8Array(0);
