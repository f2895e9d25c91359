import { spawn, spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { ErrorCode, Reason } from "../src/lib/errors.ts";
import { systemClock } from "../src/node/clock.ts";
import {
  Dialer,
  type DialInfo,
  type DialRequest,
  type TlsRequest,
  tlsReason,
} from "../src/node/dialer/index.ts";
import { loadTransport } from "../src/node/transports/index.ts";
import {
  type CertificateOptions,
  createAuthority,
  createSelfSigned,
  type Issued,
} from "../src/testing/certificates/index.ts";
import { targetOf } from "./http/client.ts";
import { OpenLink } from "./open-link.ts";

const NAMES = { names: ["localhost", "127.0.0.1"] };
const PAST = { notBefore: new Date("2020-01-01"), notAfter: new Date("2021-02-03") };
const FUTURE = { notBefore: new Date("2090-01-01"), notAfter: new Date("2091-01-01") };
const UNKNOWN_EXTENSION = { id: "1.2.3.4.5", isCritical: true, value: Uint8Array.of(0x05, 0x00) };
const ANY = "ALL:@SECLEVEL=0";

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

const root = createAuthority();
const rsaRoot = createAuthority({ key: "rsa-2048" });
const other = createAuthority();
const good = root.issue(NAMES);
const rsaGood = rsaRoot.issue({ ...NAMES, key: "rsa-2048" });
const revoked = root.issue(NAMES);
const client = root.issue({ commonName: "client", purposes: ["client"] });
const strangeClient = other.issue({ commonName: "client", purposes: ["client"] });

interface Case {
  readonly name: string;
  readonly code: ErrorCode;
  readonly says: RegExp;
  readonly issued: Issued;
  readonly server?: tls.TlsOptions;
  readonly request?: Partial<TlsRequest>;
  /** How a client that refuses nothing connects, and what it must then see: that the server is what it claims. */
  readonly lax?: tls.ConnectionOptions;
  readonly sees?: { readonly protocol?: string; readonly cipher?: RegExp };
}

const CASES: readonly Case[] = [
  leaf("expired", "tls-expired", /expired on 2021-02-03 00:00 UTC; the server must renew/, PAST),
  leaf("not yet valid", "tls-not-yet-valid", /valid from 2090-01-01.*clock/, FUTURE),
  leaf("for another host", "tls-host-mismatch", /for DNS:a\.example\.test and not for "localhost"/, {
    names: ["a.example.test"],
  }),
  leaf("with a common name alone", "tls-host-mismatch", /no subject alternative name/, {
    names: [],
    commonName: "localhost",
  }),
  wildcard("partial wildcard", "f*.example.test", "foo.example.test"),
  wildcard("wildcard over a top-level domain", "*.test", "example.test"),
  wildcard("wildcard of two labels", "*.*.test", "foo.example.test"),
  wildcard("wildcard for a deeper name", "*.example.test", "a.b.example.test"),
  wildcard("wildcard for the bare name", "*.example.test", "example.test"),
  {
    ...leaf("address as a DNS name", "tls-host-mismatch", /and not for "127\.0\.0\.1"/, {
      names: [],
      dnsNames: ["127.0.0.1"],
    }),
    request: { serverName: "127.0.0.1" },
  },
  leaf("RSA of 1024 bits", "tls-weak-key", /too weak/, { ...NAMES, key: "rsa-1024" }),
  chain("authority with RSA of 1024 bits", "tls-weak-key", /too weak/, { key: "rsa-1024" }),
  leaf("signed with SHA-1", "tls-weak-signature", /SHA-1/, { ...NAMES, hash: "sha1" }),
  chain("authority signed with SHA-1", "tls-weak-signature", /SHA-1/, { hash: "sha1" }),
  {
    ...leaf("signed with MD5", "tls-weak-signature", /MD5/, NAMES),
    issued: rsaRoot.issue({ ...NAMES, hash: "md5" }),
    request: { trust: [rsaRoot.certificateDer] },
  },
  leaf("for clients alone", "tls-purpose", /extended key usage/, { ...NAMES, purposes: ["client"] }),
  leaf("with an unknown critical extension", "tls-purpose", /critical extension/, {
    ...NAMES,
    extensions: [UNKNOWN_EXTENSION],
  }),
  chain("authority that is none, with key usage", "tls-purpose", /one above it may not issue such/, {
    isAuthority: false,
    keyUsage: ["keyCertSign"],
  }),
  chain("leaf that issues", "tls-purpose", /may not (issue|sign) others/, {
    isAuthority: false,
    keyUsage: ["digitalSignature"],
  }),
  chain("authority without keyCertSign", "tls-purpose", /key usage/, { keyUsage: ["digitalSignature"] }),
  chain("permitted names exceeded", "tls-purpose", /name constraints/, {
    nameConstraints: { permitted: ["example.test"] },
  }),
  chain("excluded name", "tls-purpose", /name constraints/, { nameConstraints: { excluded: ["localhost"] } }),
  chain("expired authority", "tls-expired", /one above it has expired/, PAST),
  chain("authority not yet valid", "tls-not-yet-valid", /one above it is not valid yet/, FUTURE),
  {
    name: "authorities deeper than pathlen",
    code: "tls-purpose",
    says: /so many others below/,
    issued: root.issueAuthority({ pathLength: 0 }).issueAuthority().issue(NAMES),
  },
  {
    name: "untrusted root",
    code: "tls-untrusted",
    says: /issuer is not in the trust store/,
    issued: other.issue(NAMES),
  },
  {
    name: "untrusted root sent along",
    code: "tls-untrusted",
    says: /root is not in the trust store/,
    issued: withRoot(other.issue(NAMES), other),
  },
  { name: "self-signed", code: "tls-untrusted", says: /self-signed/, issued: createSelfSigned(NAMES) },
  {
    name: "missing intermediate",
    code: "tls-untrusted",
    says: /does not send an intermediate/,
    issued: alone(root.issueAuthority().issue(NAMES)),
  },
  {
    name: "private root under the system's trust",
    code: "tls-untrusted",
    says: /issuer is not in the trust store/,
    issued: good,
    request: { trust: undefined },
  },
  {
    name: "revoked",
    code: "tls-revoked",
    says: /its issuer has revoked it/,
    issued: revoked,
    request: { crl: [root.revocationList([revoked])] },
  },
  {
    name: "revocation list expired",
    code: "tls-revoked",
    says: /list of its issuer has expired/,
    issued: good,
    request: {
      crl: [root.revocationList([], { thisUpdate: PAST.notBefore, nextUpdate: PAST.notAfter })],
    },
  },
  {
    name: "revocation list missing",
    code: "tls-revoked",
    says: /has none of its issuer/,
    issued: good,
    request: { crl: [other.revocationList([])] },
  },
  {
    name: "another key than the pinned",
    code: "tls-pin",
    says: /not one of the 1 pinned/,
    issued: good,
    request: { pins: [new Uint8Array(32)] },
  },
  {
    name: "TLS 1.0",
    code: "tls-protocol",
    says: /older than 1\.2/,
    issued: good,
    server: { ciphers: ANY, minVersion: "TLSv1", maxVersion: "TLSv1" },
    lax: { ciphers: ANY, minVersion: "TLSv1" },
    sees: { protocol: "TLSv1" },
  },
  {
    name: "TLS 1.1",
    code: "tls-protocol",
    says: /older than 1\.2/,
    issued: good,
    server: { ciphers: ANY, minVersion: "TLSv1.1", maxVersion: "TLSv1.1" },
    lax: { ciphers: ANY, minVersion: "TLSv1" },
    sees: { protocol: "TLSv1.1" },
  },
  {
    name: "anonymous key exchange",
    code: "tls-protocol",
    says: /no cipher in common/,
    issued: good,
    server: { ciphers: "aNULL:@SECLEVEL=0", maxVersion: "TLSv1.2", dhparam: "auto" },
    lax: { ciphers: "aNULL:@SECLEVEL=0", maxVersion: "TLSv1.2" },
    sees: { cipher: /^(ADH|AECDH)-/ },
  },
  {
    name: "RSA key exchange, without forward secrecy",
    code: "tls-no-forward-secrecy",
    says: /chose AES\d+-.*no forward secrecy/,
    issued: rsaGood,
    server: { ciphers: "kRSA:@SECLEVEL=0", maxVersion: "TLSv1.2" },
    request: { trust: [rsaRoot.certificateDer] },
    lax: { ciphers: "kRSA:@SECLEVEL=0", maxVersion: "TLSv1.2" },
    sees: { cipher: /^AES/ },
  },
  {
    name: "no protocol in common",
    code: "tls-alpn",
    says: /none of the protocols offered/,
    issued: good,
    server: { ALPNProtocols: ["http/1.1"] },
    request: { alpn: ["h2"] },
  },
  {
    name: "no ALPN where it is required",
    code: "tls-alpn",
    says: /"h2" it chose none/,
    issued: good,
    request: { alpn: ["h2"], alpnRequired: true },
  },
  {
    name: "TLS 1.2 asks for a client certificate and gets none",
    code: "tls-client-cert-required",
    says: /requires a client certificate/,
    issued: good,
    server: { requestCert: true, ca: [root.certificatePem], maxVersion: "TLSv1.2" },
    lax: { cert: client.chainPem, key: client.keyPem },
    sees: { protocol: "TLSv1.2" },
  },
];

afterEach(async () => {
  for (const close of cleanups.splice(0)) await close();
});

describe("a dial refuses", () => {
  test.each(CASES)("$name: $code", async ({ issued, server, request, lax, sees, code, says }) => {
    const port = await listen(issued, server);

    const seen = await laxConnect(port, lax ?? {});
    if (sees?.protocol !== undefined) expect(seen.protocol).toBe(sees.protocol);
    if (sees?.cipher !== undefined) expect(seen.cipher).toMatch(sees.cipher);
    const { reason } = await dial(port, request);

    expect(reason?.message).toMatch(says);
    expect(reason).toMatchObject({ layer: "tls", code });
    expect(reason?.message).toContain(`127.0.0.1:${port}`);
  });

  test("under TLS 1.3, a missing client certificate only after the connection stands", async () => {
    const port = await listen(good, { requestCert: true, ca: [root.certificatePem] });

    const { socket } = await dial(port);
    const [error] = await once(socket as Socket, "error");

    expect(tlsReason(error, `127.0.0.1:${port}`)).toMatchObject({
      code: "tls-client-cert-required",
      layer: "tls",
    });
  });

  test.skipIf(!hasOpenssl).each([
    ["TLS 1.2", "-tls1_2"],
    ["TLS 1.3", "-tls1_3"],
  ])(
    "a client certificate that OpenSSL's server does not trust, under %s (needs openssl)",
    async (_, version) => {
      const port = await opensslServer(good, version);
      const clientCertificate = { certificate: strangeClient.chainPem, key: strangeClient.keyPem };

      const { reason, socket } = await dial(port, { clientCertificate });
      const ended = reason ?? (await endOf(socket as Socket, port));

      expect(ended?.code).toBe("tls-client-cert-refused");
    },
  );

  test("a client certificate or key that cannot be read, before a byte of TLS", async () => {
    const port = await listen(good);

    for (const clientCertificate of [
      { certificate: "nonsense", key: client.keyPem },
      { certificate: client.chainPem, key: Uint8Array.of(0x30, 0x00) },
      { certificate: client.chainPem, key: good.keyPem },
    ]) {
      const { reason } = await dial(port, { clientCertificate });
      expect(reason?.code).toBe("policy-certificate");
    }
  });
});

/** What a policy can say; what comes by ALPN and asks for a client certificate is in acceptance/tls.test.ts. */
const OVER_TRANSPORTS = CASES.filter(
  ({ code, request = {} }) =>
    code !== "tls-alpn" && code !== "tls-client-cert-required" && !("crl" in request) && !("pins" in request),
);

describe.each(["h1", "h2", "ws", "mqtt", "raw"] as const)("a link over %s refuses", (protocol) => {
  const transport = loadTransport(protocol === "h1" || protocol === "h2" ? "http" : protocol, {
    dialer: new Dialer(),
    clock: systemClock,
    observe: () => undefined,
  });
  afterAll(async () => (await transport).close());

  test.each(OVER_TRANSPORTS)("$name: $code", async ({ issued, server, request = {}, code, says }) => {
    const { serverName = "localhost" } = request;
    const stack = "trust" in request ? request.trust : [root.certificateDer];
    const target = targetOf({ protocol, port: await listen(issued, server), tls: true, mqtt_topic: "t" });
    const tls = { serverName, clientCertificate: undefined, scope: "test" };
    const trustStore = stack === undefined ? undefined : { name: "own", stack };

    const link = new OpenLink(await transport, { ...target, tls: { ...tls, trustStore } });
    const end = await link.ended;

    expect(end).toMatchObject({
      type: "failed",
      reason: { layer: "tls", code, message: expect.stringMatching(says) },
    });
    expect(link.isEstablished).toBe(false);
  });
});

describe("a dial accepts", () => {
  const between = root.issueAuthority({
    pathLength: 0,
    nameConstraints: { permitted: ["localhost", "example.test"] },
  });
  test.each<[string, Issued, Partial<TlsRequest>]>([
    ["a certificate under the root", good, {}],
    ["a chain with an intermediate", between.issue({ names: ["localhost"] }), {}],
    ["a wildcard for one label", root.issue({ names: ["*.example.test"] }), { serverName: "a.example.test" }],
    ["a name in other case and with a final dot", good, { serverName: "LocalHost." }],
    ["an address as an address", good, { serverName: "127.0.0.1" }],
    ["an IPv6 address", root.issue({ names: ["2001:db8::1"] }), { serverName: "2001:db8::1" }],
    ["no extended key usage (RFC 5280 allows it)", root.issue({ ...NAMES, purposes: [] }), {}],
    ["a certificate that is itself trusted", createSelfSigned({ ...NAMES }), {}],
    ["a good certificate with a revocation list", good, { crl: [root.revocationList([revoked])] }],
    ["the pinned key", good, { pins: [new Uint8Array(32), pinOf(good)] }],
    ["no ALPN where it is not required", good, { alpn: ["http/1.1"] }],
    ["RSA of 2048 bits", rsaGood, { trust: [rsaRoot.certificateDer] }],
    ["P-384", root.issue({ ...NAMES, key: "p-384", hash: "sha384" }), {}],
  ])("%s", async (name, issued, request) => {
    const port = await listen(issued);
    const trust = name.includes("itself") ? { trust: [issued.certificateDer] } : {};

    const { reason, info } = await dial(port, { ...request, ...trust });

    expect(reason).toBeUndefined();
    expect(info?.peer).toBe(`127.0.0.1:${port}`);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "a client certificate, PEM or DER, under %s",
    async (version) => {
      const port = await listen(good, {
        requestCert: true,
        ca: [root.certificatePem],
        minVersion: version,
        maxVersion: version,
      });
      const der = Buffer.from(client.keyPem.replace(/-----.*-----|\n/g, ""), "base64");

      for (const clientCertificate of [
        { certificate: client.chainPem, key: client.keyPem },
        { certificate: client.certificateDer, key: der },
      ]) {
        const { socket } = await dial(port, { clientCertificate });
        const [bytes] = await once(socket as Socket, "data");
        expect(String(bytes)).toBe("hello client");
      }
    },
  );

  test("the protocol that the server prefers of those offered", async () => {
    const port = await listen(good, { ALPNProtocols: ["h2", "http/1.1"] });

    const { info } = await dial(port, { alpn: ["http/1.1", "h2"] });

    expect(info?.alpn).toBe("h2");
  });
});

describe("TLS sessions", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "are resumed under the same trust alone (%s)",
    async (version) => {
      const dialer = new Dialer();
      const port = await listen(good, { minVersion: version, maxVersion: version });
      const under = (request: Partial<TlsRequest>): Promise<Outcome> => dialAndRead(port, request, dialer);

      expect((await under({})).info?.sessionReused).toBe(false);
      expect((await under({})).info?.sessionReused).toBe(true);
      expect((await under({})).info?.sessionReused).toBe(true);
      expect((await under({ trust: [other.certificateDer] })).reason?.code).toBe("tls-untrusted");
      expect((await under({ trust: [root.certificateDer, other.certificateDer] })).info?.sessionReused).toBe(
        false,
      );
      expect((await under({ serverName: "127.0.0.1" })).info?.sessionReused).toBe(false);
      expect((await under({ serverName: "wrong.test" })).reason?.code).toBe("tls-host-mismatch");
      expect((await under({ pins: [new Uint8Array(32)] })).reason?.code).toBe("tls-pin");
      expect((await under({ crl: [root.revocationList([good])] })).reason?.code).toBe("tls-revoked");
      expect((await under({ alpn: ["x"] })).info?.sessionReused).toBe(false);
      expect((await under({ scope: "next" })).info?.sessionReused).toBe(false);
    },
  );

  test("are dropped when their policy goes", async () => {
    const dialer = new Dialer();
    const port = await listen(good);

    await dialAndRead(port, { scope: "old" }, dialer);
    await dialAndRead(port, { scope: "new" }, dialer);
    dialer.forgetSessions("old");

    expect((await dialAndRead(port, { scope: "old" }, dialer)).info?.sessionReused).toBe(false);
    expect((await dialAndRead(port, { scope: "new" }, dialer)).info?.sessionReused).toBe(true);
    dialer.forgetSessions();
    expect((await dialAndRead(port, { scope: "new" }, dialer)).info?.sessionReused).toBe(false);
  });

  test("a refused peer leaves none", async () => {
    const dialer = new Dialer();
    const port = await listen(good);
    const pins = [new Uint8Array(32)];

    expect((await dial(port, { pins }, dialer)).reason?.code).toBe("tls-pin");
    expect((await dial(port, { pins }, dialer)).reason?.code).toBe("tls-pin");
  });
});

