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
        if (!(error instanceof SecureStreamsError) || error.code === "internal") throw error;
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
    if (reply.status !== 200 || answer !== text) throw this.#wrong(answer, text);
  }

  #wrong(answer: string, text: string): SecureStreamsError {
    const message = `${this.name} sent ${JSON.stringify(text)} and got ${JSON.stringify(answer)}`;
    return new SecureStreamsError({ layer: "stream", code: "internal", message });
  }

  /** Sends a line and waits for its echo; an echo that a lost connection took with it is a loss. */
  #echo(): (text: string) => Promise<void> {
    const sent = new Set<string>();
    let current = "";
    let arrived = "";
    let stray: string | undefined;
    let settle: (outcome: "echoed" | "lost") => void = () => {};
    void (async () => {
      for await (const message of this.#stream) {
        arrived += message.text();
        for (let end = arrived.indexOf("\n"); end !== -1; end = arrived.indexOf("\n")) {
          const line = arrived.slice(0, end + 1);
          arrived = arrived.slice(end + 1);
          // An mqtt message that was sent again may be echoed again.
          if (!sent.has(line)) stray ??= line;
          if (line === current || stray !== undefined) settle("echoed");
        }
      }
    })();
    this.#stream.on("state", ({ state }) => {
      if (state !== "disconnected") return;
      arrived = "";
      // An mqtt message stays in custody over the outage; the others are sent again.
      if (this.name !== "mqtt") settle("lost");
    });
    return async (text) => {
      current = text;
      sent.add(text);
      const settled = new Promise<"echoed" | "lost">((resolve) => {
        settle = resolve;
      });
      const acknowledged = this.#stream.send(text);
      acknowledged.catch(() => settle("lost"));
      const outcome = await settled;
      await acknowledged;
      if (stray !== undefined) throw this.#wrong(stray, text);
      if (outcome === "lost") {
        throw new SecureStreamsError({ layer: "stream", code: "connection-lost", message: "No echo came" });
      }
    };
  }
}
