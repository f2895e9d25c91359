// Memory of an idle logical stream, as opened and after work, and the time to create and destroy 10 000.
import { performance } from "node:perf_hooks";
import { createContext } from "../dist/index.js";
import { inFlight, MACHINE, median, print, startServer, verdict } from "./_harness.mjs";

const COUNT = 10_000;
const server = await startServer("h1");
const place = { endpoint: "127.0.0.1", port: server.port };
const policy = {
  streams: {
    h1: { ...place, protocol: "h1", http_url: "x" },
    ws: { ...place, protocol: "ws" },
    mqtt: { ...place, protocol: "mqtt", mqtt_topic: "t" },
  },
};

const context = await createContext({ policy });
const rows = [];
for (const protocol of Object.keys(policy.streams)) {
  const spans = [];
  for (let round = 0; round < 7; round++) {
    const began = performance.now();
    const streams = Array.from({ length: COUNT }, () => context.open(protocol));
    for (const stream of streams) stream.close();
    spans.push(performance.now() - began);
  }
  rows.push({ protocol, span: median(spans), bytes: await memoryOf(protocol) });
}
const used = await memoryAfterRequest();

print(`idle logical streams (${MACHINE}, ${COUNT} streams)`, [
  ["protocol", "ms to create and destroy, median of 7", "bytes of one"],
  ...rows.map(({ protocol, span, bytes }) => [protocol, span.toFixed(0), bytes.toFixed(0)]),
  ["h1 after a request", "", used.toFixed(0)],
]);
const bytes = Math.max(used, ...rows.map((row) => row.bytes));
const span = Math.max(...rows.map((row) => row.span));
await verdict({
  work: "memory of an idle logical stream",
  what: "bytes, the largest",
  measured: bytes,
  shown: bytes.toFixed(0),
  atMost: 4096,
  unit: "bytes",
});
await verdict({
  work: "10 000 streams created and destroyed",
  what: "ms, the slowest",
  measured: span,
  shown: span.toFixed(0),
  atMost: 500,
  unit: "ms",
});
await context.close();
server.stop();
process.exit(0);

async function memoryOf(protocol) {
  const before = await memory();
  const held = Array.from({ length: COUNT }, () => context.open(protocol));
  const bytes = ((await memory()) - before) / COUNT;
  for (const stream of held) stream.close();
  return bytes;
}

/** What a stream keeps of a transaction that is over; its connection belongs to all of them. */
async function memoryAfterRequest() {
  const before = await memory();
  const held = Array.from({ length: COUNT }, () => context.open("h1"));
  let next = 0;
  await inFlight(50, COUNT, async () => {
    const stream = held[next++];
    const reply = await stream.request();
    await reply.bytes();
  });
  const bytes = ((await memory()) - before) / COUNT;
  for (const stream of held) stream.close();
  return bytes;
}

/** Of what is in use, once what the last turn of the event loop still holds is gone. */
async function memory() {
  if (globalThis.gc === undefined) throw new Error("Cannot measure memory: run with node --expose-gc");
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
