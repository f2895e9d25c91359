import type { Body, Reply, Stream } from "../index.ts";
import type { Work } from "./commands/open.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { READER_LEFT, until } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { readBody, releaseStdin } from "./source.ts";
import { tellMessage } from "./tell.ts";

/** One h1 or h2 transaction, its payload to stdout. */
export async function transact(stream: Stream, work: Work): Promise<ExitCode> {
  const { output, signal } = work.invocation;
  try {
    const payload = await until(signal, bodyOf(stream, work.data));
    const reply = await stream.request({
      ...(payload === undefined ? {} : { payload }),
      ...(work.timeout === undefined ? {} : { timeout: work.timeout }),
      signal,
    });
    try {
      await tellReply(reply, output);
    } catch (error) {
      if (signal.reason !== READER_LEFT) throw error;
    }
    return reply.ok ? EXIT.done : EXIT.refused;
  } finally {
    releaseStdin();
  }
}

async function bodyOf(stream: Stream, data: string | undefined): Promise<Body | undefined> {
  if (data !== undefined) return readBody(data);
  return takesBody(stream) && process.stdin.isTTY !== true ? readBody("-") : undefined;
}

function takesBody(stream: Stream): boolean {
  return ["POST", "PUT", "PATCH"].includes(stream.method ?? "");
}

/** The pieces as they come; with `--json` a piece waits a moment for the end, so that a short reply is one event. */
async function tellReply(reply: Reply, output: Output): Promise<void> {
  const pieces = reply.payload[Symbol.asyncIterator]();
  let start = true;
  let piece: Uint8Array = new Uint8Array();
  let following = pieces.next();
  for (;;) {
    const next = await following;
    if (!next.done) {
      piece = next.value;
      following = pieces.next();
      following.catch(() => {});
    }
    const end = next.done === true || (output.json && (await endsSoon(following)));
    tellMessage(output, { payload: piece, start, end, topic: undefined }, start ? reply.metadata : {});
    if (end) return;
    start = false;
    piece = new Uint8Array();
  }
}

const MOMENT = 10;

async function endsSoon(following: Promise<IteratorResult<Uint8Array>>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const later = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), MOMENT);
  });
  const ends = following.then(
    ({ done }) => done === true,
    () => false,
  );
  const result = await Promise.race([ends, later]);
  clearTimeout(timer);
  return result;
}
