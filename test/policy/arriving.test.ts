import { EventEmitter, once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { createContextOver } from "../../src/context/index.ts";
import { createSystemOver, PolicyPart } from "../../src/context/system/index.ts";
import { createNodePorts } from "../../src/node/index.ts";
import { plain, secure, startH2, startHttp, startHttps, TRUST } from "../loopback-peers.ts";

const MEGABYTE = 1024 * 1024;
const RETRY = { quick: { backoff: [1000], conceal: 1, jitterpc: 0, svalidping: 0, svalidhup: 0 } };
/** Spaces: what may stand anywhere, and has no end. */
const PADDING = Buffer.alloc(64 * 1024, 0x20);

interface Served {
  readonly port: number;
  /** Answers the next request with a beginning, and then with padding for ever, or not another byte. */
  next(beginning: string, then: "padding" | "silence"): void;
  /** Resolves with how many bytes were taken when the client has ended the response. */
  readonly left: () => Promise<number>;
}

type Peer = "h1" | "h1 over tls" | "h2";

test.each<[Peer, "padding" | "silence"]>([
  ["h1", "padding"],
  ["h1", "silence"],
  ["h1 over tls", "padding"],
  ["h2", "padding"],
  ["h2", "silence"],
])(
  "a policy over %s that is bad early and goes on with %s is refused at once, and the last good one stays",
  async (peer, then) => {
    const server = await serve(peer);
    const { part, context, files, event } = await start(peer, server);
    const stored = files.get("policy.json");
    expect(stored).toContain('"good"');

    server.next('{"streams": {\n  "next": {"endpoint" "h"', then);
    const left = server.left();
    const refused = event("refused");
    part.refresh();

    const scheme = peer === "h1" ? "http" : "https";
    const where = `${scheme}://127.0.0.1:${server.port}/device.json:2:23`;
    expect(await refused).toMatchObject({
      from: "server",
      error: { code: "policy-syntax", message: `${where}: error: Expected ":" after "endpoint"` },
    });
    // What the kernels on the way take is all that is sent.
    expect(await left).toBeLessThan(16 * MEGABYTE);
    expect(context.streamtypes).toContain("good");
    expect(files.get("policy.json")).toBe(stored);
  },
);

test("a policy without end is refused at its limit, and the connection ends", async () => {
  const server = await serve("h1");
  const { part, context, event } = await start("h1", server);
  server.next('{"streams": {', "padding");
  const left = server.left();
  const failed = event("failed");
  part.refresh();

  const why = `http://127.0.0.1:${server.port}/device.json:1:1048577: error: The policy is larger than 1048576 bytes`;
  expect(await failed).toEqual({ type: "failed", why });
  expect(await left).toBeGreaterThan(MEGABYTE);
  expect(context.streamtypes).toContain("good");
});

/** A server of policies: first a good one, then what `next` says. */
async function serve(kind: Peer): Promise<Served> {
  let answer: { readonly beginning: string; readonly then: "padding" | "silence" } | undefined;
  const ended = new EventEmitter<{ left: [number] }>();

  const respond = (response: Writable): void => {
    if (answer === undefined) {
      response.end(JSON.stringify(good(kind, served.port)));
      return;
    }
    let sent = answer.beginning.length;
    const pad = (): void => {
      while (response.write(PADDING)) sent += PADDING.length;
      sent += PADDING.length;
    };
    response.on("error", () => {});
    response.on("close", () => ended.emit("left", sent));
    response.write(answer.beginning);
    if (answer.then === "silence") return;
    response.on("drain", pad);
    pad();
  };
  const peer =
    kind === "h2"
      ? await startH2((stream) => {
          stream.respond({ ":status": 200 });
          respond(stream);
        })
      : await (kind === "h1" ? startHttp : startHttps)((_, response) => respond(response));
  const served: Served = {
    port: peer.port,
    next: (beginning, then) => {
      answer = { beginning, then };
    },
    left: async () => {
      const [sent] = await once(ended, "left");
      return sent;
    },
  };
  return served;
}

interface Writable {
  write(bytes: string | Uint8Array): boolean;
  end(text: string): void;
  on(event: "close" | "drain" | "error", listener: () => void): void;
}

function fetching(kind: Peer, port: number): object {
  return {
    ...(kind === "h1" ? plain(port) : secure(port)),
    protocol: kind === "h2" ? "h2" : "h1",
    http_method: "GET",
    http_url: "device.json",
    retry: "quick",
  };
}

function good(kind: Peer, port: number): object {
  const fetch_policy = fetching(kind, port);
  return { ...TRUST, retry: RETRY, streams: { fetch_policy, good: { endpoint: "nobody", protocol: "h1" } } };
}

/** A system whose only part is the policy, over real sockets, with a good one in force. */
async function start(kind: Peer, { port }: Served) {
  const ports = createNodePorts();
  const policy = { ...TRUST, retry: RETRY, streams: { fetch_policy: fetching(kind, port) } };
  const context = await createContextOver(ports, { policy });
  const stored = new Map<string, string>();
  const files = {
    read: async () => undefined,
    replace: async (path: string, bytes: Uint8Array) => void stored.set(path, ports.text.decode(bytes)),
    remove: async () => {},
  };
  // A minute passes before each refresh: no fetch comes too soon after the last.
  let skew = 0;
  const clock = {
    ...ports.clock,
    now: () => ports.clock.now() + skew,
    wall: () => ports.clock.wall(),
    wake: (at: number, run: () => void, holds: boolean) => ports.clock.wake(at - skew, run, holds),
  };
  const part = new PolicyPart({ ...ports, clock, files }, { context, store: "policy.json" });
  const system = createSystemOver({ ...ports, clock }, { parts: [part] });
  onTestFinished(async () => {
    await system.stop();
    await context.close();
  });
  const told = new EventEmitter();
  system.on("policy", (each) => told.emit(each.type, each));
  await system.reached("OPERATIONAL");
  expect(context.streamtypes).toContain("good");
  const event = async (type: "refused" | "failed"): Promise<unknown> => {
    const [first] = await once(told, type);
    return first;
  };
  const later = {
    refresh: () => {
      skew += 60_000;
      part.refresh();
    },
  };
  return { part: later, context, files: stored, event };
}
