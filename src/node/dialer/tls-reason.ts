import type { X509Certificate } from "node:crypto";
import { type ErrorCode, type Reason, SecureStreamsError } from "../../lib/errors.ts";
import { codeOf } from "./connect-reason.ts";

type Verdict = readonly [ErrorCode, string];

const CLIENT_CERTIFICATE_REQUIRED: Verdict = [
  "tls-client-cert-required",
  "it requires a client certificate; give the program one and name it in the policy (`client_cert`)",
];
const CLIENT_CERTIFICATE_REFUSED: Verdict = [
  "tls-client-cert-refused",
  "it refuses the client certificate; is it valid, and issued by an authority that the server trusts?",
];

/** Alerts of the peer and faults of the handshake, by OpenSSL's name; the first that fits. */
const HANDSHAKE: readonly (readonly [RegExp, Verdict])[] = [
  [/NO_APPLICATION_PROTOCOL/, ["tls-alpn", "it speaks none of the protocols offered (ALPN)"]],
  [/CERTIFICATE_REQUIRED/, CLIENT_CERTIFICATE_REQUIRED],
  [
    /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)/,
    CLIENT_CERTIFICATE_REFUSED,
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE|RECORD_LENGTH_MISMATCH/,
    ["tls-protocol", "its answer is not TLS; is this the port for TLS?"],
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|WRONG_SSL_VERSION|INAPPROPRIATE_FALLBACK/,
    ["tls-protocol", "it speaks only TLS versions older than 1.2, or newer than this program"],
  ],
  [/KEY_TOO_SMALL|KEY_TOO_WEAK/, ["tls-weak-key", "its key is too weak (below RSA 2048 or EC 224)"]],
  [
    /MD_TOO_WEAK|DIGEST_TOO_WEAK|WRONG_SIGNATURE_TYPE|NO_SUITABLE_SIGNATURE/,
    ["tls-weak-signature", "it signs with a hash that is too weak"],
  ],
  [
    /HANDSHAKE_FAILURE|NO_SHARED_CIPHER|INSUFFICIENT_SECURITY|UNKNOWN_CIPHER|WRONG_CIPHER|CIPHER_RETURNED|NO_CIPHERS/,
    [
      "tls-protocol",
      "it has no cipher in common with this program; does it offer TLS 1.2 or 1.3 with ECDHE?",
    ],
  ],
];

const UNTRUSTED: ErrorCode = "tls-untrusted";
const MISSING_ISSUER: Verdict = [
  UNTRUSTED,
  "its issuer is not in the trust store, or the server does not send an intermediate certificate",
];
const REVOCATION_LIST: ErrorCode = "tls-revoked";

