import type { StreamId } from "../../../context/index.ts";
import type { Received } from "../../../mqtt/index.ts";

/**
 * Messages for streams that are between two links. After a reconnection the server sends what it has kept for all of a
 * session's streams to the first that is back.
 */
export class Parked {
  readonly #limit: number;
  readonly #messages = new Map<StreamId, { messages: Received[]; bytes: number }>();

  /** `limit`: bytes for each stream; the oldest messages make room. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  put(stream: StreamId, message: Received): void {
    const place = this.#messages.get(stream) ?? { messages: [], bytes: 0 };
    this.#messages.set(stream, place);
    place.messages.push(message);
    place.bytes += sizeOf(message);
    while (place.bytes > this.#limit) {
      const oldest = place.messages.shift();
      if (oldest === undefined) return;
      place.bytes -= sizeOf(oldest);
    }
  }

  /** What waits for the stream, which is here now or gone for good. */
  take(stream: StreamId): readonly Received[] {
    const messages = this.#messages.get(stream)?.messages ?? [];
    this.#messages.delete(stream);
    return messages;
  }
}

function sizeOf({ topic, payload }: Received): number {
  return topic.length + payload.length + 64;
}
