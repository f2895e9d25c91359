import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Acknowledgement, Stream } from "../index.ts";
import { SecureStreamsError } from "../index.ts";
import type { Work } from "./commands/open.ts";
import { EXIT, type ExitCode, exitCodeFor } from "./exit-codes.ts";
import { tellMessage, tellStates } from "./tell-states.ts";

/** Messages over ws, mqtt or raw: lines in, payload out, until everything is acknowledged or enough has come. */
export async function exchange(stream: Stream, work: Work): Promise<ExitCode> {
  const { output, signal } = work.invocation;
  tellStates(stream, output);
  const ended = endOf(stream, signal);
  stream.connect();
  if (work.timeout !== undefined) stream.timeout(work.timeout);
  const received = receive(stream, work);
  const sent = send(stream, work);
  const enough = work.count === undefined ? sent : Promise.all([sent, received]).then(() => EXIT.done);
  return await Promise.race([enough, ended, received.then(() => ended)]);
}

async function send(stream: Stream, { data, invocation }: Work): Promise<ExitCode> {
  const pending: Promise<Acknowledgement>[] = [];
  for await (const line of messages(data, invocation.signal)) {
    const sent = stream.send(line);
    sent.catch(() => {});
    pending.push(sent);
    if (pending.length >= 64) await pending.shift();
  }
  await Promise.all(pending);
  return EXIT.done;
}

async function* messages(data: string | undefined, signal: AbortSignal): AsyncIterable<string | Uint8Array> {
  if (data === undefined || data === "-") yield* createInterface({ input: process.stdin, signal });
  else yield data.startsWith("@") ? await readFile(data.slice(1)) : data;
}

/** Resolves when as many messages have come as were asked for; without a number, when the stream ends. */
async function receive(stream: Stream, { count, invocation: { output } }: Work): Promise<void> {
  let left = count ?? Number.POSITIVE_INFINITY;
  for await (const message of stream) {
    tellMessage(output, message, stream.received);
    if (!output.json && message.end) process.stdout.write("\n");
    if (message.end || !message.start) left -= 1;
    if (left <= 0) return;
  }
}

/** The exit code when the stream can do no more. */
function endOf(stream: Stream, signal: AbortSignal): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    stream.on("state", ({ state, reason }) => {
      if (state === "timeout") resolve(EXIT.timeout);
      else if (state === "destroying") resolve(EXIT.done);
      else if (state === "all-retries-failed" && reason !== undefined) {
        const error = new SecureStreamsError(reason);
        if (exitCodeFor(error) === EXIT.usage) reject(error);
        else resolve(EXIT.unreachable);
      }
    });
    signal.addEventListener("abort", () => resolve(EXIT.done), { once: true });
  });
}
