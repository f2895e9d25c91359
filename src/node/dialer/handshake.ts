import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Reason } from "../../lib/errors.ts";
import { connectReason } from "./connect-reason.ts";
import type { TlsRequest } from "./request.ts";
import type { SecureContexts } from "./secure-contexts.ts";
import { nameFault, peerCertificate, sessionFault } from "./server-certificate.ts";
import type { Sessions } from "./sessions.ts";
import { clientCertificateReason, tlsReason, verifyReason } from "./tls-reason.ts";

export interface HandshakeParts {
  readonly contexts: SecureContexts;
  readonly sessions: Sessions;
}

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
  let cancelled = false;
  let secure: TLSSocket | undefined;
  const onEarlyError = (error: Error): void => fail(connectReason(error, where));
  const onEarlyClose = (): void => fail(closedEarly(where));
  const cancel = (): void => {
    cancelled = true;
    secure?.destroy();
    socket.destroy();
  };
  const fail = (reason: Reason): void => {
    if (cancelled) return;
    cancel();
    events.failed(reason);
  };
  socket.on("error", onEarlyError).on("close", onEarlyClose);
  parts.contexts.prepare(request, () => {
    if (cancelled) return;
    socket.off("close", onEarlyClose);
    secure = wrap();
  });
  return cancel;

  function wrap(): TLSSocket | undefined {
    const digest = parts.contexts.digest(request);
    const secureContext = parts.contexts.get(request, digest);
    if ("code" in secureContext) {
      fail(secureContext);
      return undefined;
    }
    const scope = request.scope ?? "";
    const key = JSON.stringify([digest, where, request.serverName, request.alpn, request.pins]);
    const session = parts.sessions.find(scope, key, Date.now());
    let certificate: X509Certificate | undefined;
    let expires = session?.expires ?? 0;
    const tlsSocket = connect({
      socket,
      secureContext,
      servername: isIP(request.serverName) === 0 ? bareName(request.serverName) : "",
      rejectUnauthorized: true,
      checkServerIdentity: (_, peer) => {
        const fault = nameFault(new X509Certificate(peer.raw), bareName(request.serverName), where);
        return fault === undefined ? undefined : new Refusal(fault);
      },
      ...(request.alpn === undefined || request.alpn.length === 0
        ? {}
        : { ALPNProtocols: [...request.alpn] }),
      ...(session === undefined ? {} : { session: session.bytes }),
    });
    // Node judges the chain in its own listener of "secure" and then drops the certificate that the reason speaks of.
    tlsSocket.prependListener("secure", () => {
      certificate = peerCertificate(tlsSocket);
      if (certificate !== undefined) expires = Date.parse(certificate.validTo);
    });
    tlsSocket.on("error", (error) => {
      fail(error instanceof Refusal ? error.reason : failure(error, certificate));
    });
    tlsSocket.on("close", () => fail(closedEarly(where)));
    tlsSocket.once("secureConnect", () => {
      const fault = sessionFault(tlsSocket, certificate, request, where);
      if (fault !== undefined) {
        fail(fault);
        return;
      }
      tlsSocket.removeAllListeners("error").removeAllListeners("close");
      events.secured(tlsSocket);
    });
    tlsSocket.on("session", (ticket: Buffer) => {
      if (!cancelled && tlsSocket.authorized) parts.sessions.keep(scope, key, { bytes: ticket, expires });
    });
    return tlsSocket;
  }

  function failure(error: Error, certificate: X509Certificate | undefined): Reason {
    const isAboutClient = certificate === undefined && socket.bytesRead > ALERT_BYTES;
    if (isAboutClient && CLIENT_ALERT.test(error.message)) {
      return clientCertificateReason(where, request.clientCertificate !== undefined);
    }
    return (
      verifyReason(error, where, certificate) ?? tlsReason(error, where) ?? connectReason(error, where, "tls")
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

function bareName(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function closedEarly(where: string): Reason {
  return {
    layer: "tls",
    code: "connection-closed",
    message: `Cannot connect to ${where}: the peer closed the connection during the TLS handshake; does it speak TLS on that port?`,
  };
}
