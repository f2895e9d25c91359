import type { Backoff } from "../lib/backoff.ts";
import type { Millis } from "../lib/millis.ts";
import type { Socks5Address } from "./socks5-address.ts";

export type Protocol = "h1" | "h2" | "h3" | "ws" | "mqtt" | "raw";

/** A parsed policy: every default filled in, every reference checked, nothing left to validate. */
export interface Policy {
  readonly streamtypes: ReadonlyMap<string, Streamtype>;
  readonly retries: ReadonlyMap<string, Retry>;
  readonly trustStores: ReadonlyMap<string, TrustStore>;
  /** DER by name: certificates, and private keys that `server_key` names. */
  readonly certificates: ReadonlyMap<string, Uint8Array>;
  readonly auths: ReadonlyMap<string, Auth>;
  readonly metrics: readonly Metric[];
  /** The SOCKS5 proxy of every stream that names none. */
  readonly viaSocks5: Socks5Address | undefined;
  readonly release: string | undefined;
  readonly product: string | undefined;
  readonly schemaVersion: number | undefined;
}

/** Policy: `retry`. */
export interface Retry extends Backoff {
  readonly name: string;
  /** Idle time before the protocol's own probe; undefined sends none. */
  readonly validityPing: Millis | undefined;
  /** Idle time before the connection is closed as invalid; undefined never closes. */
  readonly validityHangup: Millis | undefined;
  /** How long a connection must live to count as proof that the peer works. */
  readonly stable: Millis;
}

export interface TrustStore {
  readonly name: string;
  /** DER certificates, root first. */
  readonly stack: readonly Uint8Array[];
  /** DER of revocation lists; undefined asks for none. */
  readonly crl?: readonly Uint8Array[] | undefined;
  /** SHA-256 of the public keys (SPKI) that a server may have; undefined takes any. */
  readonly pins?: readonly Uint8Array[] | undefined;
}

export interface Auth {
  readonly name: string;
  readonly type: string;
  readonly streamtype: string | undefined;
  /** Which of the blobs EXT_AUTH1..4 holds the credential, 0 to 3. */
  readonly blob: number;
}

export interface Metric {
  readonly name: string;
  readonly schedule: number | undefined;
  readonly halflife: number | undefined;
  readonly minOutlier: number | undefined;
  readonly report: string | undefined;
}

export interface MetadataItem {
  readonly name: string;
  /** The header it travels in, lower case and without the colon; undefined where it serves `${name}` alone. */
  readonly header: string | undefined;
}

/** What one entry of `streams` (`s`) says, with defaults filled in. Each field is the key of the same name. */
export interface Streamtype {
  readonly name: string;
  readonly endpoint: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly tls: boolean;
  /** Index of the client certificate among those the program gave; undefined presents none. */
  readonly clientCert: number | undefined;
  /** Undefined is the trust of the operating system. */
  readonly trustStore: TrustStore | undefined;
  /** The stream's own or the policy's. */
  readonly viaSocks5: Socks5Address | undefined;
  readonly retry: Retry;
  readonly nailedUp: boolean;
  readonly opportunistic: boolean;
  readonly longPoll: boolean;
  readonly allowRedirects: boolean;
  /** Default of `stream.timeout()`; undefined has none. */
  readonly timeout: Millis | undefined;
  readonly metadata: readonly MetadataItem[];
  /** Metadata names that the policy does not list may be used as header names. */
  readonly directProtocolStrings: boolean;
  readonly attributes: Attributes;
  readonly perf: boolean;
  readonly payloadFormat: string | undefined;
  readonly auth: Auth | undefined;
  readonly awsRegion: string | undefined;
  readonly awsService: string | undefined;
  readonly rideshare: string | undefined;
  readonly http: HttpSettings;
  readonly ws: WsSettings;
  readonly mqtt: MqttSettings;
  /** Bytes that may wait in each direction (`client_buflen`), and the marks at which reading stops and resumes. */
  readonly buffer: BufferSettings;
  readonly server: ServerSettings | undefined;
  readonly localSink: boolean;
}

export interface Attributes {
  readonly priority: number;
  readonly lowLatency: boolean;
  readonly highThroughput: boolean;
  readonly highReliability: boolean;
  readonly lowCost: boolean;
}

export interface BufferSettings {
  readonly size: number;
  readonly pauseAbove: number;
  readonly resumeBelow: number;
}

export interface ServerSettings {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface HttpSettings {
  /** Undefined is GET, or POST where the stream has something to send. */
  readonly method: string | undefined;
  /** Path and query with `${name}`, without leading slashes. */
  readonly url: string;
  /** The only status that acknowledges; undefined is 200 to 299. */
  readonly expect: number | undefined;
  readonly failRedirect: boolean;
  /** Response status to user state (1000 and above). */
  readonly responseMap: ReadonlyMap<number, number>;
  readonly authHeader: string | undefined;
  readonly authPreamble: string;
  readonly serialHeader: string | undefined;
  readonly firmwareHeader: string | undefined;
  readonly deviceTypeHeader: string | undefined;
  readonly noContentLength: boolean;
  readonly formUrlencoded: boolean;
  /** Undefined sends no multipart. */
  readonly multipart: MultipartSettings | undefined;
  readonly multipartIn: boolean;
  readonly cookies: boolean;
}

export interface MultipartSettings {
  readonly name: string | undefined;
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
}

export interface WsSettings {
  readonly subprotocol: string | undefined;
  readonly binary: boolean;
}

export type Qos = 0 | 1 | 2;

export interface MqttSettings {
  /** 4 is 3.1.1, 5 is 5. Policy: `mqtt_version` "3.1.1" or "5". */
  readonly version: 4 | 5;
  readonly topic: string | undefined;
  readonly subscribe: string | undefined;
  readonly qos: Qos;
  readonly retain: boolean;
  /** 0 sends no keep-alive. */
  readonly keepAlive: Millis;
  readonly cleanStart: boolean;
  readonly will: MqttMessage | undefined;
  readonly birth: MqttMessage | undefined;
  readonly awsIot: boolean;
}

/** Topic and payload still with `${name}`. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
}
