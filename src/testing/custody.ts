import type { SendOptions, Settled } from "../context/index.ts";

/** A message that the peer has not acknowledged yet. */
export interface Kept {
  readonly payload: Uint8Array;
  readonly options: SendOptions;
  readonly settle: (outcome: Settled) => void;
  /** How often it was sent. */
  sent: number;
}

/** What a transport keeps for one stream from link to link: mqtt messages of QoS 1 and 2, oldest first. */
export class Custody {
  readonly #kept = new Set<Kept>();

  get messages(): readonly Kept[] {
    return [...this.#kept];
  }

  keep(message: Kept): void {
    this.#kept.add(message);
  }

  /** The peer's word on it: it is told once. */
  settle(message: Kept, outcome: Settled): void {
    if (this.#kept.delete(message)) message.settle(outcome);
  }
}
