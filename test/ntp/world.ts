import { NtpClient, type NtpInput, type NtpOptions, type NtpOutput } from "../../src/ntp/index.ts";
import { SeededRandom } from "../../src/testing/index.ts";
import { type ReplyFields, replyTo } from "./server.ts";

/** 2026-06-01T00:00:00Z: the true time at moment 0. */
export const TRUTH = Date.UTC(2026, 5, 1);

type Send = Extract<NtpOutput, { type: "send" }>;

/** A client, a wall clock that may be wrong, and servers that answer what a test says. */
export class NtpWorld {
  readonly client: NtpClient;
  now = 0;
  /** What the wall clock is ahead of the truth. */
  error: number;
  readonly outputs: NtpOutput[] = [];
  readonly sent: {
    readonly server: string;
    readonly at: number;
    readonly id: number;
    readonly bytes: Uint8Array;
  }[] = [];

  constructor(options: { readonly error?: number; readonly seed?: number; readonly ntp?: NtpOptions } = {}) {
    this.error = options.error ?? 0;
    this.client = new NtpClient(new SeededRandom(options.seed ?? 1), options.ntp);
  }

  get wall(): number {
    return TRUTH + this.now + this.error;
  }

  feed(input: NtpInput | { readonly type: "timeout" }): readonly NtpOutput[] {
    const outputs = this.client.handle(input, this.now);
    this.outputs.push(...outputs);
    for (const output of outputs) if (output.type === "send") this.sent.push({ ...output, at: this.now });
    return outputs;
  }

  servers(...servers: readonly string[]): void {
    this.feed({ type: "servers", servers });
  }

  /** The last request to `server`. */
  request(server: string): Omit<Send, "type"> & { readonly at: number } {
    const request = this.sent.findLast((each) => each.server === server);
    if (request === undefined) throw new Error(`nothing was sent to ${server}`);
    return request;
  }

  /** `server` answers its last request now: its clock is ahead of the truth by `error`. */
  answer(server: string, fields: ReplyFields = {}, error = 0): readonly NtpOutput[] {
    const { bytes } = this.request(server);
    return this.bytes(server, replyTo(bytes, TRUTH + this.now + error, fields));
  }

  bytes(server: string, bytes: Uint8Array): readonly NtpOutput[] {
    return this.feed({ type: "reply", server, id: this.request(server).id, bytes, wall: this.wall });
  }

  /** On to the next thing that is due. */
  next(): readonly NtpOutput[] {
    this.now = this.client.deadline;
    return this.feed({ type: "timeout" });
  }

  advance(span: number): void {
    const end = this.now + span;
    while (this.client.deadline <= end) this.next();
    this.now = end;
  }

  of<Type extends NtpOutput["type"]>(type: Type): Extract<NtpOutput, { type: Type }>[] {
    return this.outputs.filter(
      (output): output is Extract<NtpOutput, { type: Type }> => output.type === type,
    );
  }
}
