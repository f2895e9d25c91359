import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createAuthority } from "../src/testing/index.ts";

const authority = createAuthority();
const { chainPem, keyPem } = authority.issue({ names: ["127.0.0.1", "localhost"] });
const TLS = { cert: chainPem, key: keyPem };

/** The members of a policy that make it trust the TLS peers of this file, by the trust store `loopback`. */
export const TRUST = {
  certs: { loopback_root: Buffer.from(authority.certificateDer).toString("base64") },
  trust_stores: { loopback: ["loopback_root"] },
} as const;

/** The keys of a streamtype whose peer is a TLS peer of this file. */
export function secure(port: number): object {
  return { endpoint: "127.0.0.1", port, tls: true, tls_trust_store: "loopback" };
}

/** The keys of a streamtype whose peer speaks plain text. */
export function plain(port: number): object {
  return { endpoint: "127.0.0.1", port };
}

/** A server on loopback; it is gone, with its connections, when the test ends. */
export interface Peer {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Breaks every connection and frees the port. */
  stop(): Promise<void>;
  /** Listens on the same port again. */
  restart(): Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const startHttp = (answer: Answer): Promise<Peer> => listen(createHttpServer(answer));
export const startHttps = (answer: Answer): Promise<Peer> => listen(createHttpsServer(TLS, answer));

/** `sessions` gathers the sessions of its clients. */
export function startH2(
  answer: (stream: ServerHttp2Stream, path: string) => void,
  sessions: ServerHttp2Session[] = [],
): Promise<Peer> {
  const server = createSecureServer(TLS);
  server.on("session", (session) => sessions.push(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, headers[":path"] ?? "");
  });
  return listen(server);
}

/** `isSecure` false is plain text. */
export function startWs(served: (socket: WebSocket) => void, isSecure = true): Promise<Peer> {
  const server = isSecure ? createHttpsServer(TLS) : createHttpServer();
  new WebSocketServer({ server }).on("connection", (socket) => {
    socket.on("error", () => {});
    served(socket);
  });
  return listen(server);
}

/** An MQTT 3.1.1 broker that keeps its sessions over `stop` and `restart`. */
export async function startBroker(isSecure = true): Promise<Peer & { readonly broker: Aedes }> {
  const broker = await Aedes.createBroker();
  const serve = (socket: Socket): void => void broker.handle(socket);
  const peer = await listen(isSecure ? createTlsServer(TLS, serve) : createTcpServer(serve));
  onTestFinished(() => void broker.close());
  return Object.assign(peer, { broker });
}

export const startTcp = (served: (socket: Socket) => void): Promise<Peer> => listen(createTcpServer(served));

/** A port of loopback that nobody listens on. */
export async function closedPort(): Promise<number> {
  const peer = await startTcp(() => {});
  await peer.stop();
  return peer.port;
}

async function listen(server: Server | ReturnType<typeof createSecureServer>): Promise<Peer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let isListening = false;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  const start = async (port: number): Promise<void> => {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve());
    });
    isListening = true;
  };
  const stop = async (): Promise<void> => {
    if (!isListening) return;
    isListening = false;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(stop);
  return {
    port,
    get accepted() {
      return accepted;
    },
    stop,
    restart: () => start(port),
  };
}
