import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Reason } from "../../lib/errors.ts";
import type { Millis } from "../../lib/millis.ts";
import type { ClientCertificate } from "../../stream/index.ts";

/** Where to connect, and through what. */
export interface DialRequest {
  /** Name or address without brackets; not used with `unixPath`. */
  readonly host: string;
  readonly port: number;
  /** Path of a Unix socket; a leading NUL marks the abstract namespace. */
  readonly unixPath?: string | undefined;
  /** Undefined connects in clear. */
  readonly tls?: TlsRequest | undefined;
  /** SOCKS5 (RFC 1928); it resolves the host's name itself. */
  readonly proxy?: ProxyRequest | undefined;
  /** For everything together, from name to handshake; 20 s by default. */
  readonly timeout?: Millis | undefined;
  /** Idle time before the kernel probes the peer (TCP keep-alive); undefined never does. */
  readonly keepAliveProbe?: Millis | undefined;
}

export interface ProxyRequest {
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface TlsRequest {
  /** Name or address the certificate must be for; sent as SNI unless it is an address. */
  readonly serverName: string;
  /** DER of the only certificates to trust; undefined trusts what Node and the operating system trust. */
  readonly trust?: readonly Uint8Array[] | undefined;
  /** Protocols to offer, best first. */
  readonly alpn?: readonly string[] | undefined;
  /** Fail with `tls-alpn` where the peer chooses none of `alpn`; otherwise such a peer is accepted. */
  readonly alpnRequired?: boolean | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Sessions are resumed only within the same scope: it names the policy's revision. */
  readonly scope?: string | undefined;
  /** SHA-256 digests of public keys (SPKI), one of which the peer's certificate must have. */
  readonly pins?: readonly Uint8Array[] | undefined;
  /** Certificate revocation lists, PEM text or DER bytes. Every issuer of the chain needs one. */
  readonly crl?: readonly (string | Uint8Array)[] | undefined;
}

/** What a dial tells. One of the two, once, never before `dial` has returned and never after `cancel`. */
export interface DialEvents {
  /**
   * The socket is the callee's from here on, not flowing yet and without a listener for "error": add one at once. Under
   * TLS 1.3 a peer that misses a client certificate says so only later: see `tlsReason`.
   */
  connected(socket: Socket | TLSSocket, info: DialInfo): void;
  failed(reason: Reason): void;
}

export interface DialInfo {
  /** Remote address as `192.0.2.1:443`, `[2001:db8::1]:443` or the socket's path. */
  readonly peer: string;
  /** Addresses the name was resolved to, in the order they came. */
  readonly addresses: readonly string[];
  /** What the peer chose of `alpn`; undefined in clear or where it chose none. */
  readonly alpn: string | undefined;
  readonly sessionReused: boolean;
  readonly timings: DialTimings;
}

/** Spans of one dial; 0 where a step was not needed. Policy: `perf`. */
export interface DialTimings {
  /** Until the first address was known. */
  readonly dns: Millis;
  /** From the first address to the connection, through the proxy where there is one. */
  readonly connect: Millis;
  readonly tls: Millis;
}

/** A dial under way. */
export interface Dial {
  /** Gives up at once: no event comes and no socket stays. Does nothing once connected or failed. */
  cancel(): void;
}

export const DEFAULT_TIMEOUT: Millis = 20_000;
