import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Reason } from "../../lib/errors.ts";
import type { Millis } from "../../lib/millis.ts";
import { type ChainJudge, loadChainJudge } from "./chain-judge.ts";
import { connectReason } from "./connect-reason.ts";
import type { TlsRequest } from "./request.ts";
import type { SecureContexts } from "./secure-contexts.ts";
import { nameFault, peerCertificate, peerChain, sessionFault } from "./server-certificate.ts";
import type { Sessions } from "./sessions.ts";
import { clientCertificateReason, tlsReason, verifyReason } from "./tls-reason.ts";

export interface HandshakeParts {
  readonly contexts: SecureContexts;
  readonly sessions: Sessions;
  /** How far the right time is ahead of the system's, in ms, where the system's clock cannot be set. */
  readonly clockOffset: () => Millis;
}

/** An offset that no certificate cares for. */
const CLOCK_IS_RIGHT: Millis = 1000;

export interface HandshakeEvents {
  secured(socket: TLSSocket): void;
  failed(reason: Reason): void;
}

/** What a server of TLS 1.2 sends that misses a client certificate, after it has sent its own. */
const CLIENT_ALERT = /alert (handshake failure|bad certificate|certificate unknown)/i;
/** A server that fails before its own certificate sends an alert and nothing else. */
const ALERT_BYTES = 100;

/** TLS over a connected socket. `secured` or `failed` comes once; after the returned cancel neither. */
export function startHandshake(
  socket: Socket,
  request: TlsRequest,
  where: string,
  parts: HandshakeParts,
  events: HandshakeEvents,
): () => void {
  const handshake = new Handshake(socket, request, where, parts, events);
  handshake.begin();
  return () => handshake.cancel();
}

class Handshake {
  readonly #socket: Socket;
  readonly #request: TlsRequest;
  readonly #where: string;
  readonly #parts: HandshakeParts;
  readonly #events: HandshakeEvents;
  readonly #serverName: string;
  readonly #scope: string;
  #secure: TLSSocket | undefined;
  #certificate: X509Certificate | undefined;
  /** Of the certificate, in wall time; of a resumed session, what was known when it was made. */
  #expires = 0;
  /** Judges in place of Node, which knows the system's time alone. */
  readonly #judgeChain: ChainJudge | undefined;
  #isTrusted = false;
  #isOver = false;
  readonly #onError = (error: Error): void => this.#fail(this.#reasonOf(error));
  readonly #onClose = (): void => this.#fail(closedEarly(this.#where));

  constructor(
    socket: Socket,
    request: TlsRequest,
    where: string,
    parts: HandshakeParts,
    events: HandshakeEvents,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#where = where;
    this.#parts = parts;
    this.#events = events;
    this.#serverName = request.serverName.endsWith(".")
      ? request.serverName.slice(0, -1)
      : request.serverName;
    this.#scope = request.scope ?? "";
    const isClockRight = Math.abs(parts.clockOffset()) < CLOCK_IS_RIGHT;
    this.#judgeChain = isClockRight ? undefined : loadChainJudge();
  }

