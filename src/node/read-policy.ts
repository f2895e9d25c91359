import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Context, createContextOver, type Ports } from "../context/index.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import { LIMITS } from "../policy/index.ts";

/** The text of the policy at a path, or at a `file:`, `http:` or `https:` URL. Rejects with `policy-unreadable`. */
export async function readPolicy(location: string, ports: Ports): Promise<string> {
  if (/^https?:\/\//i.test(location)) return fetchPolicy(location, ports);
  const path = /^file:\/\//i.test(location) ? fileURLToPath(location) : location;
  try {
    const { size } = await stat(path);
    if (size > LIMITS.size)
      throw unreadable(location, `it has ${size} bytes, at most ${LIMITS.size} are read`);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof SecureStreamsError) throw cause;
    throw unreadable(location, whyUnreadable(cause), cause);
  }
}

async function fetchPolicy(url: string, ports: Ports): Promise<string> {
  const context: Context<unknown> = await createContextOver(ports, {
    policy: fetchingPolicy(url) as unknown,
  });
  const stream = context.open("fetch_policy");
  try {
    const reply = await stream.request();
    if (!reply.ok) throw unreadable(url, `the server answered ${reply.status}`);
    return new TextDecoder().decode(await reply.bytes(LIMITS.size));
  } catch (cause) {
    if (cause instanceof SecureStreamsError && cause.code === "policy-unreadable") throw cause;
    throw unreadable(url, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    stream.close();
  }
}

/** The policy that knows nothing but where the real one is. */
function fetchingPolicy(url: string): object {
  return {
    retry: { fetch: { backoff: [500, 1000, 2000], conceal: 3, jitterpc: 20 } },
    streams: {
      fetch_policy: { endpoint: url, protocol: "h1", http_method: "GET", retry: "fetch", timeout_ms: 20_000 },
    },
  };
}

function whyUnreadable(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "reading it is not permitted";
  if (code === "EISDIR") return "it is a directory";
  return cause instanceof Error ? cause.message : String(cause);
}

function unreadable(location: string, why: string, cause?: unknown): SecureStreamsError {
  const message = `Cannot read the policy "${location}": ${why}`;
  return new SecureStreamsError({ layer: "policy", code: "policy-unreadable", message }, { cause });
}
