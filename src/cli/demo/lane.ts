import { type Context, SecureStreamsError, type StateEvent, type Stream } from "../../index.ts";
import type { LaneName } from "./policy.ts";

/** One protocol at work: sends numbers, wants each back, and counts what happens on the way. */
export class Lane {
  readonly name: LaneName;
  /** Numbers that came back. */
  exchanged = 0;
  /** Numbers sent again because the stream said that they were lost. */
  repeated = 0;
  /** Times the connection was lost and made again. */
  recoveries = 0;
  state: StateEvent["state"] = "creating";
  /** Why it does not work at the moment. */
  reason: StateEvent["reason"];
  /** Time by `performance.now()` of the next try, where one is planned. */
  retryAt: number | undefined;
  readonly #stream: Stream;
  readonly #stop: AbortController = new AbortController();
  #lost = false;
  #changed: () => void = () => {};

  constructor(context: Context, name: LaneName, onState: (event: StateEvent) => void) {
    this.name = name;
    this.#stream = context.open(name);
    this.#stream.on("state", (event) => {
      this.state = event.state;
      if (event.reason !== undefined && event.retryIn !== undefined) this.#lost = true;
      this.reason = event.reason ?? this.reason;
      this.retryAt = event.retryIn === undefined ? undefined : performance.now() + event.retryIn;
      if (event.state === "connected") {
        this.reason = undefined;
        if (this.#lost) this.recoveries += 1;
        this.#lost = false;
      }
      onState(event);
      this.#changed();
    });
  }

  /** Exchanges a number every `pause` ms until stopped. Rejects on an answer that is not the number sent. */
  async run(pause: number): Promise<void> {
    const { signal } = this.#stop;
    const exchange = this.#stream.isTransactional ? this.#request.bind(this) : this.#echo();
    for (let number = 1; !signal.aborted; ) {
      try {
        await exchange(`${this.name} ${number}\n`);
        this.exchanged += 1;
        number += 1;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof SecureStreamsError)) throw error;
        this.repeated += 1;
        this.#lost = true;
      }
      this.#changed();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Resolves when `condition` holds; rejects when `signal` fires first. */
  until(condition: (lane: Lane) => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const previous = this.#changed;
      const settle = (finish: () => void): void => {
        this.#changed = previous;
        signal.removeEventListener("abort", abort);
        finish();
      };
      const abort = (): void => settle(() => reject(this.#late()));
      const check = (): void => {
        if (condition(this)) settle(resolve);
      };
      this.#changed = () => {
        previous();
        check();
      };
      signal.addEventListener("abort", abort, { once: true });
      check();
    });
  }

  stop(): void {
    this.#stop.abort();
    this.#stream.close();
  }

  #late(): SecureStreamsError {
    const why = this.reason === undefined ? "" : `: ${this.reason.message}`;
    const message = `Cannot finish in time: ${this.name} is ${this.state}${why}`;
    return new SecureStreamsError({ layer: "stream", code: "timeout", message });
  }

  async #request(text: string): Promise<void> {
    const reply = await this.#stream.request({ payload: text });
    const answer = await reply.text();
    if (reply.status !== 200 || answer !== text)
      throw new Error(`${this.name}: sent "${text}", got "${answer}"`);
  }

  /** Sends a message and waits for its echo; an echo that a lost connection took with it is a loss. */
  #echo(): (text: string) => Promise<void> {
    let arrived = "";
    let isLost = false;
    let wake: () => void = () => {};
    const lose = (): void => {
      isLost = true;
      wake();
    };
    void (async () => {
      for await (const message of this.#stream) {
        arrived += message.text();
        wake();
      }
    })();
    this.#stream.on("state", ({ state }) => {
      // An mqtt message stays in custody over the outage; the others are sent again.
      if (state === "disconnected" && this.name !== "mqtt") lose();
    });
    return async (text) => {
      isLost = false;
      arrived = "";
      const sent = this.#stream.send(text);
      sent.catch(lose);
      while (!arrived.includes(text)) {
        if (isLost) {
          await sent;
          throw new SecureStreamsError({ layer: "stream", code: "connection-lost", message: "No echo came" });
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      await sent;
    };
  }
}
