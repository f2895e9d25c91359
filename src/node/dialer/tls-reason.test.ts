import { describe, expect, test } from "vitest";
import { tlsReason } from "./index.ts";
import { verifyReason } from "./tls-reason.ts";

describe("tlsReason", () => {
  test.each([
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "tls-client-cert-required"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "tls-client-cert-refused"],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "tls-client-cert-refused"],
    ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "tls-client-cert-refused"],
    ["ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", "tls-client-cert-refused"],
    ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "tls-alpn"],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "tls-protocol"],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", "tls-protocol"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "tls-protocol"],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "tls-protocol"],
    ["ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY", "tls-protocol"],
    ["ERR_SSL_DH_KEY_TOO_SMALL", "tls-weak-key"],
    ["ERR_SSL_WRONG_SIGNATURE_TYPE", "tls-weak-signature"],
    ["ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "tls-failed"],
    ["ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC", "tls-failed"],
  ])("%s means %s", (code, wanted) => {
    const error = Object.assign(new Error("some words of OpenSSL"), { code });

    expect(tlsReason(error, "peer.test:443")).toMatchObject({ layer: "tls", code: wanted });
    expect(tlsReason(error, "peer.test:443")?.message).toContain("Cannot connect to peer.test:443: ");
  });

  test("reads OpenSSL's words where Node gives no code", () => {
    const error = new Error(
      "00AA:error:0A000460:SSL routines:ssl3_read_bytes:tlsv1 alert no application protocol",
    );

    expect(tlsReason(error, "peer.test:443")?.code).toBe("tls-alpn");
  });

  test("has no part in other errors", () => {
    expect(tlsReason(Object.assign(new Error("read"), { code: "ECONNRESET" }), "x")).toBeUndefined();
    expect(tlsReason("text", "x")).toBeUndefined();
    expect(tlsReason(undefined, "x")).toBeUndefined();
  });
});

describe("verifyReason", () => {
  test.each([
    ["CERT_HAS_EXPIRED", "", "tls-expired"],
    ["CERT_NOT_YET_VALID", "", "tls-not-yet-valid"],
    ["CERT_SIGNATURE_FAILURE", "", "tls-untrusted"],
    ["PATH_LENGTH_EXCEEDED", "", "tls-purpose"],
    ["UNSPECIFIED", "CA signature digest algorithm too weak", "tls-weak-signature"],
    ["UNSPECIFIED", "EE certificate key too weak", "tls-weak-key"],
    ["UNSPECIFIED", "CA certificate key too weak", "tls-weak-key"],
    ["UNSPECIFIED", "excluded subtree violation", "tls-purpose"],
    ["UNSPECIFIED", "unhandled critical extension", "tls-purpose"],
    ["UNSPECIFIED", "something that OpenSSL says one day", "tls-failed"],
  ])("%s %s means %s, without the certificate too", (code, text, wanted) => {
    const error = Object.assign(new Error(text), { code });

    expect(verifyReason(error, "peer.test:443", undefined)).toMatchObject({ layer: "tls", code: wanted });
  });

  test("has no part in other errors", () => {
    expect(verifyReason(new Error("other"), "x", undefined)).toBeUndefined();
    expect(verifyReason("text", "x", undefined)).toBeUndefined();
  });
});
