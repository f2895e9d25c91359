import { type KeyTable, U8, U16, U32 } from "./key-definition.ts";
import { STREAMTYPE_KEYS } from "./streamtype-keys.ts";

/** The top level. Its named collections (`retry`, `certs`, `s` and so on) are in COLLECTIONS. */
export const POLICY_KEYS = {
  release: { type: "text", about: "Informational: which release of the product this policy belongs to" },
  product: { type: "text", about: "Informational: the product" },
  "schema-version": { type: "integer", min: 0, max: U32, about: "Informational: version of the schema" },
  "via-socks5": {
    type: "proxy",
    about: "The SOCKS5 proxy of every streamtype that names none",
    default: "no proxy",
  },
} as const satisfies KeyTable;

export const RETRY_KEYS = {
  backoff: {
    type: "integers",
    max: U32,
    most: 8,
    unit: "ms",
    about: "Wait after each failed attempt; the last one repeats",
    default: [3000],
  },
  conceal: {
    type: "integer",
    min: 0,
    max: U16,
    about: "Failed attempts to hide before all retries have failed; 65535 never gives up",
    default: 0,
  },
  jitterpc: {
    type: "integer",
    min: 0,
    max: U8,
    unit: "percent",
    about: "Random addition to each wait, in percent of it; 0 adds nothing",
    default: 30,
  },
  svalidping: {
    type: "integer",
    min: 0,
    max: U16,
    unit: "s",
    about: "Idle time before the protocol's own probe (PING, PINGREQ); 0 sends none",
    default: 0,
  },
  svalidhup: {
    type: "integer",
    min: 0,
    max: U16,
    unit: "s",
    about: "Idle time before the connection is closed as invalid; 0 never closes",
    default: 0,
  },
  stable_ms: {
    type: "integer",
    min: 0,
    max: U32,
    unit: "ms",
    about: "How long a connection must live to count as proof that the peer works",
    default: 10_000,
  },
} as const satisfies KeyTable;

export const TRUST_STORE_KEYS = {
  stack: {
    type: "references",
    to: "certificate",
    most: 6,
    about: "Names of `certs`, 1 to 6 of them, the root first",
  },
  crl: {
    type: "list",
    most: 16,
    about: "Revocation lists: names of `certs`, base64 of DER or PEM; one of each issuer of a chain",
    default: "nothing is asked",
  },
  pins: {
    type: "list",
    most: 16,
    about: "SHA-256 of public keys (SPKI), base64; the server's certificate must have one of them",
    default: "any key",
  },
} as const satisfies KeyTable;

/** A certificate or private key has one value; the key stands in no policy, its value stands in its place. */
export const CERTIFICATE_KEYS = {
  der: { type: "text", form: "payload", about: "base64 of DER, or PEM" },
} as const satisfies KeyTable;

export const AUTH_KEYS = {
  type: { type: "text", about: "The kind of authentication, such as `sigv4`" },
  streamtype: { type: "text", about: "The streamtype that fetches the credential; informational" },
  blob: {
    type: "integer",
    min: 0,
    max: 3,
    about: "Which of the blobs EXT_AUTH1 to EXT_AUTH4 holds the credential",
    default: 0,
  },
} as const satisfies KeyTable;

export const METRIC_KEYS = {
  us_schedule: {
    type: "integer",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "us",
    about: "Reporting interval",
  },
  us_halflife: {
    type: "integer",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    unit: "us",
    about: "Halflife of averages; 0 for none",
  },
  min_outlier: { type: "integer", min: 0, max: U8, about: "Contributors needed before outliers are judged" },
  report: { type: "text", about: "The object or stream that the metric is reported through" },
} as const satisfies KeyTable;

/** A top-level key that holds named things. */
export interface Collection {
  /** What one of its members is called in messages. */
  readonly noun: string;
  readonly about: string;
  readonly keys: KeyTable;
  readonly later?: boolean;
  readonly aliases?: readonly string[];
  /** A list of objects that carry their own `name` is accepted too. */
  readonly isNamedInside?: boolean;
  /** The key that a value which is no object stands for. */
  readonly short?: string;
}

export const COLLECTIONS = {
  retry: { noun: "retry", keys: RETRY_KEYS, about: "Named retry settings, for the `retry` of a streamtype" },
  certs: {
    noun: "certificate",
    keys: CERTIFICATE_KEYS,
    about: "Named certificates and private keys: base64 of DER, or PEM",
    short: "der",
  },
  trust_stores: {
    noun: "trust store",
    keys: TRUST_STORE_KEYS,
    about: "Named stacks of certificates, for `tls_trust_store`",
    isNamedInside: true,
    short: "stack",
  },
  auth: {
    noun: "auth",
    keys: AUTH_KEYS,
    about: "Named ways to authenticate, for `use_auth`",
    isNamedInside: true,
    later: true,
  },
  metrics: {
    noun: "metric",
    keys: METRIC_KEYS,
    about: "Named metrics and how they are reported",
    isNamedInside: true,
    later: true,
  },
  s: { noun: "streamtype", keys: STREAMTYPE_KEYS, about: "The streamtypes by name", aliases: ["streams"] },
} as const satisfies Readonly<Record<string, Collection>>;

export type CollectionName = keyof typeof COLLECTIONS;
