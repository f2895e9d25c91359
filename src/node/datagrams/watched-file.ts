import { type FSWatcher, readFileSync, realpathSync, unwatchFile, watch, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isOutOfDescriptors } from "../../lib/descriptors.ts";

/** Where the kernel does not tell of changes, the file is looked at so often; DNS-33 allows 5 s. */
const POLL = 3000;
/** Writers empty a file before they fill it. */
const SETTLE = 50;

/**
 * Reads a text file at once and again whenever it changes, is replaced, appears or goes. A missing file reads as empty
 * text. Neither watch nor timer keeps the process alive.
 */
export function watchText(path: string, told: (text: string) => void): () => void {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void read();
    }, SETTLE).unref();
  };
  /** Undefined where the process has no descriptor to read it with: it is tried again. */
  const unreadable = (error: unknown): string | undefined => {
    const { code } = error as NodeJS.ErrnoException;
    if (!isOutOfDescriptors(code)) return "";
    changed();
    return undefined;
  };
  let last = readNow(path, unreadable) ?? "";
  const watchers = new Map<string, FSWatcher | undefined>();
  told(last);

  const read = async (): Promise<void> => {
    const text = await readFile(path, "utf8").catch(unreadable);
    if (isOver) {
      clearTimeout(timer);
      return;
    }
    follow();
    if (text === undefined || text === last) return;
    last = text;
    told(text);
  };
  // A link may be made to point elsewhere, as systemd-resolved and its rivals do.
  const follow = (): void => {
    const names = [path, resolved(path)];
    for (const [name, watcher] of watchers) {
      if (names.includes(name)) continue;
      watcher?.close();
      watchers.delete(name);
    }
    for (const name of names) if (!watchers.has(name)) watchers.set(name, watchName(name, changed));
  };
  follow();
  // A file mounted over another one tells no directory; only its times do.
  watchFile(path, { interval: POLL, persistent: false }, changed);

  return () => {
    isOver = true;
    clearTimeout(timer);
    unwatchFile(path, changed);
    for (const watcher of watchers.values()) watcher?.close();
  };
}

/** Watches the directory, because a replaced file is another file. */
function watchName(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_, name) => {
      if (name === null || name === basename(path)) changed();
    });
    return watcher.on("error", () => watcher.close());
  } catch {
    return undefined;
  }
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function readNow(path: string, unreadable: (error: unknown) => string | undefined): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    return unreadable(error);
  }
}
