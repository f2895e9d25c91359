import type { Outgoing } from "./entry.ts";
import { Inflight } from "./inflight.ts";
import type { QualityOfService } from "./packet.ts";

/** What the client keeps of a session while there is no network connection (MQTT 3.1.1, 4.1). */
export class SessionMemory {
  readonly inflight: Inflight;
  /** Identifiers of received messages of QoS 2 that the server has not released. */
  readonly received = new Set<number>();
  /** The filters that the server holds for this session, with the streams that asked for them. */
  readonly filters = new Map<string, Map<number, QualityOfService>>();

  /** `firstId`: see Inflight. */
  constructor(firstId = 1) {
    this.inflight = new Inflight(firstId);
  }

  /** The connection has ended because of a message that is looked for: the next one tells more. */
  get isOnTrial(): boolean {
    return this.inflight.trial.isAdjourned;
  }

  /** A network connection begins; the server has kept its half of the session, or not. Returns a message given up. */
  restart(sessionPresent: boolean): Outgoing | undefined {
    const guilty = this.inflight.restart(sessionPresent);
    if (!sessionPresent) {
      this.received.clear();
      this.filters.clear();
    }
    return guilty;
  }

  /** The stream no longer wants `filter`. True when nobody does and the server still has it. */
  dropFilter(filter: string, stream: number): boolean {
    const streams = this.filters.get(filter);
    if (!streams?.delete(stream) || streams.size > 0) return false;
    this.filters.delete(filter);
    return true;
  }

  /** The stream is gone for good. Returns the filters that nobody wants any more. */
  forget(stream: number): readonly string[] {
    this.inflight.forget(stream);
    return [...this.filters.keys()].filter((filter) => this.dropFilter(filter, stream));
  }
}
