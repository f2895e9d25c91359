import { constants, type FileHandle, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import type { SmallFiles } from "../../context/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const PRIVATE = 0o600;

/** Files on disk. Rejects with SecureStreamsError `not-permitted`, `too-many-files` or `file-failed`. */
export const systemFiles: SmallFiles = {
  read: (path, limit) => reported(`read "${path}"`, () => read(path, limit)),
  replace: (path, bytes, mode) => reported(`replace "${path}"`, () => replace(path, bytes, mode ?? PRIVATE)),
  remove: (path) => reported(`remove "${path}"`, () => remove(path)),
};

async function read(path: string, limit: number): Promise<Uint8Array | undefined> {
  // A FIFO without a writer would wait for one, a terminal would become the process's own.
  const file = await openIfThere(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat().then((stat) => (stat.isFile() ? stat : { size: Infinity }));
    return size > limit ? undefined : await readUpTo(file, limit);
  } finally {
    await file.close();
  }
}

/** Undefined where there is more than `limit`: the size that a file tells is not what it gives (/proc, growing files). */
async function readUpTo(file: FileHandle, limit: number): Promise<Uint8Array | undefined> {
  const bytes = new Uint8Array(limit + 1);
  for (let length = 0; length <= limit; ) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    if (bytesRead === 0) return bytes.subarray(0, length);
    length += bytesRead;
  }
  return undefined;
}

/** A symbolic link at `path` is replaced, never followed. */
async function replace(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  // Loaded when a file is first written: a program that writes none starts sooner.
  const { randomBytes } = await import("node:crypto");
  const temporary = `${path}.${randomBytes(8).toString("hex")}`;
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, PRIVATE);
  try {
    try {
      await file.writeFile(bytes);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return;
  }
  await syncFolder(dirname(path));
}

/** The name itself survives a loss of power only when its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY | O_DIRECTORY);
  try {
    await folder.sync();
  } catch (error) {
    // Some file systems have nothing to sync a folder with.
    if (codeOf(error) !== "EINVAL") throw error;
  } finally {
    await folder.close();
  }
}

async function openIfThere(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    // ENXIO: a socket, or a device that is not there.
    if (["ENOENT", "ENOTDIR", "ENXIO", "ELOOP"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

async function reported<Result>(verb: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const code = codeOf(cause);
    const reason = ["EACCES", "EPERM", "EROFS"].includes(code) ? "not-permitted" : "file-failed";
    const message = `Cannot ${verb}: the system refused (${code})`;
    throw new SecureStreamsError({ layer: "system", code: reason, message }, { cause });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown";
}
