import { createHash, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Reason } from "../../lib/errors.ts";
import type { TlsRequest } from "./request.ts";

const MOST_NAMES = 5;
const MOST_CERTIFICATES = 20;

/**
 * Why `certificate` is not for `name`: only subject alternative names count (RFC 9525, 6.3), a wildcard stands for one
 * whole label, and an address needs an iPAddress entry.
 */
export function nameFault(certificate: X509Certificate, name: string, where: string): Reason | undefined {
  const isMatch =
    isIP(name) === 0
      ? certificate.checkHost(name, {
          subject: "never",
          wildcards: true,
          partialWildcards: false,
          multiLabelWildcards: false,
          singleLabelSubdomains: false,
        }) !== undefined
      : certificate.checkIP(name) !== undefined;
  if (isMatch) return undefined;
  return {
    layer: "tls",
    code: "tls-host-mismatch",
    message: `The certificate of ${where} is for ${namesOf(certificate)} and not for "${name}"; connect by one of its names or give the server a certificate for this one`,
  };
}

/** What Node does not ask of a finished handshake: forward secrecy, pins and ALPN. `certificate` is missing on resumption alone. */
export function sessionFault(
  socket: TLSSocket,
  certificate: X509Certificate | undefined,
  request: TlsRequest,
  where: string,
): Reason | undefined {
  const cipher = socket.getCipher();
  if (socket.getProtocol() !== "TLSv1.3" && !/^(EC)?DHE-/.test(cipher.name)) {
    return {
      layer: "tls",
      code: "tls-no-forward-secrecy",
      message: `Cannot connect to ${where}: the server chose ${cipher.name}, which has no forward secrecy; let it offer ECDHE or TLS 1.3`,
    };
  }
  return pinFault(certificate, request, where) ?? alpnFault(socket, request, where);
}

/** The certificate that the peer has shown; a resumed session shows none. */
export function peerCertificate(socket: TLSSocket): X509Certificate | undefined {
  // Not getPeerX509Certificate: on a client it takes the certificate out of the chain, and Node then sees none.
  const raw: Buffer | undefined = socket.getPeerCertificate().raw;
  return raw === undefined ? undefined : new X509Certificate(raw);
}

/** What the peer has shown, its own certificate first, with what Node found above it. */
export function peerChain(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && chain.length < MOST_CERTIFICATES) {
    chain.push(next.raw);
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

function pinFault(
  certificate: X509Certificate | undefined,
  request: TlsRequest,
  where: string,
): Reason | undefined {
  if (request.pins === undefined || certificate === undefined) return undefined;
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(key).digest();
  if (request.pins.some((pin) => digest.equals(pin))) return undefined;
  return {
    layer: "tls",
    code: "tls-pin",
    message: `The key of the certificate of ${where} is not one of the ${request.pins.length} pinned: its SHA-256 is ${digest.toString("base64")}`,
  };
}

function alpnFault(socket: TLSSocket, request: TlsRequest, where: string): Reason | undefined {
  const chosen = socket.alpnProtocol;
  const offered = request.alpn ?? [];
  if (typeof chosen === "string" ? offered.includes(chosen) : request.alpnRequired !== true) return undefined;
  const what = typeof chosen === "string" ? `"${chosen}"` : "none";
  return {
    layer: "tls",
    code: "tls-alpn",
    message: `Cannot connect to ${where}: of the protocols ${offered.map((each) => `"${each}"`).join(", ")} it chose ${what} (ALPN)`,
  };
}

function namesOf(certificate: X509Certificate): string {
  const names = certificate.subjectAltName?.split(", ") ?? [];
  if (names.length === 0) return "no name at all (it has no subject alternative name; the CN does not count)";
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return names.slice(0, MOST_NAMES).join(", ") + more;
}
