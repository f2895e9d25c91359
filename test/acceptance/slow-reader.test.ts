import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { createContext } from "../../src/index.ts";
import { createAuthority } from "../../src/testing/index.ts";

const MEBI = 1024 * 1024;
const SIZE = 50 * MEBI;
/** Where the reader stops until the server writes no more. */
const STOPS = [0, 1, 10, 25, 49].map((mebi) => mebi * MEBI);
/** Of a client that gathers the payload the memory grows by all of it. */
const MOST_GROWTH = 32 * MEBI;

/** What the collector has not looked at yet says nothing about the client. */
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const authority = createAuthority();
const { chainPem, keyPem } = authority.issue({ names: ["127.0.0.1"] });

test.each([
  ["h1", { protocol: "h1" }],
  ["h1-tls", { protocol: "h1", tls: true, tls_trust_store: "own" }],
  ["h2-tls", { protocol: "h2", tls: true, tls_trust_store: "own" }],
])(
  "50 MiB over %s reach a reader that stops and is slow, whole, and memory stays small",
  async (kind, keys) => {
    const server = new BlobServer(kind);
    const port = await server.port;
    await using context = await createContext({
      policy: {
        certs: { root: Buffer.from(authority.certificateDer).toString("base64") },
        trust_stores: { own: ["root"] },
        streams: { blob: { endpoint: "127.0.0.1", port, client_buflen: 65_536, ...keys } },
      },
    });
    const hash = createHash("sha256");
    const stops = [...STOPS];
    let received = 0;
    let ahead = 0;
    let collected = 0;
    const reply = await context.request("blob");
    collect();
    const before = process.memoryUsage.rss();
    let most = before;

    for await (const piece of reply.payload) {
      hash.update(piece);
      received += piece.length;
      if (received > (stops[0] ?? Number.POSITIVE_INFINITY)) {
        stops.shift();
        await server.standstill();
        ahead = Math.max(ahead, server.written - received);
      }
      if (received - collected > MEBI) {
        collected = received;
        collect();
      }
      most = Math.max(most, process.memoryUsage.rss());
      await new Promise((resolve) => setImmediate(resolve));
    }

    expect(received).toBe(SIZE);
    expect(hash.digest("hex")).toBe(sent());
    // What the sockets' buffers on both sides hold, and no more.
    expect(ahead).toBeLessThan(16 * MEBI);
    expect(most - before).toBeLessThan(MOST_GROWTH);
  },
);

class BlobServer {
  readonly #child: ChildProcess;
  readonly port: Promise<number>;
  written = 0;

  constructor(kind: string) {
    const file = fileURLToPath(new URL("blob-server.mjs", import.meta.url));
    this.#child = fork(file, [kind, chainPem, keyPem], { stdio: "inherit", execArgv: [] });
    onTestFinished(() => void this.#child.kill("SIGKILL"));
    this.port = once(this.#child, "message").then(([{ port }]) => port);
    this.#child.on("message", ({ written = this.written }: { written?: number }) => {
      this.written = written;
    });
  }

  /** Resolves once nothing has been written for a while. */
  async standstill(): Promise<void> {
    for (let last = -1; last !== this.written; ) {
      last = this.written;
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }
}

function sent(): string {
  const hash = createHash("sha256");
  for (let index = 1; index <= 800; index++) hash.update(Buffer.alloc(64 * 1024, index % 251));
  return hash.digest("hex");
}
