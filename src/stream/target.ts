import type {
  Attributes,
  MqttMessage,
  Protocol,
  Qos,
  Retry,
  Socks5Address,
  Streamtype,
  TrustStore,
} from "../policy/index.ts";

/** Where one link goes and what it says there: a streamtype with every `${name}` filled in. */
export interface Target {
  readonly streamtype: Streamtype;
  readonly protocol: Protocol;
  /** Name or address without brackets; empty on a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket; a leading NUL marks the abstract namespace. */
  readonly unixPath: string | undefined;
  readonly tls: TlsTarget | undefined;
  readonly socks5: Socks5Address | undefined;
  readonly attributes: Attributes;
  readonly retry: Retry;
  /** Links with the same key may share a connection: endpoint, trust and credentials are the same. */
  readonly shareKey: string;
  /** h1, h2, ws: the request. */
  readonly http: HttpTarget | undefined;
  readonly mqtt: MqttTarget | undefined;
}

export interface TlsTarget {
  readonly serverName: string;
  /** Undefined is the trust of the operating system. */
  readonly trustStore: TrustStore | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  /** Sessions are resumed only within the same scope: it names the policy's revision. */
  readonly scope: string;
}

export interface ClientCertificate {
  /** PEM text or DER bytes, each. */
  readonly certificate: string | Uint8Array;
  readonly key: string | Uint8Array;
}

export interface HttpTarget {
  readonly method: string;
  /** `host` or `host:port`, as the Host header and `:authority` say it. */
  readonly authority: string;
  /** Path and query, with one leading slash. */
  readonly path: string;
  /** Names in lower case alternating with values; no host, no content-length. */
  readonly headers: readonly string[];
}

/** The URL of the request, on a Unix socket that of its host; empty where a target has none. */
export function requestUrl({ tls, http }: Target): string {
  return http === undefined ? "" : `${tls === undefined ? "http" : "https"}://${http.authority}${http.path}`;
}

export interface MqttTarget {
  readonly version: 4 | 5;
  /** Empty lets the transport choose a random one. */
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | Uint8Array | undefined;
  readonly topic: string | undefined;
  readonly subscribe: string | undefined;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly keepAlive: number;
  readonly cleanStart: boolean;
  readonly will: MqttMessage | undefined;
  readonly birth: MqttMessage | undefined;
}
