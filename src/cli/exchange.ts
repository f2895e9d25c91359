import type { Acknowledgement, Message, Stream } from "../index.ts";
import { SecureStreamsError } from "../index.ts";
import type { Work } from "./commands/open.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { READER_LEFT } from "./interrupt.ts";
import { readMessages, releaseStdin } from "./source.ts";
import { tellMessage } from "./tell.ts";

/** Messages over ws, mqtt or raw: lines in, payload out, until everything is acknowledged or enough has come. */
export async function exchange(stream: Stream, work: Work): Promise<ExitCode> {
  const sender = new Sender(stream, work);
  const failed = failureOf(stream, work);
  stream.connect();
  if (work.timeout !== undefined) stream.timeout(work.timeout);
  const received = receive(stream, work);
  const sent = sender.run();
  const done = work.count === undefined ? sent : received.then(() => sender.settled());
  try {
    await Promise.race([done, failed, sent.then(() => done)]);
    if (sender.count === 0 && work.count === undefined) work.invocation.output.note(NOTHING_SENT);
    return EXIT.done;
  } catch (error) {
    if (error === work.invocation.signal.reason && isAllDone(error, sender, work)) return EXIT.done;
    throw error;
  } finally {
    releaseStdin();
  }
}

/** Stopped with nothing on the way: where no messages are left to wait for, all that was asked for is done. */
function isAllDone(why: unknown, sender: Sender, { count }: Work): boolean {
  return sender.pending === 0 && (count === undefined || why === READER_LEFT);
}

const NOTHING_SENT =
  "Nothing was sent: stdin was empty. Give --data TEXT, lines on stdin, or --count N to wait for messages";

/** Sends what `--data` or stdin gives, at most a window of it unacknowledged. */
class Sender {
  readonly #stream: Stream;
  readonly #work: Work;
  readonly #pending = new Set<Promise<Acknowledgement>>();
  /** Messages given to the stream. */
  count = 0;

  constructor(stream: Stream, work: Work) {
    this.#stream = stream;
    this.#work = work;
  }

  get pending(): number {
    return this.#pending.size;
  }

  async run(): Promise<void> {
    const keepsLineEnds = this.#stream.inspect().protocol === "raw";
    for await (const message of readMessages(this.#work.data, { keepsLineEnds })) {
      this.count += 1;
      const sent = this.#stream.send(message);
      this.#pending.add(sent);
      sent.then(
        () => this.#pending.delete(sent),
        () => {},
      );
      if (this.#pending.size >= WINDOW) await Promise.race(this.#pending);
    }
    await this.settled();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}

const WINDOW = 64;

/** Resolves when as many messages have come as were asked for. */
async function receive(stream: Stream, { count, invocation: { output } }: Work): Promise<void> {
  let left = count ?? Number.POSITIVE_INFINITY;
  for await (const message of stream) {
    tellMessage(output, message, stream.received);
    if (!output.json && message.end) output.payload(LINE_END);
    if (isLast(message)) left -= 1;
    if (left <= 0) return;
  }
}

const LINE_END = Uint8Array.of(0x0a);

/** Whether a message is complete with this piece. Raw bytes have no messages: each piece counts. */
function isLast({ end, binary, topic }: Message): boolean {
  return end || (binary === undefined && topic === undefined);
}

/** Rejects when the stream can do no more, with the reason; when the user stops it, with the signal's reason. */
function failureOf(stream: Stream, { invocation: { signal } }: Work): Promise<never> {
  return new Promise((_, reject) => {
    stream.on("state", ({ state, reason }) => {
      if (reason === undefined) return;
      if (state === "timeout") reject(new SecureStreamsError(reason));
      else if (state === "all-retries-failed") {
        const { message, layer } = reason;
        const cause = new SecureStreamsError(reason);
        const told = `Every attempt failed; the last: ${message}`;
        reject(new SecureStreamsError({ layer, code: "all-retries-failed", message: told }, { cause }));
      }
    });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
