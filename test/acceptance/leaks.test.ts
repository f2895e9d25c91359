import { readdirSync } from "node:fs";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { type Context, createContext, type Stream } from "../../src/index.ts";
import { startBroker, startH2, startHttp, startTcp, startWs, TRUST } from "../loopback-peers.ts";

/** What the program does to a stream, at one moment after another of its life. */
const WAYS: readonly ((stream: Stream, controller: AbortController) => void)[] = [
  (stream) => stream.close(),
  (_, controller) => controller.abort(),
  (stream) => stream.disconnect(),
];
const EXPECTED = new Set(["closed", "connection-lost", "aborted", "outcome-unknown"]);

const rejections: unknown[] = [];
beforeAll(() => {
  const note = (error: unknown): void => void rejections.push(error);
  process.on("unhandledRejection", note);
  return () => process.off("unhandledRejection", note);
});

test.each(["h1", "h2", "ws", "mqtt", "raw"] as const)(
  "%s: streams that are closed, aborted and hung up at every moment leave no socket, timer or rejection",
  async (protocol) => {
    const context = await contextFor(protocol);
    await live(context, 20, 1);
    const before = descriptors();

    for (const end of WAYS.keys())
      for (let moment = 0; moment < 25; moment++) await live(context, moment, end);
    await context.close();

    expect(context.inspect()).toEqual({ streams: [], connections: [] });
    await until(() => descriptors() <= before);
    expect(rejections).toEqual([]);
  },
);

test("10 000 streams that are opened and closed leave nothing", async () => {
  const context = await contextFor("ws");
  const timers = active();
  for (let count = 0; count < 10_000; count++) {
    const stream = context.open("one");
    if (count % 100 === 0) stream.connect();
    stream.timeout(60_000);
    stream.close();
  }

  expect(context.inspect().streams).toEqual([]);
  await context.close();

  expect(active()).toBe(timers);
  expect(rejections).toEqual([]);
});

/** Three streams at work, which end `moment` turns of the event loop after they began. */
async function live(context: Context, moment: number, end: number): Promise<void> {
  const works = Array.from({ length: 3 }, async () => {
    const controller = new AbortController();
    const stream = context.open("one", { signal: controller.signal });
    const signal = controller.signal;
    const work = stream.isTransactional
      ? stream.request({ signal, payload: "x" }).then((reply) => reply.text())
      : stream.send("x");
    const settled = work.catch((error: unknown) => {
      const { code, name } = error as { code?: string; name?: string };
      if (name !== "AbortError" && !EXPECTED.has(code ?? "")) throw error;
    });
    for (let turn = 0; turn < moment * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    WAYS[end]?.(stream, controller);
    if (end === 2) await new Promise((resolve) => setImmediate(resolve));
    stream.close();
    await settled;
  });
  await Promise.all(works);
}

async function contextFor(protocol: "h1" | "h2" | "ws" | "mqtt" | "raw"): Promise<Context> {
  const keys = { endpoint: "127.0.0.1", protocol, port: await peerOf(protocol), retry: "quick" };
  const special = {
    h1: {},
    h2: { tls: true, tls_trust_store: "loopback" },
    ws: {},
    mqtt: { mqtt_topic: "t", mqtt_qos: 1, mqtt_clean_start: true },
    raw: {},
  };
  const context = await createContext({
    policy: {
      ...TRUST,
      retry: { quick: { backoff: [5], conceal: 65_535, jitterpc: 0 } },
      streams: { one: { ...keys, ...special[protocol] } },
    } as object,
  });
  onTestFinished(() => context.close());
  return context as unknown as Context;
}

async function peerOf(protocol: string): Promise<number> {
  switch (protocol) {
    case "h1":
      return (await startHttp((request, response) => void request.pipe(response))).port;
    case "h2":
      return (await startH2((stream) => void stream.pipe(stream))).port;
    case "ws":
      return (await startWs((socket) => socket.on("message", (text) => socket.send(text)), false)).port;
    case "mqtt":
      return (await startBroker(false)).port;
    default:
      return (await startTcp((socket) => void socket.pipe(socket))).port;
  }
}

/** Open file descriptors; elsewhere than on Linux nobody says. */
function descriptors(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}

function active(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
