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
    proxy: target.socks5 === undefined ? undefined : proxyRequest(target.socks5),
    tls: tls && {
      serverName: tls.serverName,
      trust: tls.trustStore?.stack,
      alpn,
      clientCertificate: tls.clientCertificate,
      scope: tls.scope,
    },
  };
}

function proxyRequest(socks5: string): DialRequest["proxy"] {
  const at = socks5.lastIndexOf("@");
  const address = socks5.slice(at + 1);
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(address.slice(colon + 1));
  if (at < 0) return { host, port };
  const credentials = socks5.slice(0, at);
  const split = credentials.indexOf(":");
  if (split < 0) return { host, port, username: credentials };
  return { host, port, username: credentials.slice(0, split), password: credentials.slice(split + 1) };
}
