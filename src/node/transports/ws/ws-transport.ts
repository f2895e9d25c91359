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
import { WsLink } from "./link.ts";

/** WebSocket over HTTP/1.1 (RFC 6455). Each link has a connection of its own. */
export class WsTransport implements Transport {
  readonly #parts: TransportParts;
  readonly #roster = new Roster();

  constructor(parts: TransportParts) {
    this.#parts = parts;
  }

  open({ target }: LinkRequest, events: LinkEvents): Link {
    const { http } = target;
    if (http === undefined) throw new TypeError("Cannot open: the target has no http");
    const link = new WsLink(target, http, events, this.#parts, this.#roster);
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
