// h2 GET of 100 bytes over TLS, 100 streams at a time on one session.
import http2 from "node:http2";
import { Agent, request as undiciRequest } from "undici";
import { createContext } from "../dist/index.js";
import { compare, inFlight, OURS, startServer } from "./_harness.mjs";

const WIDTH = 100;
const server = await startServer("h2");
const origin = `https://localhost:${server.port}`;

const session = http2.connect(origin, { ca: server.root });
const dispatcher = new Agent({
  allowH2: true,
  connect: { ca: server.root },
  pipelining: WIDTH,
  connections: 1,
});
const context = await createContext({
  policy: {
    certs: { root: server.root },
    trust_stores: { bench: ["root"] },
    streams: {
      get: {
        endpoint: "localhost",
        port: server.port,
        protocol: "h2",
        tls: true,
        tls_trust_store: "bench",
        http_method: "GET",
        http_url: "x",
      },
    },
  },
});
const streams = Array.from({ length: WIDTH }, () => context.open("get"));

const baseline = { name: "node:http2", run: (count) => inFlight(WIDTH, count, () => nodeGet()) };

await compare(
  "h2 GET, 100 B, 100 streams on one session",
  [
    baseline,
    {
      name: OURS,
      run: (count) =>
        inFlight(WIDTH, count, async (index) => {
          const reply = await streams[index].request();
          await reply.bytes();
        }),
    },
  ],
  { count: 5000, rounds: 31, baseline: "node:http2", bounds: [{ peer: "node:http2", atMost: 1.15 }] },
);

// Apart, since both are node:http2 underneath: what one does to its streams slows the other.
await compare(
  "h2 GET, 100 B, 100 streams: undici",
  [
    baseline,
    {
      name: "undici",
      run: (count) =>
        inFlight(WIDTH, count, async () => {
          const { body } = await undiciRequest(`${origin}/x`, { dispatcher });
          await body.arrayBuffer();
        }),
    },
  ],
  { count: 2500, rounds: 15, baseline: "node:http2" },
);

await context.close();
session.destroy();
server.stop();
process.exit(0);

function nodeGet() {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": "/x" });
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => resolve(Buffer.concat(chunks)));
    stream.on("error", reject);
    stream.end();
  });
}
