import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { type Body, UsageError } from "../index.ts";

/** A body of at most so many bytes is read whole, so that it has a length and can be sent again. */
const WHOLE = 1024 * 1024;

/** The body that `--data TEXT|@FILE|-` names. */
export async function readBody(data: string): Promise<Body> {
  if (data === "-") return readStdin();
  return data.startsWith("@") ? readNamed(data.slice(1)) : data;
}

/** The messages that `--data` names, or the lines of stdin without it. Reading stdin ends when `signal` fires. */
export async function* readMessages(
  data: string | undefined,
  signal: AbortSignal,
): AsyncIterable<string | Uint8Array> {
  if (data !== undefined && data !== "-") yield data.startsWith("@") ? await readNamed(data.slice(1)) : data;
  else yield* createInterface({ input: process.stdin, signal });
}

/** Lets go of stdin: a pipe that stays open does not keep the process. */
export function releaseStdin(): void {
  process.stdin.destroy();
}

async function readStdin(): Promise<Body> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const stdin = process.stdin[Symbol.asyncIterator]();
  while (size <= WHOLE) {
    const { done, value } = await stdin.next();
    if (done) return Buffer.concat(pieces);
    const piece = value as Uint8Array;
    pieces.push(piece);
    size += piece.length;
  }
  return (async function* () {
    yield* pieces.splice(0);
    yield* stdin as AsyncIterableIterator<Uint8Array>;
  })();
}

async function readNamed(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const why =
      error instanceof Error && "code" in error && error.code === "ENOENT"
        ? "there is no such file"
        : String(error instanceof Error ? error.message : error);
    throw new UsageError(`Cannot use --data "@${path}": ${why}`);
  }
}
