import { createHash, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { toBase64 } from "../lib/bytes.ts";
import { createAuthority } from "../testing/certificates/index.ts";
import { diffPolicies } from "./diff.ts";
import { applyOverlayValue, parsePolicyValue, requirePolicy } from "./parse.ts";
import { formatProblem } from "./problem.ts";

const root = createAuthority();
const list = root.revocationList([]);
const der = Buffer.from(list.replace(/-----[^-]+-----/g, ""), "base64");
const key = new X509Certificate(root.certificatePem).publicKey.export({ type: "spki", format: "der" });
const pin = createHash("sha256").update(key).digest();
const certs = { root: root.certificatePem, list };

describe("a trust store", () => {
  test("takes revocation lists by name, as PEM and as base64 of DER, and pins", () => {
    const store = storeOf({
      crl: ["list", list, der.toString("base64")],
      pins: [pin.toString("base64"), `sha256/${pin.toString("base64")}`, `sha256//${pin.toString("base64")}`],
    });

    expect(store?.crl?.map(toBase64)).toEqual(Array(3).fill(der.toString("base64")));
    expect(store?.pins?.map(toBase64)).toEqual(Array(3).fill(pin.toString("base64")));
  });

  test("takes a pin that begins with a slash as it takes others", () => {
    const slash = `/${"A".repeat(42)}=`;

    const pins = storeOf({ pins: [slash, `sha256/${slash}`, `sha256//${slash}`] })?.pins?.map(toBase64);

    expect(pins).toEqual([slash, slash, slash]);
  });

  test("asks for neither where it names none", () => {
    expect(storeOf({})).toMatchObject({ crl: undefined, pins: undefined });
  });

  test.each<[object, string]>([
    [{ crl: [] }, '/crl: error: "crl" is empty: leave it out, or list what it asks for'],
    [{ pins: [] }, '/pins: error: "pins" is empty: leave it out, or list what it asks for'],
    [{ crl: "list" }, '/crl: error: Expected "crl" to be a list of texts, found the text "list"'],
    [{ pins: [5] }, '/pins/0: error: Expected "pins" to be a text, found 5'],
    [{ crl: ["root"] }, '/crl/0: error: "root" in "crl" is no revocation list'],
    [{ crl: ["MAIwAA=="] }, '/crl/0: error: "MAIwAA==" in "crl" is no revocation list'],
    [
      { crl: ["lst"] },
      '/crl/0: error: "crl" has "lst", neither a name of "certs" nor a revocation list: Not DER: it does not begin with a SEQUENCE (did you mean "list"?)',
    ],
    [{ pins: ["AAAA"] }, '/pins/0: error: "AAAA" in "pins" is no SHA-256: expected base64 of 32 bytes'],
    [
      { pins: ["not base64"] },
      '/pins/0: error: "not base64" in "pins" is no SHA-256: expected base64 of 32 bytes',
    ],
  ])("refuses %j", (fields, expected) => {
    const { problems } = parsePolicyValue(policyOf(fields), { source: "p" });

    expect(problems.map(formatProblem)).toEqual([`p#/trust_stores/t${expected}`]);
  });

  test("is another in effect with another list or pin", () => {
    const base = requirePolicy(parsePolicyValue(policyOf({ crl: ["list"] })));
    const changed = [{ pins: [pin.toString("base64")] }, { crl: null }, { crl: [list] }].map((fields) => {
      const after = requirePolicy(applyOverlayValue(base, { trust_stores: { t: fields } }));
      return diffPolicies(base.policy, after.policy).changed;
    });

    expect(changed).toEqual([["a"], ["a"], []]);
  });
});

function policyOf(fields: object): object {
  return {
    certs,
    trust_stores: { t: { stack: ["root"], ...fields } },
    s: { a: { endpoint: "x", tls: true, tls_trust_store: "t" } },
  };
}

function storeOf(fields: object) {
  return requirePolicy(parsePolicyValue(policyOf(fields))).policy.streamtypes.get("a")?.trustStore;
}
