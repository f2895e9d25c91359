/** What a certificate of a test says. Everything has a default that a strict client accepts. */
export interface CertificateOptions {
  /** Subject alternative names: host names, wildcards and IP addresses. Empty leaves the extension out. */
  readonly names?: readonly string[];
  /** Names written as dNSName whatever they look like: an address that stands where only a name may. */
  readonly dnsNames?: readonly string[];
  /** Common name of the subject. Default: the first name, else "Test". */
  readonly commonName?: string;
  /** Default: one hour ago. */
  readonly notBefore?: Date;
  /** Default: 30 days from now. */
  readonly notAfter?: Date;
  /** Default: "p-256", which is made in a millisecond. */
  readonly key?: KeyKind;
  /** The hash that the issuer signs this certificate with. Default: "sha256". */
  readonly hash?: HashName;
  /** Extended key usage. Default: ["server"] for a leaf, none for an authority; empty leaves it out. */
  readonly purposes?: readonly Purpose[];
  /** Default: digitalSignature for a leaf, keyCertSign and cRLSign for an authority; empty leaves it out. */
  readonly keyUsage?: readonly KeyUsage[];
  /** Whether basicConstraints says CA. Default: true for an authority. */
  readonly isAuthority?: boolean;
  /** Authorities that may follow below this one. */
  readonly pathLength?: number;
  readonly nameConstraints?: NameConstraints;
  /** Further extensions, such as an unknown critical one. */
  readonly extensions?: readonly Extension[];
}

export type KeyKind = "p-256" | "p-384" | "p-192" | `rsa-${number}`;
export type HashName = "sha256" | "sha384" | "sha512" | "sha1" | "md5";
export type Purpose = "server" | "client";
export type KeyUsage = "digitalSignature" | "keyEncipherment" | "keyAgreement" | "keyCertSign" | "cRLSign";

/** DNS names and their subdomains: `example.test`. */
export interface NameConstraints {
  readonly permitted?: readonly string[];
  readonly excluded?: readonly string[];
}

export interface Extension {
  /** Object identifier in its dotted form. */
  readonly id: string;
  readonly isCritical?: boolean;
  /** DER of the value. */
  readonly value: Uint8Array;
}
