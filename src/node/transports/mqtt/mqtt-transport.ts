import type {
  ConnectionInfo,
  Link,
  LinkEvents,
  LinkRequest,
  StreamId,
  Transport,
} from "../../../context/index.ts";
import type { Random } from "../../../lib/random.ts";
import type { MqttTarget, Target } from "../../../stream/index.ts";
import { systemRandom } from "../../system-random.ts";
import type { TransportParts } from "../index.ts";
import { Custody } from "./custody.ts";
import { MqttLink } from "./link.ts";
import { CLOSED, SharedSession } from "./shared-session.ts";
import { randomClientId, sessionKey } from "./sharing.ts";

/**
 * MQTT 3.1.1 and 5. Streams with the same broker, trust, credentials, version and client identifier share one
 * connection; will, clean start and keep-alive are those of the stream that made it. A stream that would miss one of its
 * own gets a connection for itself where the client identifier is left to us; where it is named, a second connection
 * would drive out the first, so the stream shares and a `settings-conflict` is observed.
 */
export class MqttTransport implements Transport {
  readonly #parts: TransportParts;
  readonly #random: Random;
  readonly #custody = new Custody();
  readonly #sessions = new Set<SharedSession>();
  #member = 0;
  #isClosed = false;
  #closed: (() => void) | undefined;

  constructor(parts: TransportParts, random: Random = systemRandom) {
    this.#random = random;
    this.#parts = parts;
  }

  open(request: LinkRequest, events: LinkEvents): Link {
    const { stream, target } = request;
    const { mqtt } = target;
    if (mqtt === undefined) throw new TypeError("Cannot open: the target has no MQTT settings");
    const shared = this.#session(stream, target, mqtt);
    const link = new MqttLink(++this.#member, request, mqtt, events, shared);
    for (const other of this.#sessions)
      if (other !== shared && other.has(stream)) shared.adopt(other.surrender(stream));
    shared.claim(stream);
    queueMicrotask(() => {
      if (this.#isClosed) link.end(CLOSED);
      else shared.join(link);
    });
    return link;
  }

  forget(stream: StreamId): void {
    this.#custody.forget(stream);
    for (const session of this.#sessions) session.forget(stream);
    this.#sweep();
  }

  inspect(): readonly ConnectionInfo[] {
    return [...this.#sessions].flatMap((session) => session.inspect());
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return new Promise((resolve) => {
      this.#closed = resolve;
      for (const session of this.#sessions) session.close();
      this.#sweep();
    });
  }

  #session(stream: StreamId, target: Target, mqtt: MqttTarget): SharedSession {
    const key = sessionKey(target, mqtt);
    const sessions = [...this.#sessions].filter((session) => session.key === key);
    const own = sessions.filter((session) => session.has(stream));
    for (const session of [...own, ...sessions]) {
      const missed = session.conflicts(mqtt);
      if (missed.length === 0) return session;
      if (mqtt.clientId === "") continue;
      const { name } = target.streamtype;
      this.#parts.observe({ type: "settings-conflict", protocol: "mqtt", streamtype: name, keys: missed });
      return session;
    }
    const clientId = mqtt.clientId === "" ? randomClientId(this.#random) : mqtt.clientId;
    const firstId = 1 + Math.floor(this.#random.fraction() * 0xffff);
    const session = new SharedSession(key, clientId, {
      ...this.#parts,
      custody: this.#custody,
      firstId,
      closed: () => this.#sweep(),
    });
    this.#sessions.add(session);
    return session;
  }

  #sweep(): void {
    for (const session of this.#sessions) if (session.isIdle) this.#sessions.delete(session);
    if (this.inspect().length > 0) return;
    this.#closed?.();
    this.#closed = undefined;
  }
}
