import { createServer } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { RawTransport } from "../src/node/transports/raw/index.ts";
import { WsTransport } from "../src/node/transports/ws/index.ts";
import { type Flood, transportContract } from "./transport-contract.ts";

transportContract("raw", false, () => ({
  create: (parts) => new RawTransport(parts),
  keys: { protocol: "raw" },
  accept: (server) => server.on("data", (bytes) => server.write(bytes)),
  acceptMute: (server) => server.resume(),
  acceptFlood: (server, flood) => void pump(server, flood, (piece) => piece),
  greet: (link) => link.send("hello"),
  isTransaction: false,
}));

transportContract("ws", true, () => ({
  create: (parts) => new WsTransport(parts),
  keys: { protocol: "ws", http_url: "x" },
  accept: (server) =>
    serveWs(server, (ws) => ws.on("message", (data, binary) => ws.send(data as Buffer, { binary }))),
  acceptMute: (server) => serveWs(server, () => undefined),
  acceptFlood: (server, flood) =>
    serveWs(
      server,
      (ws) =>
        void pump(
          server,
          flood,
          (piece) => piece,
          (piece) => ws.send(piece),
        ),
    ),
  greet: (link) => link.send("hello"),
  isTransaction: false,
}));

function serveWs(server: Duplex, onOpen: (ws: import("ws").WebSocket) => void): void {
  const http = createServer();
  const wss = new WebSocketServer({ server: http });
  wss.on("connection", onOpen);
  http.emit("connection", server);
}

/** Writes a flood as fast as the other end takes it. */
async function pump(
  server: Duplex,
  { count, size }: Flood,
  frame: (piece: Buffer) => Buffer,
  write: (piece: Buffer) => void = (piece) => void server.write(frame(piece)),
): Promise<void> {
  for (let index = 0; index < count && !server.destroyed; index++) {
    write(Buffer.alloc(size, index % 256));
    while (server.writableNeedDrain && !server.destroyed) {
      await new Promise<void>((resolve) => {
        server.once("drain", resolve).once("close", resolve);
      });
    }
  }
}
