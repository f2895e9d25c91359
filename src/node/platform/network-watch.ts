import type { NetworkEvent, NetworkSnapshot } from "../../context/index.ts";
import type { Millis } from "../../lib/millis.ts";
import { type Libc, setOption } from "./libc.ts";
import { decodeMessages } from "./netlink-bytes.ts";
import { decodeEvents } from "./network-events.ts";
import { NetworkMirror } from "./network-mirror.ts";
import { ReadableSocket } from "./readable-socket.ts";
import { openRouteSocket } from "./route-socket.ts";

/** RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE. */
const GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
const NLM_F_REPLACE = 0x100;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** Room for what the kernel tells while the program is busy; the system may allow less. */
const ROOM = 1_048_576;
/** The kernel is asked for everything again no more often than this. */
const RECHECK: Millis = 100;
const READ = 65_536;

/** What one message tells. */
interface Heard {
  readonly events: readonly NetworkEvent[];
  readonly replaces: boolean;
}

type Listener = (event: NetworkEvent) => void;

/** Changes of links, addresses and routes as they happen, for as long as somebody listens. */
export class NetworkWatch {
  readonly #libc: Libc;
  readonly #snapshot: () => NetworkSnapshot;
  readonly #socket: ReadableSocket;
  readonly #mirror: NetworkMirror;
  readonly #listeners = new Set<Listener>();
  #lastRecheck = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** Events were lost: what comes now cannot be trusted until everything is asked for again. */
  #hasLost = false;

  constructor(libc: Libc, snapshot: () => NetworkSnapshot) {
    this.#libc = libc;
    this.#snapshot = snapshot;
    const descriptor = openRouteSocket(libc, GROUPS);
    setOption(libc, descriptor, [SOL_SOCKET, SO_RCVBUF, ROOM]);
    this.#socket = new ReadableSocket(libc, descriptor, {
      message: (bytes) => this.#read(bytes),
      failed: () => this.#lost(),
    });
    try {
      this.#mirror = new NetworkMirror(snapshot(), performance.now());
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** True where nobody listens any more; the watch is closed then. */
  remove(listener: Listener): boolean {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return false;
    clearTimeout(this.#timer);
    this.#socket.close();
    return true;
  }

  #read(bytes: Uint8Array): void {
    if (this.#hasLost) return;
    const heard = decoded(bytes);
    if (heard === undefined) this.#lost();
    else for (const each of heard) this.#hear(each);
  }

  #hear({ events, replaces }: Heard): void {
    for (const event of events) {
      this.#tell(this.#mirror.apply(event, replaces && events.length === 1, performance.now()));
      if (takesRoutesAlong(event)) this.#recheckSoon();
    }
    // A route of several next hops took the place of another: which of its hops are new is seen in the whole.
    if (replaces && events.length > 1) this.#recheckSoon();
  }

  #lost(): void {
    this.#hasLost = true;
    this.#recheckSoon();
  }

  #recheckSoon(): void {
    const wait = Math.max(0, this.#lastRecheck + RECHECK - performance.now());
    this.#timer ??= setTimeout(() => this.#recheck(), wait);
  }

  #recheck(): void {
    this.#timer = undefined;
    this.#lastRecheck = performance.now();
    const hasLost = this.#hasLost;
    if (hasLost) this.#drain();
    this.#hasLost = false;
    let snapshot: NetworkSnapshot;
    try {
      snapshot = this.#snapshot();
    } catch {
      // It changes too fast, or there is no memory or descriptor for the question now.
      this.#hasLost = hasLost;
      this.#recheckSoon();
      return;
    }
    this.#tell(this.#mirror.compare(snapshot, performance.now()));
    if (hasLost) this.#tell([{ type: "resynchronised" }]);
  }

  /** What still waits is older than what was lost: told after the snapshot it would bring back the past. */
  #drain(): void {
    const buffer = new Uint8Array(READ);
    while (this.#libc.recv(this.#socket.descriptor, buffer, READ, 0) >= 0) {}
  }

  #tell(events: readonly NetworkEvent[]): void {
    for (const event of events) {
      for (const listener of [...this.#listeners]) {
        if (this.#listeners.has(listener)) listener(event);
      }
    }
  }
}

/** Undefined where the bytes are not what they claim to be. */
function decoded(bytes: Uint8Array): readonly Heard[] | undefined {
  try {
    return decodeMessages(bytes).map((message) => ({
      events: decodeEvents(message),
      replaces: (message.flags & NLM_F_REPLACE) !== 0,
    }));
  } catch {
    return undefined;
  }
}

/** The kernel drops the IPv4 routes of a link that goes down, and of an address that is taken away, without a word. */
function takesRoutesAlong(event: NetworkEvent): boolean {
  if (event.type === "link") return !event.link.isUp;
  return event.type === "link-gone" || event.type === "address-gone";
}
