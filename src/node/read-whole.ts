import { close, constants, createReadStream, fstat, open, type Stats } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

/**
 * The bytes of a file or pipe, at most `most` of them. Rejects with an Error whose message ends a sentence: "there is
 * no such file".
 */
export async function readWhole(path: string, most: number): Promise<Uint8Array> {
  let file: number;
  try {
    // A named pipe that nobody writes to would block a thread, and with it the end of the process.
    file = await promisify(open)(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw new Error(whyUnreadable(cause), { cause });
  }
  const kind = await promisify(fstat)(file);
  const why = whyNoFile(kind, most);
  if (why !== undefined) {
    await promisify(close)(file);
    throw new Error(why);
  }
  const pieces = kind.isFIFO()
    ? new Socket({ fd: file, readable: true, writable: false })
    : createReadStream(path, { fd: file });
  return collect(pieces, most);
}

/** The pieces as one. Rejects above `most` bytes. */
export async function collect(pieces: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const taken: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    if (size > most) throw new Error(`it has more than ${most} bytes`);
    taken.push(piece);
  }
  return Buffer.concat(taken);
}

function whyNoFile(kind: Stats, most: number): string | undefined {
  if (kind.isDirectory()) return "it is a directory";
  if (!kind.isFile() && !kind.isFIFO()) return "it is a device and no file";
  return kind.size > most ? `it has ${kind.size} bytes, at most ${most} are read` : undefined;
}

function whyUnreadable(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "reading it is not permitted";
  if (code === "ENOTDIR") return "a part of its path is no directory";
  return cause instanceof Error ? cause.message : String(cause);
}