/** Verdicts on a certificate that Node has a code for. */
const VERIFY_CODES: Readonly<Record<string, Verdict>> = {
  CERT_HAS_EXPIRED: ["tls-expired", "one above it has expired; the server must send a renewed one"],
  CERT_NOT_YET_VALID: [
    "tls-not-yet-valid",
    "one above it is not valid yet; is the clock of this machine right?",
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: [
    UNTRUSTED,
    "it is self-signed and not in the trust store; add it to the policy's trust store if it is the right one",
  ],
  SELF_SIGNED_CERT_IN_CHAIN: [UNTRUSTED, "its root is not in the trust store"],
  UNABLE_TO_GET_ISSUER_CERT: MISSING_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: MISSING_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: MISSING_ISSUER,
  CERT_UNTRUSTED: [UNTRUSTED, "its root is not trusted for servers"],
  CERT_REJECTED: [UNTRUSTED, "its root is marked as rejected"],
  CERT_SIGNATURE_FAILURE: [UNTRUSTED, "a signature in its chain is wrong"],
  CERT_CHAIN_TOO_LONG: [UNTRUSTED, "its chain is too long"],
  CERT_REVOKED: [REVOCATION_LIST, "its issuer has revoked it"],
  UNABLE_TO_GET_CRL: [REVOCATION_LIST, "the policy asks for revocation lists and has none of its issuer"],
  CRL_HAS_EXPIRED: [REVOCATION_LIST, "the revocation list of its issuer has expired"],
  CRL_NOT_YET_VALID: [REVOCATION_LIST, "the revocation list of its issuer is not valid yet"],
  CRL_SIGNATURE_FAILURE: [REVOCATION_LIST, "the revocation list of its issuer has a wrong signature"],
  INVALID_CA: ["tls-purpose", "a certificate in its chain may not issue others (it is no authority)"],
  PATH_LENGTH_EXCEEDED: ["tls-purpose", "an authority in its chain may not have so many others below it"],
  INVALID_PURPOSE: [
    "tls-purpose",
    "it may not be used by a server, or one above it may not issue such (extended key usage, basic constraints)",
  ],
};

/** The rest comes with code `UNSPECIFIED` and OpenSSL's sentence. */
const VERIFY_TEXTS: readonly (readonly [RegExp, Verdict])[] = [
  [
    /(key|EE certificate) too weak|key too small/i,
    ["tls-weak-key", "a key in its chain is too weak (below RSA 2048 or EC 224)"],
  ],
  [
    /(md|digest algorithm|signature algorithm) too weak/i,
    ["tls-weak-signature", "a signature in its chain uses a broken hash (MD5 or SHA-1)"],
  ],
  [
    /subtree violation|name constraint/i,
    ["tls-purpose", "an authority in its chain may not issue certificates for such names (name constraints)"],
  ],
  [
    /key ?usage|certificate signing|certsign/i,
    ["tls-purpose", "a certificate in its chain may not sign others (key usage)"],
  ],
  [
    /invalid (non-)?CA|path ?len|CA cert|basic constraints/i,
    ["tls-purpose", "a certificate in its chain may not issue others"],
  ],
  [/critical extension/i, ["tls-purpose", "it has a critical extension that nobody here understands"]],
  [/purpose/i, ["tls-purpose", "it may not be used by a server"]],
];

/**
 * The reason behind an error of a TLS socket, during the handshake or after it; undefined where TLS has no part in it. An
 * error of ours, which a socket was broken with, carries its reason.
 * A peer that speaks TLS 1.3 asks for a client certificate only after `connected`: transports call this when a socket
 * dies before the first byte. `where` names the peer as people know it: `example.com:443`.
 */
export function tlsReason(error: unknown, where: string): Reason | undefined {
  if (error instanceof SecureStreamsError)
    return { layer: error.layer, code: error.code, message: error.message };
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : "";
  if (!code.startsWith("ERR_SSL_") && !text.includes("SSL routines")) return undefined;
  const name = `${code} ${text}`.toUpperCase().replaceAll(" ", "_");
  const [verdict, why] = HANDSHAKE.find(([pattern]) => pattern.test(name))?.[1] ?? [
    "tls-failed",
    text.trim(),
  ];
  return { layer: "tls", code: verdict, message: `Cannot connect to ${where}: ${why}` };
}

/** What a peer of TLS 1.2 means that has shown its certificate and then fails the handshake. */
export function clientCertificateReason(where: string, hasCertificate: boolean): Reason {
  const [code, why] = hasCertificate ? CLIENT_CERTIFICATE_REFUSED : CLIENT_CERTIFICATE_REQUIRED;
  return { layer: "tls", code, message: `Cannot connect to ${where}: ${why}` };
}

/** The reason behind Node's refusal of a certificate; undefined where the error is not about one. */
export function verifyReason(
  error: unknown,
  where: string,
  certificate: X509Certificate | undefined,
  now: number = Date.now(),
): Reason | undefined {
  const text = error instanceof Error ? error.message : "";
  const verdict = verdictOf(codeOf(error), text, { certificate, now });
  if (verdict === undefined) return undefined;
  const who = certificate === undefined ? "" : ` (${describe(certificate)})`;
  return {
    layer: "tls",
    code: verdict[0],
    message: `Cannot trust the certificate of ${where}: ${verdict[1]}${who}`,
  };
}

function verdictOf(
  code: string,
  text: string,
  { certificate, now }: { readonly certificate: X509Certificate | undefined; readonly now: number },
): Verdict | undefined {
  const from = Date.parse(certificate?.validFrom ?? "");
  const to = Date.parse(certificate?.validTo ?? "");
  if (code === "CERT_HAS_EXPIRED" && to < now) {
    return ["tls-expired", `it expired on ${minute(to)}; the server must renew it`];
  }
  if (code === "CERT_NOT_YET_VALID" && from > now) {
    return ["tls-not-yet-valid", `it is valid from ${minute(from)} on; is the clock of this machine right?`];
  }
  if (code !== "UNSPECIFIED") return VERIFY_CODES[code];
  return VERIFY_TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? ["tls-failed", text];
}

function describe({ subject, issuer, validFrom, validTo }: X509Certificate): string {
  const [from, to] = [minute(Date.parse(validFrom)), minute(Date.parse(validTo))];
  return `subject ${oneLine(subject)}, issuer ${oneLine(issuer)}, valid ${from} to ${to}`;
}

function oneLine(name: string | undefined): string {
  return JSON.stringify((name ?? "").replaceAll("\n", ", ").slice(0, 200));
}

function minute(wall: number): string {
  return Number.isNaN(wall)
    ? "unknown"
    : `${new Date(wall).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
