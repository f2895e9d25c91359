import { type Body, UsageError } from "../index.ts";
import { readWhole } from "../node/index.ts";

/** A body of at most so many bytes is read whole, so that it has a length and can be sent again. */
const WHOLE = 1024 * 1024;

/** Bytes of a file that `--data @FILE` names. */
const LONGEST_FILE = 1024 * 1024 * 1024;

/** The body that `--data TEXT|@FILE|-` names. */
export async function readBody(data: string): Promise<Body> {
  if (data === "-") return readStdin();
  return data.startsWith("@") ? readNamed(data.slice(1)) : data;
}

/** The messages that `--data` names, or the lines of stdin without it, byte for byte. */
export async function* readMessages(
  data: string | undefined,
  { keepsLineEnds }: { readonly keepsLineEnds: boolean },
): AsyncIterable<string | Uint8Array> {
  if (data !== undefined && data !== "-") yield data.startsWith("@") ? await readNamed(data.slice(1)) : data;
  else yield* lines(process.stdin, keepsLineEnds);
}

const LINE_FEED = 0x0a;
const RETURN = 0x0d;
/** Bytes of one line. */
const LONGEST_LINE = 64 * 1024 * 1024;

/** Bytes, not text: a line may hold anything but a line end. */
async function* lines(pieces: AsyncIterable<Buffer>, keepsEnds: boolean): AsyncIterable<Uint8Array> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    let from = 0;
    for (let end = piece.indexOf(LINE_FEED); end !== -1; end = piece.indexOf(LINE_FEED, from)) {
      held.push(piece.subarray(from, end + 1));
      const line = Buffer.concat(held);
      yield keepsEnds ? line : withoutEnd(line);
      held = [];
      size = 0;
      from = end + 1;
    }
    held.push(piece.subarray(from));
    size += piece.length - from;
    if (size > LONGEST_LINE) {
      throw new UsageError(`Cannot send a line of more than ${LONGEST_LINE} bytes; use --data @FILE`);
    }
  }
  if (size > 0) yield Buffer.concat(held);
}

function withoutEnd(line: Buffer): Buffer {
  return line.subarray(0, line.at(-2) === RETURN ? -2 : -1);
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
    return await readWhole(path, LONGEST_FILE);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot use --data "@${path}": ${why}`);
  }
}
