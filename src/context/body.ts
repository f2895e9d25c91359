import { concat } from "../lib/bytes.ts";
import { type Reason, UsageError } from "../lib/errors.ts";
import type { Random } from "../lib/random.ts";
import type { HttpSettings } from "../policy/index.ts";
import type { Target } from "../stream/index.ts";
import type { Body } from "./events.ts";
import type { Text } from "./ports.ts";

/** A body ready for the wire, and the headers that describe it. */
export interface FramedBody {
  /** What to send on an attempt; undefined sends none. Throws what the program's own function throws. */
  readonly open: () => Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Whether `open` may be called for a further attempt after the last one was read. */
  readonly isReplayable: boolean;
  /** Names in lower case alternating with values. */
  readonly headers: readonly string[];
}

const NO_BODY: FramedBody = { open: () => undefined, isReplayable: true, headers: [] };

/** The program's own function threw instead of returning a body. */
export function bodyFailed(error: unknown): Reason {
  const why = error instanceof Error ? error.message : String(error);
  const message = `Cannot send the request body: its function failed: ${why}`;
  return { layer: "stream", code: "body-failed", message };
}

/**
 * Frames `body` as the policy says: as it is, or as the one part of a multipart form. Throws UsageError for what is no
 * body.
 */
export function frameBody(
  body: Body | undefined,
  http: HttpSettings,
  { random, text }: { readonly random: Random; readonly text: Text },
): FramedBody {
  if (body === undefined) return NO_BODY;
  const plain = plainBody(body, text);
  if (http.multipart === undefined) return plain;
  const boundary = `ss-${hexOf(random.bytes(16))}`;
  const { name, filename, contentType } = http.multipart;
  const disposition = ["form-data", `name="${quoted(name ?? "payload")}"`];
  if (filename !== undefined) disposition.push(`filename="${quoted(filename)}"`);
  const type = contentType === undefined ? "" : `Content-Type: ${contentType}\r\n`;
  const before = text.encode(
    `--${boundary}\r\nContent-Disposition: ${disposition.join("; ")}\r\n${type}\r\n`,
  );
  const after = text.encode(`\r\n--${boundary}--\r\n`);
  return {
    open: () => wrap(before, plain.open(), after),
    isReplayable: plain.isReplayable,
    headers: ["content-type", `multipart/form-data; boundary=${boundary}`],
  };
}

/** `target` with the headers of a framed body, which go before others of the same name. */
export function framedTarget(target: Target, headers: readonly string[]): Target {
  if (headers.length === 0 || target.http === undefined) return target;
  const names = new Set(headers.filter((_, index) => index % 2 === 0));
  const others = target.http.headers.filter((_, index, all) => !names.has(`${all[index - (index % 2)]}`));
  return { ...target, http: { ...target.http, headers: [...others, ...headers] } };
}

function plainBody(body: Body, text: Text): FramedBody {
  if (typeof body === "string") {
    const bytes = text.encode(body);
    return { open: () => bytes, isReplayable: true, headers: [] };
  }
  if (body instanceof Uint8Array) return { open: () => body, isReplayable: true, headers: [] };
  if (typeof body === "function") return { open: body, isReplayable: true, headers: [] };
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body) {
    return { open: () => body, isReplayable: false, headers: [] };
  }
  throw new UsageError(
    "Cannot request: the payload is neither text, bytes, an async iterable of bytes nor a function that returns one",
  );
}

function wrap(
  before: Uint8Array,
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  after: Uint8Array,
): Uint8Array | AsyncIterable<Uint8Array> {
  if (body === undefined || body instanceof Uint8Array)
    return concat([before, body ?? new Uint8Array(), after]);
  return (async function* () {
    yield before;
    yield* body;
    yield after;
  })();
}

/** Quotes and line ends inside a field name would end it (WHATWG, multipart/form-data). */
function quoted(value: string): string {
  return value.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
