import type { Ipv4 } from "./address.ts";
import type { ChannelId, ChannelKind, ClientOutput } from "./words.ts";

/** Opens sockets when they are needed and closes them when they are not. */
export class Channels {
  readonly #emit: (output: ClientOutput) => void;
  readonly #open = new Map<ChannelKind, ChannelId>();
  #last: ChannelId = 0;

  constructor(emit: (output: ClientOutput) => void) {
    this.#emit = emit;
  }

  /** Whether `channel` is the one of this kind that is open: what comes on another is stale. */
  isOpen(kind: ChannelKind, channel: ChannelId): boolean {
    return this.#open.get(kind) === channel;
  }

  packets(kind: "dhcp" | "arp"): ChannelId {
    return this.#open.get(kind) ?? this.#opened(kind, (channel) => ({ type: "open", channel, kind }));
  }

  datagrams(address: Ipv4): ChannelId {
    const kind = "datagrams";
    return (
      this.#open.get(kind) ?? this.#opened(kind, (channel) => ({ type: "open", channel, kind, address }))
    );
  }

  /** Closes all but these. */
  keep(wanted: readonly ChannelKind[]): void {
    for (const [kind, channel] of this.#open) {
      if (wanted.includes(kind)) continue;
      this.#open.delete(kind);
      this.#emit({ type: "close", channel });
    }
  }

  #opened(kind: ChannelKind, output: (channel: ChannelId) => ClientOutput): ChannelId {
    this.#last += 1;
    this.#open.set(kind, this.#last);
    this.#emit(output(this.#last));
    return this.#last;
  }
}
