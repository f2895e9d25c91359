export { codeOf, connectReason } from "./connect-reason.ts";
export { Dialer } from "./dialer.ts";
export { hostPort, socketName } from "./peer-name.ts";
export type { Dial, DialEvents, DialInfo, DialRequest, TlsRequest } from "./request.ts";
export { tlsReason } from "./tls-reason.ts";
