import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createContext } from "../../src/index.ts";
import { type Authority, type CertificateOptions, createAuthority } from "../../src/testing/index.ts";

const YEAR = 365.25 * 86_400_000;
const IN_TEN_YEARS = Date.now() + 10 * YEAR;
const THEN = {
  notBefore: new Date(IN_TEN_YEARS - 86_400_000),
  notAfter: new Date(IN_TEN_YEARS + 86_400_000),
};
const NAMES = { names: ["127.0.0.1"] };
/** Valid before and after the ten years. */
const root = createAuthority({ notAfter: new Date(Date.now() + 30 * YEAR) });
const other = createAuthority({ notAfter: new Date(Date.now() + 30 * YEAR) });

describe("where the system's clock is ten years behind and may not be set", () => {
  test("a certificate of the right time is trusted", async () => {
    expect(await verdict({ ...NAMES, ...THEN })).toBe(200);
  });

  test("the same certificate is refused by the system's clock", async () => {
    expect(await verdict({ ...NAMES, ...THEN }, { offset: 0 })).toBe("tls-not-yet-valid");
  });

  test.each([
    ["one that only the system's clock would trust", {}, root, "tls-expired"],
    [
      "one that is not valid yet",
      { notBefore: new Date(IN_TEN_YEARS + YEAR), notAfter: new Date(IN_TEN_YEARS + 2 * YEAR) },
      root,
      "tls-not-yet-valid",
    ],
    ["one of an unknown root", THEN, other, "tls-untrusted"],
    ["one for another host", { ...THEN, names: ["elsewhere.test"] }, root, "tls-host-mismatch"],
    [
      "one with a common name alone",
      { ...THEN, names: [], commonName: "127.0.0.1" },
      root,
      "tls-host-mismatch",
    ],
    ["one with a weak key", { ...THEN, key: "rsa-1024" }, root, "tls-weak-key"],
    ["one that is not for servers", { ...THEN, purposes: ["client"] }, root, "tls-purpose"],
  ] as const)("%s is refused all the same", async (_, options, authority, code) => {
    expect(await verdict({ ...NAMES, ...options } as CertificateOptions, { authority })).toBe(code);
  });

  test("a session that was judged is resumed, once its certificate has expired no more", async () => {
    let offset = 10 * YEAR;
    const { port, resumed } = await server({ ...NAMES, ...THEN }, root);
    await using context = await contextAt(port, () => offset);

    for (const by of [0, 0, 2 * 86_400_000]) {
      offset += by;
      await context.request("get").then(
        (reply) => reply.bytes(),
        () => {},
      );
    }

    expect(resumed).toEqual([false, true]);
  });
});

/** The status that the server answers, or the code that the handshake is refused with. */
async function verdict(
  options: CertificateOptions,
  { offset = 10 * YEAR, authority = root }: { offset?: number; authority?: Authority } = {},
): Promise<unknown> {
  const { port } = await server(options, authority);
  await using context = await contextAt(port, () => offset);
  return await context.request("get").then(
    (reply) => reply.status,
    (error: { cause?: { code?: string }; code?: string }) => error.cause?.code ?? error.code,
  );
}

async function server(options: CertificateOptions, authority: Authority) {
  const { chainPem, keyPem } = authority.issue(options);
  const resumed: boolean[] = [];
  const tls = { cert: chainPem, key: keyPem, ciphers: "ALL:@SECLEVEL=0" };
  const https = createServer(tls, (_, response) => response.setHeader("connection", "close").end("ok"));
  https.on("secureConnection", (socket) => resumed.push(socket.isSessionReused()));
  https.on("tlsClientError", () => {});
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  onTestFinished(() => {
    https.close();
    https.closeAllConnections();
  });
  return { port: (https.address() as AddressInfo).port, resumed };
}

function contextAt(port: number, clockOffset: () => number) {
  return createContext({
    clockOffset,
    policy: {
      certs: { root: Buffer.from(root.certificateDer).toString("base64") },
      trust_stores: { own: ["root"] },
      retry: { once: { backoff: [10], conceal: 0 } },
      streams: {
        get: {
          ...{
            endpoint: "127.0.0.1",
            port,
            protocol: "h1",
            tls: true,
            tls_trust_store: "own",
            retry: "once",
          },
        },
      },
    },
  });
}
