export { codeOf, connectReason } from "./connect-reason.ts";
export { Dialer } from "./dialer.ts";
export { hostPort, socketName } from "./peer-name.ts";
export {
  DEFAULT_TIMEOUT,
  type Dial,
  type DialEvents,
  type DialInfo,
  type DialRequest,
  type TlsRequest,
} from "./request.ts";
export { tlsReason } from "./tls-reason.ts";
