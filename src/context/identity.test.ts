import { expect, test } from "vitest";
import { Blobs } from "../system/index.ts";
import { identityOf } from "./identity.ts";

test("an identity has what the blobs have, and nothing else", () => {
  const blobs = new Blobs();
  expect(identityOf(blobs)).toEqual({});

  blobs.set("auth", "token");
  blobs.set("auth", "refresh", 1);
  blobs.set("serial", "1234");
  blobs.set("firmware-version", "1.2");
  blobs.set("device-type", "sensor");
  blobs.set("mqtt-client-id", "id");
  blobs.set("mqtt-username", "user");
  blobs.set("mqtt-password", Uint8Array.from([1, 0xff]));
  blobs.set("ntp-server", "time.test");

  expect(identityOf(blobs)).toEqual({
    auth: "token",
    serial: "1234",
    firmwareVersion: "1.2",
    deviceType: "sensor",
    mqttClientId: "id",
    mqttUsername: "user",
    mqttPassword: Uint8Array.from([1, 0xff]),
  });
});

test("a client certificate needs its key, and is PEM where it begins like that", () => {
  const blobs = new Blobs();
  blobs.set("client-certificate", "-----BEGIN CERTIFICATE-----\n");
  expect(identityOf(blobs)).toEqual({});

  blobs.set("client-key", Uint8Array.from([0x30, 1]));
  blobs.set("client-certificate", Uint8Array.from([0x30, 2]), 2);
  blobs.set("client-key", Uint8Array.from([0x30, 3]), 2);

  expect(identityOf(blobs)).toEqual({
    clientCertificates: [{ certificate: "-----BEGIN CERTIFICATE-----\n", key: Uint8Array.from([0x30, 1]) }],
  });
});
