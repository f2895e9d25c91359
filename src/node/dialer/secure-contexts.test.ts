import { expect, test } from "vitest";
import { createAuthority } from "../../testing/certificates/index.ts";
import type { TlsRequest } from "./request.ts";
import { SecureContexts } from "./secure-contexts.ts";

const root = createAuthority();
const client = root.issue({ commonName: "client", purposes: ["client"] });
const REQUEST: TlsRequest = { serverName: "peer.test", trust: [root.certificateDer] };

test("a context is built once for the same trust and client certificate", () => {
  const contexts = new SecureContexts();
  const again = { ...REQUEST, trust: [Uint8Array.from(root.certificateDer)], serverName: "other.test" };

  expect(contexts.digest(again)).toBe(contexts.digest(REQUEST));
  expect(contexts.get(again, contexts.digest(again))).toBe(contexts.get(REQUEST, contexts.digest(REQUEST)));
});

test("digests differ wherever a certificate would be judged otherwise", () => {
  const contexts = new SecureContexts();
  const der = root.certificateDer;
  const requests: readonly TlsRequest[] = [
    REQUEST,
    { serverName: "peer.test" },
    { ...REQUEST, trust: [] },
    { ...REQUEST, trust: [der, der] },
    { ...REQUEST, trust: [der.subarray(0, 10), der.subarray(10)] },
    { ...REQUEST, crl: [] },
    { ...REQUEST, crl: [root.revocationList([])] },
    { ...REQUEST, clientCertificate: { certificate: client.chainPem, key: client.keyPem } },
  ];

  expect(new Set(requests.map((each) => contexts.digest(each))).size).toBe(requests.length);
});

test("the system's trust is read once, in the background, for all who wait", async () => {
  const contexts = new SecureContexts();
  const request: TlsRequest = { serverName: "peer.test" };
  let isLater = false;

  await Promise.all([
    new Promise<void>((resolve) => contexts.prepare(request, () => resolve(expect(isLater).toBe(true)))),
    new Promise<void>((resolve) => contexts.prepare(request, resolve)),
    Promise.resolve().then(() => {
      isLater = true;
    }),
  ]);
  let isReady = false;
  contexts.prepare(request, () => {
    isReady = true;
  });

  expect(isReady).toBe(true);
  expect("code" in contexts.get(request, contexts.digest(request))).toBe(false);
});

test("no more than fifty contexts are kept", () => {
  const contexts = new SecureContexts();
  const first = contexts.get(REQUEST, "0");

  for (let index = 1; index < 50; index++) contexts.get(REQUEST, String(index));
  expect(contexts.get(REQUEST, "0")).toBe(first);
  for (let index = 50; index < 100; index++) contexts.get(REQUEST, String(index));

  expect(contexts.get(REQUEST, "0")).not.toBe(first);
});

test("a key that is no key is a reason and no exception", () => {
  const contexts = new SecureContexts();
  const request = { ...REQUEST, clientCertificate: { certificate: client.chainPem, key: new Uint8Array(3) } };

  expect(contexts.get(request, "x")).toMatchObject({ layer: "tls", code: "policy-certificate" });
});
