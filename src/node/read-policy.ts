import { fileURLToPath } from "node:url";
import { type Context, createContextOver, type Ports } from "../context/index.ts";
import { SecureStreamsError } from "../lib/errors.ts";
import { shortened } from "../lib/shortened.ts";
import { LIMITS } from "../policy/index.ts";
import { collect, readWhole } from "./read-whole.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Characters of a location, or of what is wrong with it, in a message. */
const LONGEST_SHOWN = 500;

/** The text of the policy at a path, or at a `file:`, `http:` or `https:` URL. Rejects with `policy-unreadable`. */
export async function readPolicy(location: string, ports: Ports): Promise<string> {
  try {
    const bytes = await (isRemote(location)
      ? fetchPolicy(location, ports)
      : readWhole(pathOf(location), LIMITS.size));
    return decodeUtf8(bytes, location);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot read the policy "${shortened(location, LONGEST_SHOWN)}": ${shortened(why, LONGEST_SHOWN)}`;
    throw new SecureStreamsError({ layer: "policy", code: "policy-unreadable", message }, { cause });
  }
}

function isRemote(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

function pathOf(location: string): string {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1]?.toLowerCase();
  if (scheme === undefined) return location;
  if (scheme === "file") return fileURLToPath(location);
  throw new Error("a policy comes from a path, or from a URL of file:, http: or https:");
}

async function fetchPolicy(url: string, ports: Ports): Promise<Uint8Array> {
  const context: Context<unknown> = await createContextOver(ports, {
    policy: fetchingPolicy(url) as unknown,
  });
  const stream = context.open("fetch_policy");
  try {
    const reply = await stream.request();
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    return await collect(reply.payload, LIMITS.size);
  } finally {
    stream.close();
  }
}

/** The policy that knows nothing but where the real one is. */
function fetchingPolicy(url: string): object {
  return {
    retry: { fetch: { backoff: [500, 1000, 2000], conceal: 3, jitterpc: 20 } },
    streams: {
      fetch_policy: {
        endpoint: url,
        protocol: "h1",
        http_method: "GET",
        retry: "fetch",
        timeout_ms: 20_000,
        allow_redirects: true,
      },
    },
  };
}
