export { codeOf, connectReason } from "./connect-reason.ts";
export { Dialer, type DialerOptions } from "./dialer.ts";
export { hostPort, socketName } from "./peer-name.ts";
export type {
  Dial,
  DialEvents,
  DialInfo,
  DialRequest,
  DialTimings,
  ProxyRequest,
  TlsRequest,
} from "./request.ts";
export { SOCKET_OPTIONS } from "./socket-options.ts";
export { tlsReason } from "./tls-reason.ts";
