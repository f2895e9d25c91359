import { type KeyObject, randomBytes } from "node:crypto";
import { integer, objectId, primitive, sequence, set, tagged, time, utf8String } from "./der.ts";
import { encodeExtension, extensionList, keyId } from "./extensions.ts";
import type { CertificateOptions, HashName } from "./options.ts";
import { type KeyPair, makeKeys, pem, signatureAlgorithm, signed } from "./signing.ts";

const HOUR = 3_600_000;

/** A certificate with its private key, ready for `tls.createServer({ cert: chainPem, key: keyPem })`. */
export interface Issued {
  readonly certificateDer: Uint8Array;
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  /** The certificate and the intermediates above it, without the root: what a server sends. */
  readonly chainPem: string;
  readonly serial: Uint8Array;
}

/** A private certificate authority for tests and demos. Its key lives in memory alone. */
export interface Authority extends Issued {
  issue(options?: CertificateOptions): Issued;
  /** An authority below this one. With `isAuthority: false`, a leaf that issues all the same. */
  issueAuthority(options?: CertificateOptions): Authority;
  /** PEM of a certificate revocation list that names `revoked` (RFC 5280, 5). */
  revocationList(revoked: readonly Issued[], options?: RevocationListOptions): string;
}

export interface RevocationListOptions {
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
}

/** A new root. `createAuthority().issue({ names: ["localhost", "127.0.0.1"] })` makes a server's certificate. */
export function createAuthority(options: CertificateOptions = {}): Authority {
  const filled = { commonName: uniqueName("Test Root"), isAuthority: true, ...options };
  return new OwnAuthority(makeKeys(filled.key ?? "p-256"), filled, undefined);
}

/** A certificate that is its own issuer and no authority. */
export function createSelfSigned(options: CertificateOptions = {}): Issued {
  const keys = makeKeys(options.key ?? "p-256");
  return issued(certificate(options, keys, subjectOf(options), keys.privateKey, keys.publicKey), keys, "");
}

class OwnAuthority implements Authority {
  readonly certificateDer: Uint8Array;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly chainPem: string;
  readonly serial: Uint8Array;
  readonly #keys: KeyPair;
  readonly #name: Buffer;

  constructor(keys: KeyPair, options: CertificateOptions, from: Issued | undefined) {
    this.#keys = keys;
    this.#name = subjectOf(options);
    const own =
      from ?? issued(certificate(options, keys, this.#name, keys.privateKey, keys.publicKey), keys, "");
    this.certificateDer = own.certificateDer;
    this.certificatePem = own.certificatePem;
    this.keyPem = own.keyPem;
    this.chainPem = from === undefined ? "" : own.chainPem;
    this.serial = own.serial;
  }

  issue(options: CertificateOptions = {}): Issued {
    return this.#issue(options, makeKeys(options.key ?? "p-256"));
  }

  issueAuthority(options: CertificateOptions = {}): Authority {
    const filled = { commonName: uniqueName("Test Intermediate"), isAuthority: true, ...options };
    const keys = makeKeys(filled.key ?? "p-256");
    return new OwnAuthority(keys, filled, this.#issue(filled, keys));
  }

  revocationList(revoked: readonly Issued[], options: RevocationListOptions = {}): string {
    const { thisUpdate = new Date(Date.now() - HOUR), nextUpdate = new Date(Date.now() + 24 * HOUR) } =
      options;
    const entries = revoked.map(({ serial }) => sequence(integer(serial), time(thisUpdate)));
    const hash: HashName = "sha256";
    const body = sequence(
      integer(1),
      signatureAlgorithm(this.#keys.privateKey, hash),
      this.#name,
      time(thisUpdate),
      time(nextUpdate),
      ...(entries.length > 0 ? [sequence(...entries)] : []),
      tagged(
        0,
        sequence(
          encodeExtension({ id: "2.5.29.35", value: sequence(primitive(0, keyId(this.#keys.publicKey))) }),
          encodeExtension({ id: "2.5.29.20", value: integer(1) }),
        ),
      ),
    );
    return pem("X509 CRL", signed(body, this.#keys.privateKey, hash));
  }

  #issue(options: CertificateOptions, keys: KeyPair): Issued {
    const made = certificate(options, keys, this.#name, this.#keys.privateKey, this.#keys.publicKey);
    return issued(made, keys, this.chainPem);
  }
}

interface Made {
  readonly der: Buffer;
  readonly serial: Uint8Array;
}

function certificate(
  options: CertificateOptions,
  keys: KeyPair,
  issuerName: Buffer,
  issuerKey: KeyObject,
  issuerPublicKey: KeyObject,
): Made {
  const { hash = "sha256" } = options;
  const { notBefore = new Date(Date.now() - HOUR), notAfter = new Date(Date.now() + 30 * 24 * HOUR) } =
    options;
  const serial = Buffer.concat([Buffer.of(0x01), randomBytes(15)]);
  const body = sequence(
    tagged(0, integer(2)),
    integer(serial),
    signatureAlgorithm(issuerKey, hash),
    issuerName,
    sequence(time(notBefore), time(notAfter)),
    subjectOf(options),
    keys.publicKey.export({ type: "spki", format: "der" }),
    tagged(3, extensionList(options, keys.publicKey, issuerPublicKey)),
  );
  return { der: signed(body, issuerKey, hash), serial };
}

function issued({ der, serial }: Made, keys: KeyPair, above: string): Issued {
  const certificatePem = pem("CERTIFICATE", der);
  return {
    certificateDer: der,
    certificatePem,
    keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    chainPem: certificatePem + above,
    serial,
  };
}

/** Authorities of one name look like one that signs itself, which `pathLength` does not count (RFC 5280, 4.2.1.9). */
function uniqueName(name: string): string {
  return `${name} ${randomBytes(4).toString("hex")}`;
}

function subjectOf({ commonName, names = [] }: CertificateOptions): Buffer {
  const name = commonName ?? names[0] ?? "Test";
  return sequence(set(sequence(objectId("2.5.4.3"), utf8String(name))));
}
