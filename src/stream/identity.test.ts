import { describe, expect, test } from "vitest";
import { isSame } from "../lib/same.ts";
import { parsePolicyValue, requirePolicy, type Streamtype } from "../policy/index.ts";
import { type Identity, identityInEffect } from "./identity.ts";

const BEFORE: Required<Identity> = {
  auth: "a",
  serial: "s",
  firmwareVersion: "f",
  deviceType: "d",
  mqttClientId: "i",
  mqttUsername: "u",
  mqttPassword: Uint8Array.of(1),
  clientCertificates: [
    { certificate: "c0", key: "k0" },
    { certificate: "c1", key: "k1" },
  ],
};
const OTHERS: { readonly [Name in keyof Identity]: Required<Identity>[Name] } = {
  auth: "A",
  serial: "S",
  firmwareVersion: "F",
  deviceType: "D",
  mqttClientId: "I",
  mqttUsername: "U",
  mqttPassword: Uint8Array.of(2),
  clientCertificates: [
    { certificate: "c0", key: "k0" },
    { certificate: "c1", key: "other" },
  ],
};

describe("what a streamtype takes of the identity", () => {
  test.each<[string, object, readonly string[]]>([
    ["h1 that names nothing", { protocol: "h1" }, []],
    ["h1 with a token", { protocol: "h1", http_auth_header: "authorization" }, ["auth"]],
    ["h2 with a serial number", { protocol: "h2", http_dsn_header: "x" }, ["serial"]],
    ["ws with a version", { protocol: "ws", http_fwv_header: "x" }, ["firmwareVersion"]],
    ["ws with a type", { protocol: "ws", http_devtype_header: "x" }, ["deviceType"]],
    ["mqtt", { protocol: "mqtt" }, ["mqttClientId", "mqttUsername", "mqttPassword"]],
    ["raw", { protocol: "raw" }, []],
    ["raw with the other certificate", { protocol: "raw", tls: true, client_cert: 0 }, []],
    ["raw with this certificate", { protocol: "raw", tls: true, client_cert: 1 }, ["clientCertificates"]],
    ["h1 with this certificate", { protocol: "h1", tls: true, client_cert: 1 }, ["clientCertificates"]],
    [
      "mqtt with this certificate",
      { protocol: "mqtt", tls: true, client_cert: 1 },
      ["mqttClientId", "mqttUsername", "mqttPassword", "clientCertificates"],
    ],
  ])("%s", (_, fields, expected) => {
    const streamtype = streamtypeOf(fields);

    const changed = Object.entries(OTHERS).filter(
      ([name, value]) =>
        !isSame(
          identityInEffect(streamtype, BEFORE),
          identityInEffect(streamtype, { ...BEFORE, [name]: value }),
        ),
    );

    expect(changed.map(([name]) => name)).toEqual(expected);
  });

  test("is another where a certificate is not there yet", () => {
    const streamtype = streamtypeOf({ protocol: "raw", tls: true, client_cert: 0 });

    expect(isSame(identityInEffect(streamtype, {}), identityInEffect(streamtype, BEFORE))).toBe(false);
  });
});

function streamtypeOf(fields: object): Streamtype {
  const parsed = parsePolicyValue({ streams: { test: { endpoint: "a.example", ...fields } } });
  return requirePolicy(parsed).policy.streamtypes.get("test") as Streamtype;
}