interface Outcome {
  readonly socket?: Socket;
  readonly info?: DialInfo;
  readonly reason?: Reason;
}

const cleanups: (() => unknown)[] = [];

async function listen(issued: Issued, options: tls.TlsOptions = {}): Promise<number> {
  const sockets = new Set<Socket>();
  const server = tls.createServer(
    { key: issued.keyPem, cert: issued.chainPem, ciphers: ANY, ...options },
    (socket) => {
      socket.on("error", () => {});
      const shown = socket.getPeerCertificate().subject?.CN ?? "stranger";
      socket.write(`hello ${shown}`);
    },
  );
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    return once(server, "close");
  });
  return (server.address() as AddressInfo).port;
}

function dial(port: number, request: Partial<TlsRequest> = {}, dialer = new Dialer()): Promise<Outcome> {
  const whole: DialRequest = {
    host: "127.0.0.1",
    port,
    timeout: 5000,
    tls: { serverName: "localhost", trust: [root.certificateDer], ...request },
  };
  return new Promise((resolve) => {
    dialer.dial(whole, {
      connected: (socket, info) => {
        socket.on("error", () => {});
        cleanups.push(() => socket.destroy());
        resolve({ socket, info });
      },
      failed: (reason) => resolve({ reason }),
    });
  });
}

