// Memory of an idle logical stream, and the time to create and destroy 10 000: `npm run build && node --expose-gc bench/idle.mjs`.
import { performance } from "node:perf_hooks";
import { createContext } from "../dist/index.js";

const COUNT = 10_000;
const policy = {
  streams: {
    ws: { endpoint: "127.0.0.1", port: 9, protocol: "ws" },
    mqtt: { endpoint: "127.0.0.1", port: 9, protocol: "mqtt", mqtt_topic: "t" },
    http: { endpoint: "127.0.0.1", port: 9, protocol: "h1" },
  },
};

const context = await createContext({ policy });
for (const streamtype of Object.keys(policy.streams)) {
  const spans = [];
  for (let round = 0; round < 7; round++) {
    const began = performance.now();
    const streams = Array.from({ length: COUNT }, () => context.open(streamtype));
    for (const stream of streams) stream.close();
    spans.push(performance.now() - began);
  }
  const before = heap();
  const held = Array.from({ length: COUNT }, () => context.open(streamtype));
  const bytes = (heap() - before) / COUNT;
  for (const stream of held) stream.close();
  console.log(
    `${streamtype}: ${COUNT} created and destroyed in ${median(spans).toFixed(0)} ms (median of 7), ${bytes.toFixed(0)} bytes an idle stream`,
  );
}
await context.close();

function heap() {
  if (globalThis.gc === undefined) throw new Error("Cannot measure memory: run with node --expose-gc");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
