import { type Millis, NEVER, seconds } from "../lib/millis.ts";

/** The part of the interval after which a silent client pings: the rest is for the way to the server. */
const PING_AFTER = 0.9;
const LONGEST_WAIT = seconds(20);

/** Pings when nothing was sent for the keep-alive interval (MQTT 3.1.1, 3.1.2.10), and judges the silence after it. */
export class KeepAlive {
  /** When the last packet was sent. */
  sentAt: Millis;
  readonly #interval: Millis;
  #answerDue: Millis = NEVER;
  #isListening = true;

  /** `interval` 0 never pings. */
  constructor(interval: Millis, now: Millis) {
    this.#interval = interval;
    this.sentAt = now;
  }

  get deadline(): Millis {
    if (this.#interval === 0) return NEVER;
    return Math.min(this.#answerDue, this.sentAt + this.#interval * PING_AFTER);
  }

  /** The server has sent something. */
  heard(): void {
    this.#answerDue = NEVER;
  }

  /** While nobody listens, an answer cannot be missed. */
  listen(on: boolean): void {
    this.#isListening = on;
    this.heard();
  }

  /** What to do at `now`. A ping is taken as sent. */
  check(now: Millis): "ping" | "hang-up" | undefined {
    if (this.#answerDue <= now) return "hang-up";
    if (this.deadline > now) return undefined;
    this.sentAt = now;
    if (this.#isListening && this.#answerDue === NEVER)
      this.#answerDue = now + Math.min(this.#interval, LONGEST_WAIT);
    return "ping";
  }
}
