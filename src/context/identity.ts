import type { ClientCertificate, Identity } from "../stream/index.ts";
import { BLOBS, type Blobs } from "../system/index.ts";

/** What a context's policy may refer to, of what the device knows about itself. */
export function identityOf(blobs: Blobs): Identity {
  const password = blobs.bytes("mqtt-password");
  const certificates = clientCertificates(blobs);
  return {
    ...text("auth", blobs.text("auth")),
    ...text("serial", blobs.text("serial")),
    ...text("firmwareVersion", blobs.text("firmware-version")),
    ...text("deviceType", blobs.text("device-type")),
    ...text("mqttClientId", blobs.text("mqtt-client-id")),
    ...text("mqttUsername", blobs.text("mqtt-username")),
    ...(password === undefined ? {} : { mqttPassword: password }),
    ...(certificates.length === 0 ? {} : { clientCertificates: certificates }),
  };
}

function text<Name extends keyof Identity>(
  name: Name,
  value: string | undefined,
): { readonly [key: string]: string } {
  return value === undefined ? {} : { [name]: value };
}

/** PEM or DER; the slots without a gap, since the policy counts them. */
function clientCertificates(blobs: Blobs): readonly ClientCertificate[] {
  const found: ClientCertificate[] = [];
  for (let slot = 0; slot < BLOBS["client-certificate"].slots; slot++) {
    const certificate = blobs.bytes("client-certificate", slot);
    const key = blobs.bytes("client-key", slot);
    if (certificate === undefined || key === undefined) break;
    found.push({
      certificate: pemOrDer(certificate, blobs.text("client-certificate", slot)),
      key: pemOrDer(key, blobs.text("client-key", slot)),
    });
  }
  return found;
}

function pemOrDer(bytes: Uint8Array, asText: string | undefined): string | Uint8Array {
  return asText?.startsWith("-----BEGIN") === true ? asText : bytes;
}
