import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { bitString, nothing, objectId, sequence } from "./der.ts";
import type { HashName, KeyKind } from "./options.ts";

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const CURVES = { "p-192": "prime192v1", "p-256": "prime256v1", "p-384": "secp384r1" } as const;
const RSA_IDS: Readonly<Record<HashName, string>> = {
  md5: "1.2.840.113549.1.1.4",
  sha1: "1.2.840.113549.1.1.5",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
  sha512: "1.2.840.113549.1.1.13",
};
const ECDSA_IDS: Readonly<Partial<Record<HashName, string>>> = {
  sha1: "1.2.840.10045.4.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
};

export function makeKeys(kind: KeyKind): KeyPair {
  if (kind === "p-192" || kind === "p-256" || kind === "p-384") {
    return generateKeyPairSync("ec", { namedCurve: CURVES[kind] });
  }
  return generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(4)) });
}

/** AlgorithmIdentifier of a signature by `key` (RFC 3279, 5758). Throws RangeError for MD5 with an EC key. */
export function signatureAlgorithm(key: KeyObject, hash: HashName): Buffer {
  if (key.asymmetricKeyType === "rsa") return sequence(objectId(RSA_IDS[hash]), nothing());
  const id = ECDSA_IDS[hash];
  if (id === undefined) throw new RangeError(`Cannot sign: ECDSA with ${hash} has no identifier`);
  return sequence(objectId(id));
}

/** The signed form of `body` (RFC 5280, 4.1.1): body, algorithm, signature. */
export function signed(body: Uint8Array, key: KeyObject, hash: HashName): Buffer {
  return sequence(body, signatureAlgorithm(key, hash), bitString(sign(hash, body, key)));
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
