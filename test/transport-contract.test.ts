import { createServer } from "node:http";
import http2 from "node:http2";
import type { Duplex } from "node:stream";
import { generate, type Packet, parser } from "mqtt-packet";
import { type WebSocket, WebSocketServer } from "ws";
import { HttpTransport } from "../src/node/transports/http/index.ts";
import { MqttTransport } from "../src/node/transports/mqtt/index.ts";
import { RawTransport } from "../src/node/transports/raw/index.ts";
import { WsTransport } from "../src/node/transports/ws/index.ts";
import { type Flood, transportContract } from "./transport-contract.ts";

transportContract("h1", false, () => ({
  create: (parts) => new HttpTransport(parts),
  keys: { protocol: "h1", http_method: "GET", http_url: "x" },
  accept: (server) => serveH1(server, (response) => response.end("hello")),
  acceptMute: (server) => serveH1(server, () => undefined),
  acceptFlood: (server, flood) => serveH1(server, (response) => void pump(response, flood)),
  isTransaction: true,
}));

transportContract("h2", true, () => ({
  create: (parts) => new HttpTransport(parts),
  keys: { protocol: "h2", http_method: "GET", http_url: "x" },
  accept: (server) => serveH2(server, (stream) => stream.end("hello")),
  acceptMute: (server) => serveH2(server, () => undefined),
  acceptFlood: (server, flood) => serveH2(server, (stream) => void pump(stream, flood)),
  isTransaction: true,
}));

transportContract("ws", true, () => ({
  create: (parts) => new WsTransport(parts),
  keys: { protocol: "ws", http_url: "x" },
  accept: (server) =>
    serveWs(server, (ws) => ws.on("message", (data, binary) => ws.send(data as Buffer, { binary }))),
  acceptMute: (server) => serveWs(server, () => undefined),
  acceptFlood: (server, flood) =>
    serveWs(server, (ws) => void pump(server, flood, (piece) => ws.send(piece))),
  greet: (link) => link.send("hello"),
  isTransaction: false,
}));

transportContract("mqtt", true, () => ({
  create: (parts) => new MqttTransport(parts),
  keepsMessages: true,
  keys: { protocol: "mqtt", mqtt_topic: "t", mqtt_subscribe: "t", mqtt_qos: 1 },
  accept: (server) =>
    serveMqtt(server, (packet, send) => {
      if (packet.cmd === "publish") send({ ...packet, messageId: 7, qos: 0, dup: false });
    }),
  acceptMute: (server) => serveMqtt(server, () => undefined),
  acceptFlood: (server, flood) =>
    serveMqtt(server, (packet, send) => {
      if (packet.cmd === "subscribe") void pump(server, flood, (payload) => send(publish(payload)));
    }),
  greet: (link) => link.send("hello"),
  isTransaction: false,
}));

transportContract("raw", false, () => ({
  create: (parts) => new RawTransport(parts),
  keys: { protocol: "raw" },
  accept: (server) => server.on("data", (bytes) => server.write(bytes)),
  acceptMute: (server) => server.resume(),
  acceptFlood: (server, flood) => void pump(server, flood),
  greet: (link) => link.send("hello"),
  isTransaction: false,
}));

function serveH1(server: Duplex, answer: (response: Duplex) => void): void {
  const http = createServer((_, response) => {
    response.sendDate = false;
    answer(response as unknown as Duplex);
  });
  http.emit("connection", server);
}

function serveH2(server: Duplex, answer: (stream: Duplex) => void): void {
  const http = http2.createServer();
  http.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 }, { endStream: false });
    answer(stream);
  });
  http.on("sessionError", () => undefined);
  http.emit("connection", server);
}

function serveWs(server: Duplex, onOpen: (ws: WebSocket) => void): void {
  const http = createServer();
  const wss = new WebSocketServer({ server: http });
  wss.on("connection", (ws) => {
    ws.on("error", () => undefined);
    onOpen(ws);
  });
  http.emit("connection", server);
}

/** A broker for one client, of MQTT 3.1.1. */
function serveMqtt(server: Duplex, onPacket: (packet: Packet, send: (packet: Packet) => void) => void): void {
  const send = (packet: Packet) => void server.write(generate(packet));
  const packets = parser();
  server.on("data", (bytes) => packets.parse(bytes));
  packets.on("packet", (packet) => {
    const { messageId = 0 } = packet;
    if (packet.cmd === "connect") send({ cmd: "connack", returnCode: 0, sessionPresent: false });
    if (packet.cmd === "subscribe") send({ cmd: "suback", messageId, granted: [1] });
    if (packet.cmd === "publish" && packet.qos === 1) send({ cmd: "puback", messageId });
    if (packet.cmd === "pingreq") send({ cmd: "pingresp" });
    if (packet.cmd === "disconnect") server.end();
    onPacket(packet, send);
  });
}

function publish(payload: Buffer): Packet {
  return { cmd: "publish", topic: "t", payload, qos: 0, dup: false, retain: false };
}

/** Sends a flood as fast as the other end takes it. */
async function pump(
  server: Duplex,
  { count, size }: Flood,
  send: (piece: Buffer) => void = (piece) => void server.write(piece),
): Promise<void> {
  for (let index = 0; index < count && !server.destroyed; index++) {
    send(Buffer.alloc(size, index % 256));
    if (server.writableNeedDrain) await drained(server);
  }
}

function drained(server: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      server.off("drain", done).off("close", done);
      resolve();
    };
    server.on("drain", done).on("close", done);
  });
}
