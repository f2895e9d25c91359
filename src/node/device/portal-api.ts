import {
  type Abortable,
  type Context,
  createContextOver,
  type Ports,
  type Stream,
} from "../../context/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";
import { API_LIMIT, type ApiOutcome } from "../../system/index.ts";

/** The streamtype that asks a network's own API, where the policy wants to say how: metadata `url` is its endpoint. */
const STREAMTYPE = "captive_portal_api";
const METADATA = { url: "", accept: "accept" } as const;
const BUILT_IN = {
  retry: { once: { backoff: [1000], conceal: 0 } },
  streams: {
    [STREAMTYPE]: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own template
      ...{ endpoint: "${url}", port: 443, protocol: "h1", tls: true, metadata: METADATA },
      ...{ retry: "once", timeout_ms: 10_000 },
    },
  },
};

/** Asks the API that DHCP option 114 names (RFC 8908), by https and without following anybody. */
export class PortalApi {
  readonly #context: Context;
  readonly #ports: () => Ports;
  #own: Promise<Context> | undefined;

  /** `ports` are for a context of its own, where the policy of `context` has no such streamtype. */
  constructor(context: Context, ports: () => Ports) {
    this.#context = context;
    this.#ports = ports;
  }

  /** One transaction, whose first failure ends it: the next look asks again. */
  async ask(url: string, signal: Abortable): Promise<ApiOutcome> {
    let stream: Stream | undefined;
    try {
      const context = await this.#contextFor();
      const metadata = { url, accept: "application/captive+json" };
      stream = context.open(STREAMTYPE, { metadata, alone: true } as object);
      return await Promise.race([firstFailure(stream), answer(stream, signal)]);
    } catch (error) {
      if (!(error instanceof SecureStreamsError)) throw error;
      const { layer, code, message } = error;
      return { type: "failed", reason: { layer, code, message } };
    } finally {
      stream?.close();
    }
  }

  async close(): Promise<void> {
    await (await this.#own)?.close();
  }

  #contextFor(): Context | Promise<Context> {
    if (this.#context.describe(STREAMTYPE) !== undefined) return this.#context;
    this.#own ??= createContextOver(this.#ports(), { policy: BUILT_IN }) as unknown as Promise<Context>;
    return this.#own;
  }
}

function firstFailure(stream: Stream): Promise<ApiOutcome> {
  return new Promise((resolve) => {
    stream.on("state", ({ state, reason }) => {
      if (reason === undefined || (state !== "unreachable" && state !== "auth-failed")) return;
      resolve({ type: "failed", reason });
    });
  });
}

async function answer(stream: Stream, signal: Abortable): Promise<ApiOutcome> {
  const reply = await stream.request({ signal });
  const body = await reply.bytes(API_LIMIT + 1).catch(() => new Uint8Array(API_LIMIT + 1));
  return { type: "answer", status: reply.status, contentType: reply.header("content-type"), body };
}
