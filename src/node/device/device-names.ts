import type { HostResolver, Resolution, ResolveEvents } from "../../dial/index.ts";

/** The names of a device's streams: asked anew when other servers are there to ask, and overheard. */
export class DeviceNames implements HostResolver {
  readonly #resolver: HostResolver;
  readonly #heard: (host: string, addresses: readonly string[]) => void;
  readonly #waiting = new Set<Question>();

  /** `heard` is told where each name leads, before whoever asked. */
  constructor(resolver: HostResolver, heard: (host: string, addresses: readonly string[]) => void) {
    this.#resolver = resolver;
    this.#heard = heard;
  }

  resolve(host: string, events: ResolveEvents): Resolution {
    const leave = (): void => {
      this.#waiting.delete(question);
    };
    const question = new Question(this.#resolver, host, {
      addresses: (family, addresses) => {
        leave();
        this.#heard(host, addresses);
        events.addresses(family, addresses);
      },
      done: (family, reason) => {
        leave();
        events.done(family, reason);
      },
    });
    this.#waiting.add(question);
    return {
      cancel: () => {
        leave();
        question.cancel();
      },
    };
  }

  /** Other servers are asked now: who has heard nothing of the old ones may wait for them in vain. */
  askAnew(): void {
    for (const question of this.#waiting) question.ask();
  }
}

class Question {
  readonly #resolver: HostResolver;
  readonly #host: string;
  readonly #events: ResolveEvents;
  #resolution: Resolution | undefined;

  constructor(resolver: HostResolver, host: string, events: ResolveEvents) {
    this.#resolver = resolver;
    this.#host = host;
    this.#events = events;
    this.ask();
  }

  ask(): void {
    this.#resolution?.cancel();
    this.#resolution = this.#resolver.resolve(this.#host, this.#events);
  }

  cancel(): void {
    this.#resolution?.cancel();
  }
}
