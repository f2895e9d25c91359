import { type Millis, seconds } from "../lib/millis.ts";

const MOST = 5;
const SPAN = seconds(10);

/** Holds messages of one kind to five in ten seconds, whatever a server makes us do. */
export class Pace {
  readonly #sent: Millis[] = [];

  /** The earliest moment from `wanted` on at which one may be sent. */
  next(wanted: Millis): Millis {
    const [oldest] = this.#sent;
    return oldest === undefined || this.#sent.length < MOST ? wanted : Math.max(wanted, oldest + SPAN);
  }

  sent(now: Millis): void {
    if (this.#sent.length === MOST) this.#sent.shift();
    this.#sent.push(now);
  }
}
