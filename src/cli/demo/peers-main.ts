import { createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTlsServer, type Server } from "node:tls";
import { WebSocketServer } from "ws";
import { Broker } from "./broker.ts";
import type { PeerPorts, PeerProcessInput } from "./peers.ts";

// A process of its own, so that the demo can end it the hard way.
process.once("message", (input: PeerProcessInput) => void start(input));
process.once("disconnect", () => process.exit());
// Ctrl-C goes to every process of the terminal; the demo ends this one when it has closed its streams.
process.on("SIGINT", () => {});

async function start({ certificate, key, ports }: PeerProcessInput): Promise<void> {
  const tls = { cert: certificate, key };
  const h1 = createHttpsServer(tls, (request, response) => void request.pipe(response));
  const h2 = createSecureServer(tls);
  h2.on("stream", (stream) => {
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
    stream.on("error", () => stream.close());
  });
  const ws = createHttpsServer(tls);
  new WebSocketServer({ server: ws }).on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const broker = new Broker();
  const mqtt = createTlsServer(tls, (socket) => broker.serve(socket));
  const raw = createTlsServer(tls, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  const servers = { h1, h2, ws, mqtt, raw };
  const listening: Record<string, number> = {};
  for (const [name, server] of Object.entries(servers)) {
    listening[name] = await listen(server, ports?.[name as keyof PeerPorts] ?? 0);
  }
  process.send?.(listening);
}

function listen(server: Pick<Server, "listen" | "address" | "once">, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
