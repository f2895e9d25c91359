import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HostResolver } from "../../dial/index.ts";
import type { Layer, Reason } from "../../lib/errors.ts";
import type { Millis } from "../../lib/millis.ts";
import { connectReason } from "./connect-reason.ts";
import { type HandshakeParts, startHandshake } from "./handshake.ts";
import type { OpenSockets } from "./open-sockets.ts";
import { hostPort, socketName } from "./peer-name.ts";
import { askProxy } from "./proxy.ts";
import { type RaceInfo, startRace } from "./race.ts";
import {
  DEFAULT_TIMEOUT,
  type Dial,
  type DialEvents,
  type DialRequest,
  type ProxyRequest,
} from "./request.ts";

export interface DialParts extends HandshakeParts {
  readonly resolver: HostResolver;
  readonly sockets: OpenSockets;
}

/** One dial: each step leaves behind how to undo it, and exactly one event ends it. */
export class Dialing implements Dial {
  readonly #request: DialRequest;
  readonly #events: DialEvents;
  readonly #parts: DialParts;
  readonly #where: string;
  readonly #started: Millis = performance.now();
  readonly #span: Millis;
  #race: RaceInfo;
  #connectedAt: Millis = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #undo: () => void = () => {};

  constructor(request: DialRequest, events: DialEvents, parts: DialParts) {
    this.#request = request;
    this.#events = events;
    this.#parts = parts;
    this.#span = request.timeout ?? DEFAULT_TIMEOUT;
    this.#where =
      request.unixPath === undefined ? hostPort(request.host, request.port) : socketName(request.unixPath);
    this.#race = { addresses: [], resolvedAt: undefined };
    if (request.unixPath === undefined) this.#connect(request.proxy);
    else this.#connectUnix(request.unixPath);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#undo();
  }

  #connect(proxy: ProxyRequest | undefined): void {
    const { host, port } = proxy ?? this.#request;
    const { keepAliveProbe } = this.#request;
    const deadline = this.#started + this.#span;
    this.#undo = startRace({ host, port, deadline, keepAliveProbe }, this.#parts.resolver, {
      connected: (socket, info) => {
        this.#race = info;
        this.#undo = () => destroy(socket);
        if (proxy === undefined) this.#opened(socket);
        else this.#askProxy(socket, proxy);
      },
      failed: (reason) => this.#fail(proxy === undefined ? reason : unreachableProxy(reason, proxy)),
    });
  }

  #connectUnix(path: string): void {
    const socket = connect({ path });
    this.#undo = () => destroy(socket);
    this.#expectWithin("tcp", "no answer");
    socket.once("error", (error) => this.#fail(connectReason(error, this.#where)));
    socket.once("connect", () => {
      socket.removeAllListeners("error");
      this.#opened(socket);
    });
  }

  #askProxy(socket: Socket, proxy: ProxyRequest): void {
    const { host, port } = this.#request;
    const name = hostPort(proxy.host, proxy.port);
    this.#expectWithin("proxy", `no answer of the SOCKS5 proxy ${name}`);
    const { username, password } = proxy;
    const stop = askProxy(
      socket,
      { host, port, username, password, proxy: name },
      {
        connected: (rest) => {
          this.#undo = () => destroy(socket);
          if (rest.length > 0 && this.#request.tls !== undefined) {
            this.#fail({
              layer: "proxy",
              code: "proxy-protocol",
              message: `Cannot connect to ${this.#where}: the SOCKS5 proxy ${name} sent bytes before the TLS handshake`,
            });
            return;
          }
          if (rest.length > 0) socket.unshift(rest);
          this.#opened(socket);
        },
        failed: (reason) => this.#fail(reason),
      },
    );
    this.#undo = () => {
      stop();
      destroy(socket);
    };
  }

  #opened(socket: Socket): void {
    if (this.#isOver) return;
    this.#connectedAt = performance.now();
    const { tls } = this.#request;
    if (tls === undefined) {
      this.#succeed(socket, socket);
      return;
    }
    this.#expectWithin("tls", "no end of the TLS handshake");
    this.#undo = startHandshake(socket, tls, this.#where, this.#parts, {
      secured: (secure) => this.#succeed(secure, socket),
      failed: (reason) => this.#fail(reason),
    });
  }

  #succeed(socket: Socket | TLSSocket, plain: Socket): void {
    this.#finish();
    const secure = "getCipher" in socket ? socket : undefined;
    const { unixPath, host, port, proxy } = this.#request;
    const address = proxy === undefined ? (plain.remoteAddress ?? host) : host;
    const { addresses, resolvedAt = this.#started } = this.#race;
    this.#parts.sockets.add(socket, plain);
    this.#events.connected(socket, {
      peer: unixPath === undefined ? hostPort(address, port) : socketName(unixPath),
      addresses,
      alpn: typeof secure?.alpnProtocol === "string" ? secure.alpnProtocol : undefined,
      sessionReused: secure?.isSessionReused() ?? false,
      timings: {
        dns: resolvedAt - this.#started,
        connect: this.#connectedAt - resolvedAt,
        tls: secure === undefined ? 0 : performance.now() - this.#connectedAt,
      },
    });
  }

  #fail(reason: Reason): void {
    if (this.#isOver) return;
    this.#finish();
    this.#undo();
    this.#events.failed(reason);
  }

  #expectWithin(layer: Layer, missing: string): void {
    clearTimeout(this.#timer);
    const left = this.#started + this.#span - performance.now();
    this.#timer = setTimeout(
      () =>
        this.#fail({
          layer,
          code: "connection-timeout",
          message: `Cannot connect to ${this.#where}: ${missing} within ${this.#span} ms`,
        }),
      Math.max(0, Math.ceil(left)),
    );
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}

function unreachableProxy(reason: Reason, proxy: ProxyRequest): Reason {
  const name = hostPort(proxy.host, proxy.port);
  return {
    layer: "proxy",
    code: reason.code === "too-many-files" ? "too-many-files" : "proxy-unreachable",
    message: `Cannot reach the SOCKS5 proxy ${name}: ${reason.message}`,
  };
}

function destroy(socket: Socket): void {
  socket.on("error", () => {}).destroy();
}
