import { type Reason, SecureStreamsError } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { MetadataValues } from "../stream/index.ts";
import type { FramedBody } from "./body.ts";
import type { StreamCore } from "./core.ts";
import type { Abortable } from "./ports.ts";
import type { Reply } from "./reply.ts";
import type { Asked } from "./transactions.ts";

/** What limits one transaction. */
export interface AskLimits {
  readonly signal: Abortable | undefined;
  /** Milliseconds from now until it is given up; undefined waits as long as the retries go on. */
  readonly timeout: Millis | undefined;
}

/** Adds a transaction to those of the stream: resolves with its reply, and gives it up when a limit is reached. */
export function ask(
  core: StreamCore,
  what: { readonly body: FramedBody; readonly metadata: MetadataValues | undefined },
  limits: AskLimits,
): Promise<Reply> {
  const { body, metadata } = what;
  return new Promise((resolve, reject) => {
    const isLimited = limits.signal !== undefined || limits.timeout !== undefined;
    const ended = isLimited ? watchLimits(core, limits, () => asked) : undefined;
    const asked: Asked = { body, metadata, resolve, reject, ended };
    core.transactions.add(asked);
  });
}

/** Watches the limits of a transaction; returns the way to stop. */
function watchLimits(core: StreamCore, limits: AskLimits, asked: () => Asked): () => void {
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
      const message = `No complete answer within ${timeout} ms`;
      const reason: Reason = { layer: "http", code: "timeout", message };
      const error = new SecureStreamsError(reason, { streamtype: core.streamtype.name });
      core.transactions.giveUp(asked(), error, reason);
    };
    sleep = clock.wake(deadline, late, true);
    leave.push(() => sleep());
  }
  return () => {
    for (const each of leave) each();
  };
}

const ABORTED: Reason = { layer: "stream", code: "aborted", message: "The caller gave the transaction up" };

function whenAborted(signal: Abortable, abort: () => void): () => void {
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
