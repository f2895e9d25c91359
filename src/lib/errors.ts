/** The part of the stack a reason speaks of. */
export type Layer =
  | "dns"
  | "tcp"
  | "proxy"
  | "tls"
  | "http"
  | "ws"
  | "mqtt"
  | "dhcp"
  | "policy"
  | "stream"
  | "system";

/** Every code this library reports, with what it means. docs/errors.md says what to do about each. */
export const ERROR_CODES = {
  // stream: the logical stream itself
  usage: "The call is not allowed here, or its arguments are wrong",
  aborted: "The caller's AbortSignal fired",
  closed: "The stream or context was closed",
  timeout: "The stream's timeout passed",
  "all-retries-failed": "Every attempt that the policy allows has failed",
  "connection-lost": "The connection ended before the peer could confirm",
  "outcome-unknown": "The connection ended after the request was sent, and repeating it is not safe",
  "queue-full": "More is waiting to be sent than the stream may hold",
  "validity-timeout": "The peer showed no sign of life within `svalidhup`",
  "body-not-replayable": "The request body was already consumed by an earlier attempt",
  "body-failed": "The source of the request body failed",
  "identity-changed": "What the program knows about itself changed, and the stream says or shows it",
  unsupported: "The policy asks for what this version or platform cannot do",
  internal: "A fault of this library",

  // policy
  "policy-syntax": "The policy is not JSON (comments and trailing commas allowed)",
  "policy-too-large": "The policy is larger than allowed",
  "policy-too-deep": "The policy is nested deeper than allowed",
  "policy-duplicate-key": "A key stands twice in the same object",
  "policy-forbidden-key": "A key that could change the prototype of objects",
  "policy-number": "A number that no program can hold, or outside its range",
  "policy-type": "A value of the wrong type",
  "policy-value": "A value that is not one of those allowed",
  "policy-unknown-key": "A key that this version does not know",
  "policy-unknown-name": "A name that refers to nothing in this policy",
  "policy-conflict": "Keys that exclude each other",
  "policy-certificate": "A certificate that cannot be read",
  "policy-not-acted-upon": "A key that is accepted and not acted upon yet",
  "policy-changed": "The policy was replaced, and with it the settings of the stream",
  "policy-unreadable": "The policy could not be read from its path or URL",
  "streamtype-unknown": "The policy has no such streamtype",
  "metadata-unknown": "The streamtype declares no such metadata name",
  "metadata-unsafe": "A metadata value would change the shape of what it is put into",
  "blob-missing": "The policy asks for a blob that the program did not give",

  // dns
  "not-found": "No such name",
  "no-data": "The name exists and has no address",
  "server-failure": "The name server failed",
  refused: "The name server refused",
  "dns-timeout": "No name server answered in time",
  "bad-name": "Not a valid host name",
  "cname-loop": "The name is an alias that leads nowhere, or too far",
  "no-servers": "No name server is configured, or none of them can be reached",
  "dns-failed": "The name could not be resolved",

  // tcp
  "connection-refused": "Nobody listens at that address and port",
  "connection-timeout": "The connection was not made in time",
  "connection-reset": "The peer reset the connection",
  "network-unreachable": "There is no route to the peer",
  "network-changed": "The address or the route that the connection used is gone",
  "connection-closed": "The peer closed the connection",
  "connection-failed": "The connection could not be made",
  "socket-missing": "There is no Unix socket at that path",
  "not-permitted": "The system forbids this connection",
  "too-many-files": "The process has no free file descriptor",

  // proxy
  "proxy-unreachable": "The SOCKS5 proxy could not be reached",
  "proxy-auth-failed": "The SOCKS5 proxy refused the credentials",
  "proxy-refused": "The SOCKS5 proxy refused the connection",
  "proxy-protocol": "The SOCKS5 proxy does not speak SOCKS5",

  // tls
  "tls-expired": "The certificate has expired",
  "tls-not-yet-valid": "The certificate is not valid yet (is the clock right?)",
  "tls-host-mismatch": "The certificate is for another host",
  "tls-untrusted": "The certificate does not lead to a trusted root",
  "tls-weak-key": "A key of the certificate chain is too weak",
  "tls-weak-signature": "A signature of the certificate chain is too weak",
  "tls-purpose": "A certificate may not be used for this purpose",
  "tls-revoked": "The certificate has been revoked",
  "tls-protocol": "The peer does not speak an acceptable TLS version or cipher",
  "tls-alpn": "The peer does not speak the protocol asked for",
  "tls-pin": "The certificate is not the pinned one",
  "tls-client-cert-required": "The peer requires a client certificate",
  "tls-client-cert-refused": "The peer refused the client certificate",
  "tls-no-forward-secrecy": "The peer offers no key exchange with forward secrecy",
  "time-unknown": "The certificate is not valid yet, and the time is not known yet",
  "tls-failed": "The TLS handshake failed",

  // http
  "http-protocol": "The peer broke the HTTP protocol",
  "http-status": "The response status is not the one expected",
  "http-incomplete": "The response ended before it was complete",
  "http-goaway": "The peer is closing the session",
  "http-stream-refused": "The peer refused the stream without processing it",
  "http-stream-reset": "The peer reset the stream",
  "http-retry-later": "The peer is overloaded and asks to come back later",
  "http-redirect": "The redirect is not allowed by the policy",
  "http-redirect-downgrade": "The redirect leads from https to http",
  "http-redirect-loop": "Too many redirects",
  "http-headers-too-large": "The response headers are larger than allowed",
  "http-enhance-your-calm": "The peer floods the session",

  // ws
  "ws-handshake": "The peer did not accept the WebSocket upgrade",
  "ws-protocol": "The peer broke the WebSocket protocol",
  "ws-too-large": "A message is larger than allowed",
  "ws-closed": "The peer closed the WebSocket",

  // mqtt
  "mqtt-protocol": "The peer broke the MQTT protocol",
  "mqtt-refused": "The broker refused the connection",
  "mqtt-auth-failed": "The broker refused the credentials",
  "mqtt-subscribe-refused": "The broker refused the subscription",
  "mqtt-publish-refused": "The broker refused the message",
  "mqtt-not-acknowledged": "The broker did not acknowledge after every resend",
  "mqtt-too-large": "A packet is larger than allowed",
  "mqtt-disconnected": "The broker disconnected",

  // system
  "interface-missing": "The machine has no such network interface",
  "network-failed": "The system refused to read or change the network",
  "file-failed": "The system refused to read or write a file",

  // dhcp
  "dhcp-no-carrier": "The link is down or has no carrier",
  "dhcp-silent": "No DHCP server answered the request for an address",
  "dhcp-refused": "The DHCP server refused the address",
  "dhcp-expired": "The lease has ended, and no server extended it",
  "dhcp-conflict": "Another host has the address",
  "dhcp-ipv6-only": "The network wants no IPv4 for now",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Why something ended or failed: where in the stack, which of docs/errors.md, and a sentence for people. */
export interface Reason {
  readonly layer: Layer;
  readonly code: ErrorCode;
  readonly message: string;
  /** The peer's own wish for the least wait before the next attempt, in ms (Retry-After). */
  readonly retryAfter?: number;
  /** The response status, where there was one. */
  readonly status?: number;
  /** Where a redirect leads that was taken for a captive portal. */
  readonly location?: string;
}

/** What every failure of this library is thrown or rejected as. */
export class SecureStreamsError extends Error {
  override readonly name: string = "SecureStreamsError";
  readonly code: ErrorCode;
  readonly layer: Layer;
  /** The streamtype concerned, where there is one. */
  readonly streamtype: string | undefined;
  readonly status: number | undefined;

  constructor(reason: Reason, options: { readonly cause?: unknown; readonly streamtype?: string } = {}) {
    super(reason.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = reason.code;
    this.layer = reason.layer;
    this.streamtype = options.streamtype;
    this.status = reason.status;
  }
}

/** The caller misused the library. Message: "Cannot <verb>: <why>". */
export class UsageError extends SecureStreamsError {
  override readonly name = "UsageError";

  constructor(message: string, code: ErrorCode = "usage", layer: Layer = "stream") {
    super({ layer, code, message });
  }
}
