import { decodeUtf8, encodeUtf8, equalBytes } from "../lib/bytes.ts";
import { UsageError } from "../lib/errors.ts";

/** What a device knows about itself, and how much of it: the system blobs of libwebsockets. */
interface BlobRow {
  /** Places under the same name. */
  readonly slots: number;
  /** Most bytes of one. */
  readonly limit: number;
  /** Text, or bytes as they are. */
  readonly kind: "text" | "bytes";
}

const TEXT: BlobRow = { slots: 1, limit: 4096, kind: "text" };
const CREDENTIAL: BlobRow = { slots: 2, limit: 16 * 1024, kind: "text" };
const CERTIFICATE: BlobRow = { slots: 4, limit: 64 * 1024, kind: "bytes" };

/** `auth`: slot 0 is the access token, 1 the one to get it with. `ext-auth-1` and on: slot 0 the id, 1 the secret. */
export const BLOBS = {
  auth: CREDENTIAL,
  "client-certificate": CERTIFICATE,
  "client-key": CERTIFICATE,
  serial: TEXT,
  "firmware-version": TEXT,
  "device-type": TEXT,
  "ntp-server": TEXT,
  "mqtt-client-id": TEXT,
  "mqtt-username": TEXT,
  "mqtt-password": { ...TEXT, kind: "bytes" },
  "ext-auth-1": CREDENTIAL,
  "ext-auth-2": CREDENTIAL,
  "ext-auth-3": CREDENTIAL,
  "ext-auth-4": CREDENTIAL,
} as const satisfies Readonly<Record<string, BlobRow>>;

export type BlobName = keyof typeof BLOBS;

export const BLOB_NAMES: readonly BlobName[] = Object.keys(BLOBS) as BlobName[];

const REDACTED = "[redacted]";

/** Named secrets and facts about this device. Nothing in here is ever printed, whoever prints it and however. */
export class Blobs {
  readonly #values = new Map<string, Uint8Array>();
  readonly #watchers = new Set<{ readonly told: (name: BlobName) => void }>();

  /**
   * Sets one. Text is kept as UTF-8; the last line end of what comes from a file is left out of text. Throws UsageError
   * for a slot that does not exist, or too many bytes.
   */
  set(name: BlobName, value: string | Uint8Array, slot = 0): void {
    const { slots, limit, kind } = BLOBS[name];
    if (!Number.isInteger(slot) || slot < 0 || slot >= slots) {
      throw misuse(name, `there is no slot ${slot}, only 0 to ${slots - 1}`);
    }
    const bytes = typeof value === "string" ? encodeUtf8(value) : Uint8Array.from(value);
    const kept = kind === "text" ? withoutLineEnd(bytes) : bytes;
    if (kept.length > limit) throw misuse(name, `${kept.length} bytes are more than ${limit}`);
    if (kind === "text" && textOf(kept) === undefined) throw misuse(name, "it is not UTF-8");
    const key = keyOf(name, slot);
    const before = this.#values.get(key);
    this.#values.set(key, kept);
    if (before === undefined || !equalBytes(before, kept)) this.#changed(name);
  }

  delete(name: BlobName, slot = 0): void {
    if (this.#values.delete(keyOf(name, slot))) this.#changed(name);
  }

  /** Calls `told` after each change of a value, never with the value. Returns the way to end it. */
  watch(told: (name: BlobName) => void): () => void {
    const watcher = { told };
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  has(name: BlobName, slot = 0): boolean {
    return this.#values.has(keyOf(name, slot));
  }

  /** A copy of the bytes; undefined where it is not set. */
  bytes(name: BlobName, slot = 0): Uint8Array | undefined {
    return this.#values.get(keyOf(name, slot))?.slice();
  }

  /** As text; undefined where it is not set, or not UTF-8. */
  text(name: BlobName, slot = 0): string | undefined {
    const bytes = this.#values.get(keyOf(name, slot));
    return bytes === undefined ? undefined : textOf(bytes);
  }

  #changed(name: BlobName): void {
    for (const { told } of this.#watchers) told(name);
  }

  toJSON(): string {
    return REDACTED;
  }

  toString(): string {
    return REDACTED;
  }

  /** What util.inspect and console.log show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Blobs ${REDACTED}`;
  }
}

/** `SECURE_STREAMS_AUTH`, `SECURE_STREAMS_AUTH_1`, `SECURE_STREAMS_CLIENT_KEY`, ... of an environment. */
export function blobsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): Blobs {
  const blobs = new Blobs();
  for (const name of BLOB_NAMES) {
    for (let slot = 0; slot < BLOBS[name].slots; slot++) {
      const value = environment[variableOf(name, slot)];
      if (value !== undefined) blobs.set(name, value, slot);
    }
  }
  return blobs;
}

function variableOf(name: BlobName, slot: number): string {
  const suffix = slot === 0 ? "" : `_${slot}`;
  return `SECURE_STREAMS_${name.toUpperCase().replaceAll("-", "_")}${suffix}`;
}

function keyOf(name: BlobName, slot: number): string {
  return `${name} ${slot}`;
}

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  if (bytes.at(-1) !== 0x0a) return bytes;
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch {
    return undefined;
  }
}

/** Says nothing of the value. */
function misuse(name: BlobName, why: string): UsageError {
  return new UsageError(`Cannot set the blob "${name}": ${why}`, "usage", "system");
}