  begin(): void {
    this.#socket.on("error", this.#onError).on("close", this.#onClose);
    this.#parts.contexts.prepare(this.#request, () => {
      if (this.#isOver) return;
      this.#socket.off("close", this.#onClose);
      try {
        this.#wrap();
      } catch (error) {
        this.#fail({
          layer: "tls",
          code: "tls-failed",
          message: `Cannot start TLS with ${this.#where}: ${error}`,
        });
      }
    });
  }

  cancel(): void {
    this.#isOver = true;
    this.#secure?.destroy();
    this.#socket.destroy();
  }

  #wrap(): void {
    const { alpn = [], serverName, pins } = this.#request;
    const { contexts, sessions } = this.#parts;
    const digest = contexts.digest(this.#request);
    const secureContext = contexts.get(this.#request, digest);
    if ("code" in secureContext) {
      this.#fail(secureContext);
      return;
    }
    const key = JSON.stringify([digest, this.#where, serverName, alpn, pins?.map(base64) ?? null]);
    const session = sessions.find(this.#scope, key, this.#now());
    this.#expires = session?.expires ?? 0;
    const secure = connect({
      socket: this.#socket,
      secureContext,
      servername: isIP(this.#serverName) === 0 ? this.#serverName : "",
      rejectUnauthorized: this.#judgeChain === undefined,
      checkServerIdentity: (_, peer) => {
        const fault = nameFault(new X509Certificate(peer.raw), this.#serverName, this.#where);
        return fault === undefined ? undefined : new Refusal(fault);
      },
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(session === undefined ? {} : { session: session.bytes }),
    });
    this.#secure = secure;
    // Node judges the chain in its own listener of "secure" and then drops the certificate that the reason speaks of.
    secure.prependListener("secure", () => {
      this.#certificate = peerCertificate(secure);
      if (this.#certificate !== undefined) this.#expires = Date.parse(this.#certificate.validTo);
    });
    secure.on("error", this.#onError).on("close", this.#onClose);
    secure.once("secureConnect", () => this.#judge(secure));
    secure.on("session", (bytes: Buffer) => {
      const isTrusted = this.#judgeChain === undefined ? secure.authorized : this.#isTrusted;
      if (isTrusted && this.#secure === secure) {
        sessions.keep(this.#scope, key, { bytes, expires: this.#expires });
      }
    });
  }

  #judge(secure: TLSSocket): void {
    if (this.#isOver) return;
    const fault =
      this.#chainFault(secure) ?? sessionFault(secure, this.#certificate, this.#request, this.#where);
    if (fault !== undefined) {
      this.#fail(fault);
      return;
    }
    this.#isOver = true;
    this.#isTrusted = true;
    secure.off("error", this.#onError).off("close", this.#onClose);
    this.#events.secured(secure);
  }

  /** A resumed session was judged when it was made, and is kept no longer than its certificate is valid. */
  #chainFault(secure: TLSSocket): Reason | undefined {
    if (this.#judgeChain === undefined || secure.isSessionReused()) return undefined;
    const certificate = this.#certificate;
    const trust = this.#parts.contexts.trust(this.#request);
    const fault = this.#judgeChain(peerChain(secure), trust, this.#now());
    if (fault !== undefined || certificate === undefined) {
      const error = Object.assign(new Error(fault?.message), { code: fault?.code ?? "UNSPECIFIED" });
      return verifyReason(error, this.#where, certificate, this.#now());
    }
    return nameFault(certificate, this.#serverName, this.#where);
  }

  #now(): number {
    return Date.now() + this.#parts.clockOffset();
  }

  #fail(reason: Reason): void {
    if (this.#isOver) return;
    this.cancel();
    this.#secure = undefined;
    this.#events.failed(reason);
  }

  #reasonOf(error: Error): Reason {
    const where = this.#where;
    if (error instanceof Refusal) return error.reason;
    // Node's words for a FIN in the middle of the handshake; their code is ECONNRESET all the same.
    if (error.message.startsWith("Client network socket disconnected")) return closedEarly(where);
    const isAboutClient = this.#certificate === undefined && this.#socket.bytesRead > ALERT_BYTES;
    if (isAboutClient && CLIENT_ALERT.test(error.message)) {
      return clientCertificateReason(where, this.#request.clientCertificate !== undefined);
    }
    return (
      verifyReason(error, where, this.#certificate) ??
      tlsReason(error, where) ??
      connectReason(error, where, "tls")
    );
  }
}

class Refusal extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason.message);
    this.reason = reason;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function closedEarly(where: string): Reason {
  return {
    layer: "tls",
    code: "connection-closed",
    message: `Cannot connect to ${where}: the peer closed the connection during the TLS handshake; does it speak TLS on that port?`,
  };
}
