import { concat } from "../lib/bytes.ts";
import type { Random } from "../lib/random.ts";
import type { HttpSettings } from "../policy/index.ts";
import type { Body } from "./events.ts";
import type { Text } from "./ports.ts";

/** A body ready for the wire, and the headers that describe it. */
export interface FramedBody {
  /** What to send on an attempt; undefined sends none. Throws nothing. */
  readonly open: () => Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Whether `open` may be called for a further attempt after the last one was read. */
  readonly isReplayable: boolean;
  /** Names in lower case alternating with values. */
  readonly headers: readonly string[];
}

const NO_BODY: FramedBody = { open: () => undefined, isReplayable: true, headers: [] };

/** Frames `body` as the policy says: as it is, or as the one part of a multipart form. */
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

function plainBody(body: Body, text: Text): FramedBody {
  if (typeof body === "string") {
    const bytes = text.encode(body);
    return { open: () => bytes, isReplayable: true, headers: [] };
  }
  if (body instanceof Uint8Array) return { open: () => body, isReplayable: true, headers: [] };
  if (typeof body === "function") return { open: body, isReplayable: true, headers: [] };
  return { open: () => body, isReplayable: false, headers: [] };
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
