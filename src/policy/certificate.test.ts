import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { toBase64 } from "../lib/bytes.ts";
import { readDer } from "./certificate.ts";

const server = new URL("../../test/corpus/policies/lws-server.json", import.meta.url);
const base64: string = JSON.parse(readFileSync(server, "utf8")).certs[0].self_cert;

test("base64 and PEM of a certificate give the same DER", () => {
  const der = readDer(base64);

  expect(new X509Certificate(der).subject).toBe("CN=localhost");
  expect(readDer(new X509Certificate(der).toString())).toEqual(der);
});

test.each([
  ["short", [0x30, 0x01, 0x00]],
  ["of one length byte", [0x30, 0x81, 0x80, ...new Array(128).fill(0)]],
  ["of two length bytes", [0x30, 0x82, 0x01, 0x00, ...new Array(256).fill(0)]],
])("a SEQUENCE is taken: %s", (_, bytes) => {
  expect(readDer(toBase64(Uint8Array.from(bytes)))).toHaveLength(bytes.length);
});

test.each([
  ["", "Not DER: it does not begin with a SEQUENCE"],
  ["MA==", "Not DER: it does not begin with a SEQUENCE"],
  ["MIE=", "Not DER: it does not begin with a SEQUENCE"],
  ["MIIB", "Not DER: it does not begin with a SEQUENCE"],
  ["MIMBAAA=", "Not DER: it does not begin with a SEQUENCE"],
  ["AgEA", "Not DER: it does not begin with a SEQUENCE"],
  ["MAIA", "Not DER: it should have 4 bytes and has 3"],
  ["MAAA", "Not DER: it should have 2 bytes and has 3"],
  ["a-b=", 'Not base64: unexpected "-"'],
  ["M".repeat(32_768), "It is larger than 16384 bytes"],
  ["M".repeat(32_769), "It is larger than 16384 bytes"],
  ["-----BEGIN X-----", "Not PEM: no complete block from BEGIN to END"],
  ["-----BEGIN X-----\nMAA=\n-----END Y-----", "Not PEM: no complete block from BEGIN to END"],
  ["-----BEGIN X-----\nMAA=\n-----END X-----\n".repeat(2), "It holds 2 PEM blocks: give each its own name"],
  [
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----",
    "It is encrypted: give the key in clear",
  ],
  [
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMAA=\n-----END RSA PRIVATE KEY-----",
    "It is encrypted: give the key in clear",
  ],
])("what is no DER is refused with the reason: %s", (text, message) => {
  expect(() => readDer(text)).toThrow(message);
});
