import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs";
import * as tls from "node:tls";

/** Where Linux distributions and the BSDs keep the bundle of trusted roots. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];
const MOST_BYTES = 16_000_000;
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * PEM of what Node trusts (its own roots and NODE_EXTRA_CA_CERTS) and of what the operating system trusts, without
 * doubles. Read from disk in the background; what cannot be read is left out.
 */
export function loadSystemTrust(loaded: (certificates: readonly string[]) => void): void {
  const found = new Map<string, string>();
  for (const pem of nodeTrust()) found.set(withoutSpace(pem), pem);
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  readFirst(extra === undefined ? [] : [extra], (extras) => {
    readFirst(BUNDLES, (bundle) => {
      for (const text of [extras, bundle]) {
        for (const [pem] of text.matchAll(PEM)) {
          const key = withoutSpace(pem);
          if (!found.has(key) && isReadable(pem)) found.set(key, pem);
        }
      }
      loaded([...found.values()]);
    });
  });
}

/** `getCACertificates` exists since Node 22.15 and 23.10. */
function nodeTrust(): readonly string[] {
  const getCertificates: unknown = "getCACertificates" in tls ? tls.getCACertificates : undefined;
  if (typeof getCertificates !== "function") return tls.rootCertificates;
  return getCertificates("default") as readonly string[];
}

function readFirst(paths: readonly string[], done: (text: string) => void): void {
  const [path, ...others] = paths;
  if (path === undefined) {
    done("");
    return;
  }
  stat(path, (_, stats) => {
    if (stats === undefined || !stats.isFile() || stats.size > MOST_BYTES) {
      readFirst(others, done);
      return;
    }
    readFile(path, "latin1", (error, text) => {
      if (error === null) done(text);
      else readFirst(others, done);
    });
  });
}

function withoutSpace(pem: string): string {
  return pem.replace(/\s+/g, "");
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
