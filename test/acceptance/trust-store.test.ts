import { createHash, X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createContext } from "../../src/index.ts";
import { createAuthority, type Issued } from "../../src/testing/index.ts";
import { rejection } from "./watch.ts";

const root = createAuthority();
const good = root.issue({ names: ["127.0.0.1"] });
const revoked = root.issue({ names: ["127.0.0.1"] });
const certs = {
  root: Buffer.from(root.certificateDer).toString("base64"),
  list: root.revocationList([revoked]),
};

test("a revocation list of the policy refuses the certificate it names, and no other", async () => {
  const crl = ["list"];

  expect(await ask(good, { crl })).toBe("hello");
  expect(await rejection(ask(revoked, { crl }))).toMatchObject({
    layer: "tls",
    cause: { code: "tls-revoked" },
  });
  expect(await ask(revoked, {})).toBe("hello");
});

test("pins of the policy refuse a server with another key, and name the one it has", async () => {
  const pins = [pinOf(revoked), pinOf(good)];

  expect(await ask(good, { pins })).toBe("hello");
  const refused = await rejection(ask(good, { pins: [pinOf(revoked)] }));
  expect(refused).toMatchObject({ layer: "tls", cause: { code: "tls-pin" } });
  expect(refused.message).toContain(pinOf(good));
});

test("an overlay that revokes is heard although the session could be resumed and the connection kept", async () => {
  const port = await serve(revoked);
  const context = await contextOf(port, {});
  const ask = async () => (await context.request("one" as never)).text();
  await ask();
  await ask();

  context.overlay({ trust_stores: { t: { crl: ["list"] } } });

  expect(await rejection(ask())).toMatchObject({ cause: { code: "tls-revoked" } });
});

async function ask(issued: Issued, fields: object): Promise<string> {
  const context = await contextOf(await serve(issued), fields);
  return (await context.request("one" as never)).text();
}

async function contextOf(port: number, fields: object) {
  const context = await createContext({
    policy: {
      certs,
      trust_stores: { t: { stack: ["root"], ...fields } },
      retry: { once: { backoff: [10], conceal: 0 } },
      streams: {
        one: { endpoint: "127.0.0.1", port, protocol: "h1", tls: true, tls_trust_store: "t", retry: "once" },
      },
    } as object,
  });
  onTestFinished(() => context.close());
  return context;
}

async function serve({ chainPem, keyPem }: Issued): Promise<number> {
  const server = createServer({ cert: chainPem, key: keyPem }, (_, response) => void response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function pinOf(issued: Issued): string {
  const key = new X509Certificate(issued.certificatePem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}
