import type {
  Established,
  Frame,
  Link,
  LinkEnd,
  SendOptions,
  Settled,
  Transport,
} from "../src/context/index.ts";
import type { Target } from "../src/stream/index.ts";

const WHOLE: SendOptions = { start: true, end: true };
let streams = 0;

/** An open link of a transport and all that it tells; it throws where the contract of LinkEvents is broken. */
export class OpenLink {
  readonly link: Link;
  readonly established: Promise<Established>;
  readonly ended: Promise<LinkEnd>;
  readonly received: Uint8Array[] = [];
  readonly frames: Frame[] = [];
  /** False makes the reader take nothing more. */
  isReading = true;
  drains = 0;
  isEstablished = false;
  end: LinkEnd | undefined;
  #wake: (() => void)[] = [];

  constructor(transport: Transport, target: Target, body?: Uint8Array) {
    let isReturned = false;
    let establish: (established: Established) => void = () => undefined;
    let refuse: (error: Error) => void = () => undefined;
    let end: (end: LinkEnd) => void = () => undefined;
    this.established = new Promise((resolve, reject) => {
      establish = resolve;
      refuse = reject;
    });
    this.established.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      end = resolve;
    });
    const check = (what: string, isAllowed: boolean) => {
      if (!isReturned) throw new Error(`${what} before open has returned`);
      if (this.end !== undefined) throw new Error(`${what} after the end`);
      if (!isAllowed) throw new Error(`${what} out of turn`);
    };
    this.link = transport.open(
      { stream: ++streams, target, body },
      {
        established: (established) => {
          check("established", !this.isEstablished);
          this.isEstablished = true;
          establish(established);
          this.#changed();
        },
        data: (payload, frame) => {
          check("data", this.isEstablished);
          this.received.push(payload);
          this.frames.push(frame);
          this.#changed();
          return this.isReading;
        },
        drained: () => {
          check("drained", this.isEstablished);
          this.drains++;
          this.#changed();
        },
        closed: (told) => {
          check("closed", true);
          this.end = told;
          end(told);
          refuse(new Error(`closed: ${JSON.stringify(told)}`));
          this.#changed();
        },
      },
    );
    isReturned = true;
  }

  get text(): string {
    return Buffer.concat(this.received).toString();
  }

  /** The code it failed with; undefined where it did not. */
  get code(): string | undefined {
    return this.end?.type === "failed" ? this.end.reason.code : undefined;
  }

  /** Sends one piece and waits until it settles. */
  send(payload: string | Uint8Array, options: SendOptions = WHOLE): Promise<Settled> {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    return new Promise((resolve) => this.link.send(bytes, options, resolve));
  }

  /** Resolves once `isTrue` after something has happened to the link. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const run of wake) run();
  }
}
