import { type Reason, SecureStreamsError, UsageError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import { type MetadataValues, namedMetadata, timedOut } from "../stream/index.ts";
import { frameBody } from "./body.ts";
import type { StreamCore } from "./core.ts";
import type { Abortable } from "./ports.ts";
import type { Reply } from "./reply.ts";
import type { RequestOptions } from "./stream-options.ts";
import type { Asked, Relay } from "./transactions.ts";

/** What limits one transaction. */
interface Limits {
  readonly signal: Abortable | undefined;
  /** Milliseconds from now until it is given up; undefined waits as long as the retries go on. */
  readonly timeout: Millis | undefined;
}

/**
 * Adds a transaction to those of the stream: resolves with its reply, and gives it up when a limit is reached. With a
 * `relay` the payload goes there as it comes, and none is left in the reply. Throws UsageError for what cannot be sent.
 */
export function ask(core: StreamCore, options: RequestOptions, relay?: Relay): Promise<Reply> {
  const { metadata: given, payload, signal } = options;
  const metadata = given && namedMetadata(core.streamtype, given as MetadataValues);
  core.planFor(metadata, payload !== undefined);
  const body = frameBody(payload, core.streamtype.http, core.ports);
  const timeout = timeoutOf(options.timeout ?? core.streamtype.timeout);
  return new Promise((resolve, reject) => {
    const isLimited = signal !== undefined || timeout !== undefined;
    const ended = isLimited ? watchLimits(core, { signal, timeout }, () => asked) : undefined;
    const asked: Asked = { body, metadata, relay, resolve, reject, ended };
    core.transactions.add(asked);
  });
}

/** 0 and Infinity are none. Throws UsageError for what is no span. */
export function timeoutOf(span: Millis | undefined): Millis | undefined {
  if (span === undefined || span === 0 || span === Number.POSITIVE_INFINITY) return undefined;
  if (span > 0) return span;
  throw new UsageError(`Cannot set the timeout: "${span}" is not a number of milliseconds`);
}

/** Watches the limits of a transaction; returns the way to stop. */
function watchLimits(core: StreamCore, limits: Limits, asked: () => Asked): () => void {
  const { signal, timeout } = limits;
  const leave: (() => void)[] = [];
  if (signal !== undefined) {
    leave.push(whenAborted(signal, () => core.transactions.giveUp(asked(), signal.reason, ABORTED)));
  }
  if (timeout !== undefined) {
    const { clock } = core.ports;
    const deadline = clock.now() + timeout;
    let sleep = (): void => {};
    const late = (): void => {
      // The clock wakes early where the wait is longer than a timer of Node's takes.
      if (clock.now() < deadline) {
        sleep = clock.wake(deadline, late, true);
        return;
      }
      const [reason, error] = lateness(core, timeout);
      core.transactions.giveUp(asked(), error, reason);
    };
    sleep = clock.wake(deadline, late, true);
    leave.push(() => sleep());
  }
  return () => {
    for (const each of leave) each();
  };
}

function lateness(core: StreamCore, timeout: Millis): [Reason, SecureStreamsError] {
  const { lastFailure: last } = core.transactions;
  const { isConnected } = core.machine;
  const { name: streamtype } = core.streamtype;
  const reason = timedOut(`No complete answer within ${timeout} ms`, last, { own: "http", isConnected });
  const cause = last && new SecureStreamsError(last, { streamtype });
  return [reason, new SecureStreamsError(reason, { cause, streamtype })];
}

const ABORTED: Reason = { layer: "stream", code: "aborted", message: "The caller gave the transaction up" };

function whenAborted(signal: Abortable, abort: () => void): () => void {
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
