import type { X509Certificate } from "node:crypto";
import type { ErrorCode, Reason } from "../../lib/errors.ts";
import { codeOf } from "./connect-reason.ts";

type Verdict = readonly [ErrorCode, string];

/**
 * The reason behind an error of a TLS socket, during the handshake or after it; undefined where TLS has no part in it.
 * A peer that speaks TLS 1.3 asks for a client certificate only after `connected`: transports call this when a socket
 * dies before the first byte. `where` names the peer as people know it: `example.com:443`.
 */
export function tlsReason(error: unknown, where: string): Reason | undefined {
  const verdict = alertVerdict(codeOf(error));
  return verdict === undefined ? undefined : reason(verdict[0], `Cannot connect to ${where}: ${verdict[1]}`);
}

/** The reason for what Node says of a certificate: code `CERT_HAS_EXPIRED` and the like, or the text of OpenSSL. */
export function verifyReason(
  error: unknown,
  where: string,
  certificate: X509Certificate | undefined,
): Reason | undefined {
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const who = certificate === undefined ? "" : ` (${describe(certificate)})`;
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return reason(
        "tls-expired",
        `The certificate of ${where} or of its issuer has expired${who}; the server must renew it, or this machine's clock is wrong`,
      );
    default: {
      const known = VERIFY_CODES[code] ?? VERIFY_TEXTS.find(([pattern]) => pattern.test(text))?.[1];
      if (known === undefined) return undefined;
      return reason(known[0], `The certificate of ${where} is refused: ${known[1]}${who}`);
    }
  }
}

function reason(code: ErrorCode, message: string): Reason {
  return { layer: "tls", code, message };
}

function describe(certificate: X509Certificate): string {
  return `subject ${oneLine(certificate.subject)}, issuer ${oneLine(certificate.issuer)}, valid ${certificate.validFrom} to ${certificate.validTo}`;
}

function oneLine(name: string | undefined): string {
  return name === undefined || name === "" ? "none" : JSON.stringify(name.replaceAll("\n", ", "));
}

const UNTRUSTED: ErrorCode = "tls-untrusted";
const VERIFY_CODES: Readonly<Record<string, Verdict>> = {
  CERT_NOT_YET_VALID: [
    "tls-not-yet-valid",
    "it, or its issuer's, is not valid yet; is this machine's clock right",
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [UNTRUSTED, "it is self-signed and not in the trust store"],
  SELF_SIGNED_CERT_IN_CHAIN: [UNTRUSTED, "its root is not in the trust store"],
  UNABLE_TO_GET_ISSUER_CERT: [UNTRUSTED, "the certificate of its issuer is missing"],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    UNTRUSTED,
    "its issuer is not in the trust store, or the server does not send an intermediate certificate",
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [
    UNTRUSTED,
    "its issuer is not in the trust store, or the server does not send an intermediate certificate",
  ],
  CERT_REVOKED: ["tls-revoked", "its issuer has revoked it"],
};
const VERIFY_TEXTS: readonly (readonly [RegExp, Verdict])[] = [];

function alertVerdict(code: string): Verdict | undefined {
  if (/CERTIFICATE_REQUIRED/.test(code))
    return ["tls-client-cert-required", "it requires a client certificate"];
  return undefined;
}
