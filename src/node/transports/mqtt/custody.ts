import type { Settled, StreamId } from "../../../context/index.ts";

/** What a message costs beside its payload. */
const OVERHEAD = 64;

interface Ticket {
  readonly stream: StreamId;
  readonly size: number;
  readonly settle: (outcome: Settled) => void;
}

interface Account {
  bytes: number;
  /** Called once when `bytes` falls to `mark`. */
  onLow: (() => void) | undefined;
  mark: number;
}

/** The messages handed over and not settled, by ticket, and how much of them each stream has. */
export class Custody {
  #next = 1;
  readonly #tickets = new Map<number, Ticket>();
  readonly #accounts = new Map<StreamId, Account>();

  /** Takes a message of `length` bytes; its ticket settles it. */
  hold(stream: StreamId, length: number, settle: (outcome: Settled) => void): number {
    const ticket = this.#next++;
    const size = length + OVERHEAD;
    this.#tickets.set(ticket, { stream, size, settle });
    this.#account(stream).bytes += size;
    return ticket;
  }

  /** Bytes of the stream that are not settled. */
  bytes(stream: StreamId): number {
    return this.#accounts.get(stream)?.bytes ?? 0;
  }

  /** Calls `run` once when no more than `mark` bytes of the stream are left; undefined calls it off. */
  whenLow(stream: StreamId, mark: number, run: (() => void) | undefined): void {
    const account = this.#account(stream);
    account.mark = mark;
    account.onLow = run;
  }

  /** Does nothing for a message whose stream is forgotten. */
  settle(number: number, outcome: Settled): void {
    const ticket = this.#tickets.get(number);
    if (ticket === undefined) return;
    this.#tickets.delete(number);
    const account = this.#account(ticket.stream);
    account.bytes -= ticket.size;
    ticket.settle(outcome);
    const { onLow } = account;
    if (onLow === undefined || account.bytes > account.mark) return;
    account.onLow = undefined;
    onLow();
  }

  forget(stream: StreamId): void {
    for (const [number, ticket] of this.#tickets) {
      if (ticket.stream === stream) this.#tickets.delete(number);
    }
    this.#accounts.delete(stream);
  }

  #account(stream: StreamId): Account {
    const known = this.#accounts.get(stream);
    if (known !== undefined) return known;
    const account: Account = { bytes: 0, onLow: undefined, mark: 0 };
    this.#accounts.set(stream, account);
    return account;
  }
}
