import { createHash, createPrivateKey } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Reason } from "../../lib/errors.ts";
import type { ClientCertificate } from "../../stream/index.ts";
import type { ChainTrust } from "./chain-judge.ts";
import type { TlsRequest } from "./request.ts";
import { loadSystemTrust } from "./system-trust.ts";

const MOST_CONTEXTS = 50;
/**
 * Level 2 refuses RSA and DH below 2048 bits, EC below 224, MD5 and SHA-1 signatures. Static RSA stays on offer so
 * that a peer that has nothing else is refused with a reason of its own.
 */
const CIPHERS = "DEFAULT:!aNULL:!eNULL:!PSK:!SRP:!DSS:!3DES:!RC4:@SECLEVEL=2";

/** Secure contexts by what they are made of: building one from all roots of a system takes some 40 ms. */
export class SecureContexts {
  readonly #contexts = new Map<string, SecureContext>();
  readonly #digests = new WeakMap<object, string>();
  #system: readonly string[] | undefined;
  #waiting: (() => void)[] | undefined;

  /** Digest of trust, revocation lists and client certificate: equal digests judge and present alike. */
  digest(request: TlsRequest): string {
    const hash = createHash("sha256");
    hash.update(request.trust === undefined ? "system" : this.#digestOf(request.trust, request.trust));
    hash.update(request.crl === undefined ? "-" : this.#digestOf(request.crl, request.crl));
    const client = request.clientCertificate;
    hash.update(client === undefined ? "-" : this.#digestOf(client, [client.certificate, client.key]));
    return hash.digest("base64url");
  }

  /** Calls `ready` at once unless the system's trust has still to be read. */
  prepare(request: TlsRequest, ready: () => void): void {
    if (request.trust !== undefined || this.#system !== undefined) {
      ready();
      return;
    }
    if (this.#waiting !== undefined) {
      this.#waiting.push(ready);
      return;
    }
    this.#waiting = [ready];
    loadSystemTrust((certificates) => {
      this.#system = certificates;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const each of waiting) each();
    });
  }

  /** What a chain is judged by, after `prepare`. */
  trust(request: TlsRequest): ChainTrust {
    const crl = request.crl ?? [];
    return {
      roots: request.trust ?? this.#system ?? [],
      revocations: crl.map((list) => (typeof list === "string" ? derOfPem(list) : list)),
    };
  }

  /** The context for `request`, after `prepare`, or why there is none. */
  get(request: TlsRequest, digest: string): SecureContext | Reason {
    const known = this.#contexts.get(digest);
    if (known !== undefined) {
      this.#contexts.delete(digest);
      this.#contexts.set(digest, known);
      return known;
    }
    try {
      const context = this.#build(request);
      this.#contexts.set(digest, context);
      if (this.#contexts.size > MOST_CONTEXTS) {
        for (const oldest of this.#contexts.keys()) {
          this.#contexts.delete(oldest);
          break;
        }
      }
      return context;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return {
        layer: "tls",
        code: "policy-certificate",
        message: `Cannot use the policy's certificates or keys: ${text}`,
      };
    }
  }

  #build(request: TlsRequest): SecureContext {
    const client = request.clientCertificate;
    return createSecureContext({
      ca: request.trust === undefined ? [...(this.#system ?? [])] : request.trust.map(certificatePem),
      minVersion: "TLSv1.2",
      ciphers: CIPHERS,
      ...(request.crl === undefined ? {} : { crl: request.crl.map(crlPem) }),
      ...(client === undefined ? {} : { cert: certificatePem(client.certificate), key: keyPem(client) }),
    });
  }

  /** Arrays of a policy live as long as the policy: each is digested once. */
  #digestOf(owner: object, parts: readonly (string | Uint8Array)[]): string {
    const known = this.#digests.get(owner);
    if (known !== undefined) return known;
    const hash = createHash("sha256");
    for (const part of parts) hash.update(`${part.length}:`).update(part);
    const digest = hash.digest("base64url");
    this.#digests.set(owner, digest);
    return digest;
  }
}

function certificatePem(certificate: string | Uint8Array): string {
  return typeof certificate === "string" ? certificate : pem("CERTIFICATE", certificate);
}

function crlPem(crl: string | Uint8Array): string {
  return typeof crl === "string" ? crl : pem("X509 CRL", crl);
}

function keyPem({ key }: ClientCertificate): string {
  if (typeof key === "string") return key;
  const bytes = Buffer.from(key);
  for (const type of ["pkcs8", "pkcs1", "sec1"] as const) {
    try {
      return createPrivateKey({ key: bytes, format: "der", type }).export({
        format: "pem",
        type: "pkcs8",
      }) as string;
    } catch {}
  }
  throw new TypeError("the client's private key is not PKCS #8, PKCS #1 or SEC 1 DER");
}

function derOfPem(text: string): Uint8Array {
  return Buffer.from(text.replace(/-----[^-]+-----/g, ""), "base64");
}

function pem(label: string, der: Uint8Array): string {
  const body = Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}
