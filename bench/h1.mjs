// h1 GET of 100 bytes, 50 in flight.
import http from "node:http";
import got from "got";
import { Pool, request as undiciRequest } from "undici";
import { createContext } from "../dist/index.js";
import { compare, inFlight, OURS, startServer } from "./_harness.mjs";

const WIDTH = 50;
const server = await startServer("h1");
const url = `http://127.0.0.1:${server.port}/x`;

const pool = new Pool(`http://127.0.0.1:${server.port}`, { connections: WIDTH, pipelining: 1 });
const agent = new http.Agent({ keepAlive: true, maxSockets: WIDTH });
const context = await createContext({
  policy: {
    streams: {
      get: { endpoint: "127.0.0.1", port: server.port, protocol: "h1", http_method: "GET", http_url: "x" },
    },
  },
});
const streams = Array.from({ length: WIDTH }, () => context.open("get"));

await compare(
  "h1 GET, 100 B, 50 in flight",
  [
    {
      name: "undici.request",
      run: (count) =>
        inFlight(WIDTH, count, async () => {
          const { body } = await undiciRequest(url, { dispatcher: pool });
          await body.arrayBuffer();
        }),
    },
    {
      name: OURS,
      run: (count) =>
        inFlight(WIDTH, count, async (index) => {
          const reply = await streams[index].request();
          await reply.bytes();
        }),
    },
    { name: "node:http", run: (count) => inFlight(WIDTH, count, () => nodeGet()) },
    {
      name: "got",
      share: 0.2,
      run: (count) =>
        inFlight(WIDTH, count, () => got(url, { agent: { http: agent }, retry: { limit: 0 } }).buffer()),
    },
  ],
  {
    count: 4000,
    rounds: 41,
    baseline: "undici.request",
    bounds: [
      { peer: "undici.request", atMost: 1.25 },
      { peer: "node:http", atMost: 1 },
    ],
  },
);

await context.close();
agent.destroy();
await pool.destroy();
server.stop();
process.exit(0);

function nodeGet() {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent }, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => resolve(Buffer.concat(chunks)));
      })
      .on("error", reject);
  });
}
