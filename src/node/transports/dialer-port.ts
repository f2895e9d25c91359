import type { Target } from "../../stream/index.ts";
import type { Dial, DialEvents, DialRequest } from "../dialer/index.ts";

/** What a transport needs of the dialer, so that a test can give it another. */
export interface DialerPort {
  /** Starts one dial. Calls nothing of `events` before it has returned. */
  dial(request: DialRequest, events: DialEvents): Dial;
}

/** How to connect to `target`, offering `alpn` under TLS, best first. */
export function dialRequest(target: Target, alpn: readonly string[]): DialRequest {
  const { tls } = target;
  return {
    host: target.host,
    port: target.port,
    unixPath: target.unixPath,
    proxy: target.socks5,
    tls: tls && {
      serverName: tls.serverName,
      trust: tls.trustStore?.stack,
      crl: tls.trustStore?.crl,
      pins: tls.trustStore?.pins,
      alpn,
      clientCertificate: tls.clientCertificate,
      scope: tls.scope,
    },
  };
}
