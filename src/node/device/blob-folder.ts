import { type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SecureStreamsError, UsageError } from "../../lib/errors.ts";
import { BLOB_NAMES, BLOBS, type BlobName, Blobs } from "../../system/index.ts";
import { createSmallFiles } from "../platform/index.ts";

/** Writers replace several files, one after the other: a certificate and its key. */
const SETTLE = 100;
/** A folder that is mounted over another tells nobody. */
const LOOK_AGAIN = 60_000;

interface Found {
  readonly name: BlobName;
  readonly slot: number;
  readonly bytes: Uint8Array;
}

/**
 * Blobs from files: in the folder stands one for each, named as the blob (`auth`, `serial`, `client-key`), with `-1` and so
 * on for the slots after the first (`auth-1`). Other files are left alone. systemd's `LoadCredential=` makes such a folder.
 */
export class BlobFolder {
  readonly blobs: Blobs;
  readonly #folder: string;
  /** What the folder set, and takes back when the file goes. */
  #own: readonly Found[] = [];
  /** One after the other. */
  #reading: Promise<void> = Promise.resolve();

  /** Sets them in `blobs`, over what is there. */
  constructor(folder: string, blobs: Blobs = new Blobs()) {
    this.#folder = folder;
    this.blobs = blobs;
  }

  /**
   * Reads the files; all that they say is set in one turn, or nothing. Rejects with UsageError, `file-failed` or
   * `not-permitted`, which name the file and nothing of what is in it.
   */
  read(): Promise<void> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => {});
    return reading;
  }

  async #read(): Promise<void> {
    const present = new Set(await this.#names());
    const files = createSmallFiles();
    const found: Found[] = [];
    for (const name of BLOB_NAMES) {
      for (let slot = 0; slot < BLOBS[name].slots; slot++) {
        const file = slot === 0 ? name : `${name}-${slot}`;
        if (!present.has(file)) continue;
        const path = join(this.#folder, file);
        // One more for a line end of two bytes.
        const bytes = await files.read(path, BLOBS[name].limit + 2);
        if (bytes === undefined) throw unusable(path, BLOBS[name].limit);
        found.push({ name, slot, bytes });
      }
    }
    // What is too long or no text is so before anything is set.
    const trial = new Blobs();
    for (const { name, slot, bytes } of found) trial.set(name, bytes, slot);
    for (const { name, slot } of this.#own) {
      if (!found.some((each) => each.name === name && each.slot === slot)) this.blobs.delete(name, slot);
    }
    for (const { name, slot, bytes } of found) this.blobs.set(name, bytes, slot);
    this.#own = found;
  }

  /**
   * Reads again whenever the folder changes, until the returned function is called. What cannot be read is told to `failed`,
   * and what was read before stays. Does not keep the process alive.
   */
  watch(failed: (error: unknown) => void): () => void {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const readAgain = (): void => {
      // The folder may be another one by now.
      watcher?.close();
      watcher = watchFolder(this.#folder, changed);
      this.read().catch((error: unknown) => {
        if (!isOver) failed(error);
      });
    };
    const changed = (): void => {
      clearTimeout(timer);
      timer = setTimeout(readAgain, SETTLE).unref();
    };
    let watcher = watchFolder(this.#folder, changed);
    const looking = setInterval(changed, LOOK_AGAIN).unref();
    // What changed since it was read.
    changed();
    return () => {
      isOver = true;
      clearTimeout(timer);
      clearInterval(looking);
      watcher?.close();
    };
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const what = `Cannot read the folder of blobs "${this.#folder}"`;
      if (code === "ENOENT" || code === "ENOTDIR") {
        throw new UsageError(`${what}: there is no such folder`, "usage", "system");
      }
      const message = `${what}: the system refused (${code})`;
      const reason = code === "EACCES" || code === "EPERM" ? "not-permitted" : "file-failed";
      throw new SecureStreamsError({ layer: "system", code: reason, message }, { cause });
    }
  }
}

/** Undefined where it cannot be watched now: it is looked at all the same. */
function watchFolder(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, changed);
    return watcher.on("error", () => watcher.close());
  } catch {
    return undefined;
  }
}

function unusable(path: string, limit: number): UsageError {
  const message = `Cannot use the blob in "${path}": it is no file, or has more than ${limit} bytes`;
  return new UsageError(message, "usage", "system");
}
