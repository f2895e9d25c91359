import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HostResolver } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { connectReason } from "./connect-reason.ts";
import { type HandshakeParts, startHandshake } from "./handshake.ts";
import { hostPort, socketName } from "./peer-name.ts";
import { DEFAULT_TIMEOUT, type Dial, type DialEvents, type DialRequest } from "./request.ts";

export interface DialParts extends HandshakeParts {
  readonly resolver: HostResolver;
}

/** One dial: each step leaves behind how to undo it, and exactly one event ends it. */
export class Dialing implements Dial {
  readonly #request: DialRequest;
  readonly #events: DialEvents;
  readonly #parts: DialParts;
  readonly #where: string;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #connectedAt = 0;
  #isOver = false;
  #undo: () => void = () => {};

  constructor(request: DialRequest, events: DialEvents, parts: DialParts) {
    this.#request = request;
    this.#events = events;
    this.#parts = parts;
    this.#where =
      request.unixPath === undefined ? hostPort(request.host, request.port) : socketName(request.unixPath);
    this.#timer = setTimeout(() => this.#expire(), request.timeout ?? DEFAULT_TIMEOUT);
    this.#connect();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#undo();
  }

  #connect(): void {
    const { unixPath, host, port } = this.#request;
    const socket = unixPath === undefined ? connect({ host, port }) : connect({ path: unixPath });
    this.#undo = () => socket.destroy();
    const onError = (error: Error): void => this.#fail(connectReason(error, this.#where));
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      this.#opened(socket);
    });
  }

  #opened(socket: Socket): void {
    this.#connectedAt = performance.now();
    socket.setNoDelay(true);
    if (this.#request.keepAliveProbe !== undefined) socket.setKeepAlive(true, this.#request.keepAliveProbe);
    const { tls } = this.#request;
    if (tls === undefined) {
      this.#succeed(socket, socket);
      return;
    }
    this.#undo = startHandshake(socket, tls, this.#where, this.#parts, {
      secured: (secure) => this.#succeed(secure, socket),
      failed: (reason) => this.#fail(reason),
    });
  }

  #succeed(socket: Socket | TLSSocket, plain: Socket): void {
    this.#finish();
    const secure = "getCipher" in socket ? socket : undefined;
    const now = performance.now();
    const { unixPath } = this.#request;
    const address = plain.remoteAddress ?? this.#request.host;
    this.#events.connected(socket, {
      peer: unixPath === undefined ? hostPort(address, this.#request.port) : socketName(unixPath),
      addresses: [address],
      alpn: typeof secure?.alpnProtocol === "string" ? secure.alpnProtocol : undefined,
      sessionReused: secure?.isSessionReused() ?? false,
      timings: {
        dns: 0,
        connect: this.#connectedAt - this.#started,
        tls: secure === undefined ? 0 : now - this.#connectedAt,
      },
    });
  }

  #fail(reason: Reason): void {
    if (this.#isOver) return;
    this.#finish();
    this.#undo();
    this.#events.failed(reason);
  }

  #expire(): void {
    const span = this.#request.timeout ?? DEFAULT_TIMEOUT;
    const step = this.#connectedAt === 0 ? "no connection" : "no TLS handshake";
    this.#fail({
      layer: this.#connectedAt === 0 ? "tcp" : "tls",
      code: "connection-timeout",
      message: `Cannot connect to ${this.#where}: ${step} within ${span} ms`,
    });
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