/** Waits for the first byte: the tickets of TLS 1.3 have come by then. */
async function dialAndRead(port: number, request: Partial<TlsRequest>, dialer: Dialer): Promise<Outcome> {
  const outcome = await dial(port, request, dialer);
  if (outcome.socket !== undefined) {
    await once(outcome.socket, "data");
    outcome.socket.destroy();
  }
  return outcome;
}

/** `openssl s_server` that insists on a client certificate under `root`; Node's own server sends no alert then. */
async function opensslServer(issued: Issued, version: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "refusals-"));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const files = [
    ...["-cert", write("cert.pem", issued.certificatePem), "-key", write("key.pem", issued.keyPem)],
    ...["-CAfile", write("root.pem", root.certificatePem)],
  ];
  const server = spawn(
    "openssl",
    ["s_server", version, "-accept", "127.0.0.1:0", "-Verify", "1", "-verify_return_error", ...files],
    { stdio: ["pipe", "pipe", "ignore"] },
  );
  cleanups.push(async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    rmSync(folder, { recursive: true });
  });
  let said = "";
  for await (const chunk of server.stdout) {
    said += String(chunk);
    const port = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`openssl s_server ended: ${said}`);
}

async function endOf(socket: Socket, port: number): Promise<Reason | undefined> {
  const error: unknown = await Promise.race([
    once(socket, "error").then(([each]) => each),
    once(socket, "close").then(() => undefined),
  ]);
  return tlsReason(error, `127.0.0.1:${port}`);
}

