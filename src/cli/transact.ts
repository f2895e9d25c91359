import { readFile } from "node:fs/promises";
import { type Body, SecureStreamsError, type Stream } from "../index.ts";
import type { Work } from "./commands/open.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { tellMessage, tellStates } from "./tell-states.ts";

/** One h1 or h2 transaction, its payload to stdout. */
export async function transact(stream: Stream, work: Work): Promise<ExitCode> {
  const { output, signal } = work.invocation;
  tellStates(stream, output);
  const payload = await bodyOf(stream, work.data);
  try {
    const reply = await stream.request({
      ...(payload === undefined ? {} : { payload }),
      ...(work.timeout === undefined ? {} : { timeout: work.timeout }),
      signal,
    });
    let start = true;
    for await (const piece of reply.payload) {
      tellMessage(
        output,
        { payload: piece, start, end: false, topic: undefined },
        start ? reply.metadata : {},
      );
      start = false;
    }
    tellMessage(
      output,
      { payload: new Uint8Array(), start, end: true, topic: undefined },
      start ? reply.metadata : {},
    );
    return reply.ok ? EXIT.done : EXIT.refused;
  } catch (error) {
    if (signal.aborted && !(error instanceof SecureStreamsError)) return EXIT.done;
    throw error;
  }
}

async function bodyOf(stream: Stream, data: string | undefined): Promise<Body | undefined> {
  if (data === undefined)
    return takesBody(stream) && process.stdin.isTTY !== true ? process.stdin : undefined;
  if (data === "-") return process.stdin;
  return data.startsWith("@") ? readFile(data.slice(1)) : data;
}

function takesBody(stream: Stream): boolean {
  return ["POST", "PUT", "PATCH"].includes(stream.method ?? "");
}
