import type {
  ConnectionInfo,
  Link,
  LinkEvents,
  LinkRequest,
  StreamId,
  Transport,
} from "../../../context/index.ts";
import { CLOSED } from "../closed.ts";
import type { TransportParts } from "../index.ts";
import { Roster } from "../roster.ts";
import { RawLink } from "./link.ts";

/** Bytes as they are, over TCP, TLS or a Unix socket. Each link has a connection of its own. */
export class RawTransport implements Transport {
  readonly #parts: TransportParts;
  readonly #roster = new Roster();

  constructor(parts: TransportParts) {
    this.#parts = parts;
  }

  open(request: LinkRequest, events: LinkEvents): Link {
    const link = new RawLink(request.target, events, this.#parts, this.#roster);
    if (this.#roster.isClosed) queueMicrotask(() => link.abandon(CLOSED));
    else link.dial();
    return link;
  }

  /** Keeps nothing between links. */
  forget(_: StreamId): void {}

  inspect(): readonly ConnectionInfo[] {
    return this.#roster.inspect();
  }

  close(): Promise<void> {
    return this.#roster.close(CLOSED);
  }
}
