import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, createSelfSigned } from "./index.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

describe("certificates", () => {
  test("a leaf says what it was asked to say", () => {
    const root = createAuthority({ commonName: "Root of Tests" });
    const leaf = root.issue({
      names: ["a.example.test", "*.b.example.test", "192.0.2.7", "2001:db8::7"],
      notBefore: new Date("2026-01-02T03:04:05Z"),
      notAfter: new Date("2051-01-02T03:04:05Z"),
    });

    const certificate = new X509Certificate(leaf.certificatePem);

    expect(certificate.subject).toBe("CN=a.example.test");
    expect(certificate.issuer).toBe("CN=Root of Tests");
    expect(certificate.subjectAltName).toBe(
      "DNS:a.example.test, DNS:*.b.example.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7",
    );
    expect(certificate.validFrom).toBe("Jan  2 03:04:05 2026 GMT");
    expect(certificate.validTo).toBe("Jan  2 03:04:05 2051 GMT");
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(certificate.checkPrivateKey(createPrivateKey(leaf.keyPem))).toBe(true);
    expect(certificate.checkIssued(new X509Certificate(root.certificatePem))).toBe(true);
    expect(certificate.verify(new X509Certificate(root.certificateDer).publicKey)).toBe(true);
    expect(certificate.serialNumber.toLowerCase()).toBe(Buffer.from(leaf.serial).toString("hex"));
  });

  test.each(["p-256", "p-384", "p-192", "rsa-1024", "rsa-2048"] as const)("a key may be %s", (key) => {
    const leaf = createAuthority().issue({ names: ["localhost"], key });

    expect(new X509Certificate(leaf.certificatePem).publicKey.asymmetricKeyType).toBe(
      key.startsWith("rsa") ? "rsa" : "ec",
    );
  });

  test("a self-signed certificate verifies itself", () => {
    const certificate = new X509Certificate(createSelfSigned({ names: ["localhost"] }).certificatePem);

    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
  });

  test("ECDSA with MD5 is refused: it does not exist", () => {
    expect(() => createAuthority().issue({ hash: "md5" })).toThrow(RangeError);
  });

  test("an intermediate travels with its leaf, the root does not", () => {
    const leaf = createAuthority()
      .issueAuthority()
      .issue({ names: ["localhost"] });

    expect(leaf.chainPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });
});

describe.skipIf(!hasOpenssl)("openssl (skipped where the openssl command is missing)", () => {
  let folder = "";
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "certificates-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("accepts a chain of three, strictly", () => {
    const root = createAuthority();
    const between = root.issueAuthority({ pathLength: 0 });
    const leaf = between.issue({ names: ["localhost"] });

    const said = execFileSync(
      "openssl",
      [
        "verify",
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "localhost",
        "-CAfile",
        file("root.pem", root.certificatePem),
        "-untrusted",
        file("between.pem", between.certificatePem),
        file("leaf.pem", leaf.certificatePem),
      ],
      { encoding: "utf8" },
    );

    expect(said).toContain("leaf.pem: OK");
  });

  test("reads every extension as it was meant", () => {
    const root = createAuthority({
      pathLength: 3,
      nameConstraints: { permitted: ["example.test"], excluded: ["bad.example.test"] },
      extensions: [{ id: "1.2.3.4.5", isCritical: true, value: Buffer.from("0500", "hex") }],
    });

    const text = execFileSync("openssl", ["x509", "-noout", "-text"], {
      input: root.certificatePem,
      encoding: "utf8",
    });

    expect(text).toContain("CA:TRUE, pathlen:3");
    expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(text).toMatch(/Permitted:\s+DNS:example.test\s+Excluded:\s+DNS:bad.example.test/);
    expect(text).toMatch(/1\.2\.3\.4\.5: critical/);
  });

  test("finds a revoked certificate in the list and a good one not", () => {
    const root = createAuthority();
    const [good, bad] = [root.issue({ names: ["a.test"] }), root.issue({ names: ["b.test"] })];
    const list = file("list.pem", root.revocationList([bad]));
    const check = (pem: string): string =>
      spawnSync(
        "openssl",
        [
          "verify",
          "-crl_check",
          "-CAfile",
          file("ca.pem", root.certificatePem),
          "-CRLfile",
          list,
          file("it.pem", pem),
        ],
        { encoding: "utf8" },
      ).stdout.concat();

    expect(check(good.certificatePem)).toContain("OK");
    expect(check(bad.certificatePem)).not.toContain("OK");
  });
});