/** A client that takes everything: what it cannot connect to proves nothing when the dialer refuses it. */
async function laxConnect(
  port: number,
  options: tls.ConnectionOptions,
): Promise<{ protocol: string; cipher: string }> {
  const socket = tls.connect({
    host: "127.0.0.1",
    port,
    servername: "localhost",
    rejectUnauthorized: false,
    ciphers: ANY,
    ...options,
  });
  await once(socket, "secureConnect");
  const seen = { protocol: socket.getProtocol() ?? "", cipher: socket.getCipher().name };
  socket.destroy();
  return seen;
}

function leaf(name: string, code: ErrorCode, says: RegExp, options: CertificateOptions): Case {
  return { name, code, says, issued: root.issue({ ...NAMES, ...options }) };
}

function chain(name: string, code: ErrorCode, says: RegExp, options: CertificateOptions): Case {
  return { name, code, says, issued: root.issueAuthority(options).issue({ names: ["localhost"] }) };
}

function wildcard(name: string, pattern: string, serverName: string): Case {
  const issued = root.issue({ names: [pattern] });
  return { name, code: "tls-host-mismatch", says: /and not for/, issued, request: { serverName } };
}

function alone(issued: Issued): Issued {
  return { ...issued, chainPem: issued.certificatePem };
}

function withRoot(issued: Issued, authority: Issued): Issued {
  return { ...issued, chainPem: issued.chainPem + authority.certificatePem };
}

function pinOf(issued: Issued): Uint8Array {
  const key = new X509Certificate(issued.certificatePem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest();
}
