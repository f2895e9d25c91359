import type { Streamtype } from "../policy/index.ts";
import type { ClientCertificate } from "./target.ts";

/** What the program knows about itself: the system blobs of libwebsockets. Never logged. */
export interface Identity {
  /** Fills `http_auth_header`, after `http_auth_preamble`. */
  readonly auth?: string;
  readonly serial?: string;
  readonly firmwareVersion?: string;
  readonly deviceType?: string;
  readonly mqttClientId?: string;
  readonly mqttUsername?: string;
  readonly mqttPassword?: string | Uint8Array;
  /** `client_cert` is an index into these. */
  readonly clientCertificates?: readonly ClientCertificate[];
}

/** What the streams of a streamtype say and show of an identity: those of two that are the same need no new connection. */
export function identityInEffect({ protocol, clientCert, http }: Streamtype, identity: Identity): object {
  const certificate = clientCert === undefined ? undefined : identity.clientCertificates?.[clientCert];
  switch (protocol) {
    case "h1":
    case "h2":
    case "ws":
      return {
        certificate,
        auth: http.authHeader && identity.auth,
        serial: http.serialHeader && identity.serial,
        firmware: http.firmwareHeader && identity.firmwareVersion,
        deviceType: http.deviceTypeHeader && identity.deviceType,
      };
    case "mqtt":
      return {
        certificate,
        clientId: identity.mqttClientId,
        username: identity.mqttUsername,
        password: identity.mqttPassword,
      };
    default:
      return { certificate };
  }
}
