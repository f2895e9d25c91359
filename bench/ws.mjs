// ws echo of 128 bytes, 1 and 64 in flight.
import { once } from "node:events";
import { WebSocket } from "ws";
import { createContext } from "../dist/index.js";
import { compare, OURS, startServer } from "./_harness.mjs";

const server = await startServer("ws");
const payload = Buffer.alloc(128, "x");

const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate: false });
await once(socket, "open");
const context = await createContext({
  policy: {
    streams: { echo: { endpoint: "127.0.0.1", port: server.port, protocol: "ws", ws_binary: true } },
  },
});
const stream = context.open("echo");
stream.connect();
await stream.reached("connected");

for (const [width, count] of [
  [1, 2000],
  [64, 10_000],
]) {
  await compare(
    `ws echo, 128 B, ${width} in flight`,
    [
      { name: "ws", run: (total) => plain(width, total) },
      { name: OURS, run: (total) => ours(width, total) },
    ],
    { count, rounds: 61, baseline: "ws", bounds: [{ peer: "ws", atMost: 1.15 }] },
  );
}

await context.close();
socket.terminate();
server.stop();
process.exit(0);

function plain(width, total) {
  return new Promise((resolve) => {
    let sent = 0;
    let received = 0;
    const onMessage = () => {
      received += 1;
      if (sent < total) {
        sent += 1;
        socket.send(payload);
      }
      if (received === total) {
        socket.off("message", onMessage);
        resolve();
      }
    };
    socket.on("message", onMessage);
    for (; sent < width; sent++) socket.send(payload);
  });
}

async function ours(width, total) {
  let sent = 0;
  let received = 0;
  for (; sent < width; sent++) void stream.send(payload);
  for await (const _ of stream) {
    received += 1;
    if (sent < total) {
      sent += 1;
      void stream.send(payload);
    }
    if (received === total) return;
  }
}
