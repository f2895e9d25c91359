import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, type Server, type TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHostResolver, createResolver, type Resolver } from "../../src/dns.ts";
import { createContext, type ErrorCode, type StateEvent } from "../../src/index.ts";
import { type CertificateOptions, createAuthority } from "../../src/testing/index.ts";
import { type Responder, responder, zone } from "../dns/responder.ts";

const HOST = "foo.example.test";
const ANY_KEY = "ALL:@SECLEVEL=0";
const NAMES = { names: [HOST] };

const root = createAuthority();
const other = createAuthority();
const good = root.issue(NAMES);

interface Case {
  readonly name: string;
  readonly code: ErrorCode;
  /** The state that tells it. */
  readonly state?: "auth-failed" | "unreachable";
  readonly server: TlsOptions;
}

const leaf = (options: CertificateOptions, authority = root): TlsOptions => {
  const { chainPem, keyPem } = authority.issue(options);
  return { cert: chainPem, key: keyPem };
};
const strict: TlsOptions = {
  ...{ cert: good.chainPem, key: good.keyPem },
  ...{ requestCert: true, rejectUnauthorized: true, ca: [root.certificatePem] },
};

const REFUSALS: readonly Case[] = [
  {
    name: "has expired",
    code: "tls-expired",
    server: leaf({ ...NAMES, notBefore: new Date("2020-01-01"), notAfter: new Date("2021-01-01") }),
  },
  {
    name: "is not valid yet",
    code: "tls-not-yet-valid",
    server: leaf({ ...NAMES, notBefore: new Date("2090-01-01"), notAfter: new Date("2091-01-01") }),
  },
  { name: "is for another host", code: "tls-host-mismatch", server: leaf({ names: ["bar.example.test"] }) },
  { name: "leads to an unknown root", code: "tls-untrusted", server: leaf(NAMES, other) },
  {
    name: "has a common name alone",
    code: "tls-host-mismatch",
    server: leaf({ names: [], commonName: HOST }),
  },
  {
    name: "has an RSA key of 1024 bits",
    code: "tls-weak-key",
    server: { ...leaf({ ...NAMES, key: "rsa-1024" }), ciphers: ANY_KEY },
  },
  {
    name: "has a partial wildcard",
    code: "tls-host-mismatch",
    server: leaf({ names: ["f*.example.test"] }),
  },
];

const CLIENT_REFUSALS: readonly Case[] = (["TLSv1.2", "TLSv1.3"] as const).map((version) => ({
  name: version,
  code: "tls-client-cert-required",
  state: "auth-failed",
  server: { ...strict, minVersion: version, maxVersion: version },
}));

/** mqtt and raw offer nothing by ALPN, so a server cannot want another protocol. */
const PROTOCOLS = {
  h1: { protocol: "h1", offersAlpn: true },
  h2: { protocol: "h2", offersAlpn: true },
  wss: { protocol: "ws", offersAlpn: true },
  mqtts: { protocol: "mqtt", offersAlpn: false },
  raws: { protocol: "raw", offersAlpn: false },
} as const;
const EACH = Object.keys(PROTOCOLS) as readonly (keyof typeof PROTOCOLS)[];

let nameServer: Responder;
let resolver: Resolver;
beforeAll(async () => {
  nameServer = await responder(zone({ [HOST]: ["127.0.0.1"] }));
  resolver = createResolver({ servers: [nameServer.server] });
});
afterAll(async () => {
  resolver.close();
  await nameServer.close();
});

describe.each(EACH)("%s over TLS", (kind) => {
  test.each(REFUSALS)("refuses a certificate that $name: $code", async (refusal) => {
    const { events, received } = await attempt(kind, refusal.server);

    expectRefused(events, refusal);
    expect(received).toBe(0);
  });

  test.each(CLIENT_REFUSALS)("is refused without a client certificate under $name", async (refusal) => {
    const { events } = await attempt(kind, refusal.server);

    expectRefused(events, refusal);
  });

  if (PROTOCOLS[kind].offersAlpn) {
    test("refuses a server of another protocol", async () => {
      const { events, received } = await attempt(kind, { ...server(good), ALPNProtocols: ["other/1"] });

      expectRefused(events, { code: "tls-alpn" });
      expect(received).toBe(0);
    });
  }

  test("speaks to a server whose certificate is right", async () => {
    const { received } = await attempt(kind, server(good), true);

    expect(received).toBeGreaterThan(0);
  });
});

function server({ chainPem, keyPem }: typeof good): TlsOptions {
  return { cert: chainPem, key: keyPem };
}

function expectRefused(
  events: readonly StateEvent[],
  { code, state = "unreachable" }: Pick<Case, "code" | "state">,
) {
  const told = events.map((event) => [event.state, event.reason?.layer, event.reason?.code]);
  expect(told).toEqual([
    ["creating", undefined, undefined],
    ["connecting", undefined, undefined],
    [state, "tls", code],
    ["all-retries-failed", "tls", code],
  ]);
}

/** One attempt of a nailed-up stream at a server; the server slams the door on the first byte that it decrypts. */
async function attempt(
  kind: keyof typeof PROTOCOLS,
  options: TlsOptions,
  isWelcome = false,
): Promise<{ readonly events: readonly StateEvent[]; readonly received: number }> {
  let received = 0;
  const peer: Server = createServer({ ALPNProtocols: ["h2", "http/1.1"], ...options }, (socket) => {
    if (kind === "raws" && isWelcome) socket.write("hello");
    socket.on("data", (chunk) => {
      received += chunk.length;
      socket.destroy();
    });
  });
  const sockets = new Set<Socket>();
  peer.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  peer.on("tlsClientError", () => {}).on("secureConnection", (socket) => socket.on("error", () => {}));
  peer.listen(0, "127.0.0.1");
  await once(peer, "listening");
  const context = await createContext({
    policy: policy(kind, (peer.address() as AddressInfo).port),
    resolver: createHostResolver(resolver),
  });
  const events: StateEvent[] = [];
  try {
    const stream = context.open("one", {
      state: (event) => {
        events.push(event);
      },
    });
    if (kind === "raws" && isWelcome) await stream.send("hello");
    await stream.reached("all-retries-failed");
  } finally {
    await context.close();
    for (const socket of sockets) socket.destroy();
    peer.close();
    await once(peer, "close");
  }
  return { events: events.filter(({ state }) => state !== "destroying"), received };
}

function policy(kind: keyof typeof PROTOCOLS, port: number): object {
  return {
    certs: { root: Buffer.from(root.certificateDer).toString("base64") },
    trust_stores: { own: ["root"] },
    retry: { once: { backoff: [10], conceal: 0, jitterpc: 0 } },
    streams: {
      one: {
        ...{ endpoint: HOST, port, protocol: PROTOCOLS[kind].protocol, tls: true, tls_trust_store: "own" },
        ...{ retry: "once", nailed_up: true },
      },
    },
  };
}
