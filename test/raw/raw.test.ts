import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/node/clock.ts";
import { Dialer } from "../../src/node/dialer/index.ts";
import { RawTransport } from "../../src/node/transports/raw/index.ts";
import type { Target } from "../../src/stream/index.ts";
import { createAuthority } from "../../src/testing/certificates/index.ts";
import { targetOf } from "../http/client.ts";
import { OpenLink } from "../open-link.ts";
import { peerMissing, requirePeer } from "../peers.ts";
import { createTransport } from "./client.ts";

const authority = createAuthority();
const { chainPem: cert, keyPem: key } = authority.issue({ names: ["localhost", "127.0.0.1"] });
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

describe("bytes come back", () => {
  test("over TCP, in pieces without beginning and end", async () => {
    const port = await listen(createServer(echo));
    const { link } = open(targetOf({ port, protocol: "raw" }));

    const { peer, head } = await link.established;
    const settled = await link.send("hello");
    await link.until(() => link.text === "hello");

    expect(settled).toEqual({ type: "acknowledged", by: "kernel" });
    expect(link.frames[0]).toEqual({ start: false, end: false });
    expect({ peer, head }).toEqual({ peer: `127.0.0.1:${port}`, head: undefined });
  });

  test("over a Unix socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "raw-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "socket");
    await listen(createServer(echo), { path });
    const { link } = open(targetOf({ endpoint: `+${path}`, protocol: "raw" }));

    const { peer } = await link.established;
    await link.send("hello");
    await link.until(() => link.text === "hello");

    expect(peer).toBe(path);
  });

  test.skipIf(process.platform !== "linux")("over an abstract socket (Linux alone)", async () => {
    const name = `secure-streams-raw-${process.pid}`;
    await listen(createServer(echo), { path: `\0${name}` });
    const { link } = open(targetOf({ endpoint: `+@${name}`, protocol: "raw" }));

    const { peer } = await link.established;
    await link.send("hello");
    await link.until(() => link.text === "hello");

    expect(peer).toBe(`@${name}`);
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("over %s, whoever speaks first", async (version) => {
    const options = { minVersion: version, maxVersion: version };
    const first = await listen(tlsServer(options, (socket) => socket.write("hello")));
    const second = await listen(tlsServer(options, echo));

    for (const port of [first, second]) {
      const { link } = open(secure(port));
      await link.established;
      if (port === second) await link.send("hello");
      await link.until(() => link.text === "hello");
    }
  });

  test("over TLS 1.3 at the first session ticket, without a wait", async () => {
    const port = await listen(tlsServer({ minVersion: "TLSv1.3" }, echo));
    const never = () => () => undefined;
    const clock = { now: () => systemClock.now(), wall: () => systemClock.wall(), wake: never };
    const transport = new RawTransport({ dialer: new Dialer(), clock, observe: () => undefined });
    cleanups.push(() => transport.close());

    const link = new OpenLink(transport, secure(port));
    await link.established;

    expect(link.received).toEqual([]);
  });

  test.skipIf(peerMissing("openssl"))(
    "over TLS 1.3 from openssl without session tickets, after a short while",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "raw-"));
      cleanups.push(() => rmSync(folder, { recursive: true }));
      const pem = join(folder, "pem");
      writeFileSync(pem, `${cert}\n${key}`);
      const args = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        pem,
        "-num_tickets",
        "0",
        "-tls1_3",
        "-rev",
      ];
      const child = spawn(requirePeer("openssl"), args, { stdio: ["pipe", "pipe", "ignore"] });
      cleanups.push(() => child.kill());
      let said = "";
      while (!/ACCEPT \S*:(\d+)/.test(said)) said += String((await once(child.stdout, "data"))[0]);

      const { link } = open(secure(Number(/ACCEPT \S*:(\d+)/.exec(said)?.[1])));
      await link.established;
      await link.send("olleh\n");
      await link.until(() => link.text === "hello\n");
    },
  );
});

describe("a TLS server that wants a client certificate", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("never looks established without one (%s)", async (version) => {
    const options = { requestCert: true, rejectUnauthorized: true, ca: authority.certificatePem };
    const port = await listen(tlsServer({ ...options, minVersion: version, maxVersion: version }, echo));

    const { link } = open(secure(port));
    await link.ended;

    expect(link.code).toBe("tls-client-cert-required");
    expect(link.isEstablished).toBe(false);
  });

  test("lets in who has one", async () => {
    const options = { requestCert: true, rejectUnauthorized: true, ca: authority.certificatePem };
    const port = await listen(tlsServer(options, echo));
    const own = authority.issue({ commonName: "device", purposes: ["client"] });
    const target = secure(port);
    const tls = target.tls && {
      ...target.tls,
      clientCertificate: { certificate: own.chainPem, key: own.keyPem },
    };

    const { link } = open({ ...target, tls });
    await link.established;
    await link.send("hello");
    await link.until(() => link.text === "hello");
  });
});

describe("a peer that does not read", () => {
  test("makes send say no until it has read, and nothing is lost", async () => {
    let peer: Socket | undefined;
    const port = await listen(
      createServer((socket) => {
        peer = socket.pause();
      }),
    );
    const { link } = open(targetOf({ port, protocol: "raw" }));
    await link.established;
    const piece = Buffer.alloc(100_000, "x");
    const settled: string[] = [];

    let sent = 0;
    let hasRoom = true;
    for (; hasRoom && sent < 1000; sent++) {
      hasRoom = link.link.send(piece, { start: true, end: true }, ({ type }) => settled.push(type));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hasRoom).toBe(false);
    let heard = 0;
    peer?.on("data", (bytes) => {
      heard += bytes.length;
    });
    peer?.resume();
    await link.until(() => link.drains > 0);
    const closed = once(peer as Socket, "close");
    link.link.close();
    await closed;

    expect(heard).toBe(sent * piece.length);
    expect(settled).toEqual(Array(sent).fill("acknowledged"));
  });

  test("and is reset makes what waits lost", async () => {
    let peer: Socket | undefined;
    const port = await listen(
      createServer((socket) => {
        peer = socket.pause();
      }),
    );
    const { link } = open(targetOf({ port, protocol: "raw" }));
    await link.established;
    const outcomes = [1, 2, 3].map(() => link.send(Buffer.alloc(8_000_000)));
    await new Promise((resolve) => setImmediate(resolve));

    peer?.resetAndDestroy();

    expect((await Promise.all(outcomes)).at(-1)).toMatchObject({
      type: "lost",
      reason: { code: "connection-reset" },
    });
    await link.ended;
    expect(link.code).toBe("connection-reset");
  });
});

describe("the peer's FIN", () => {
  test("ends the link after what was written is written", async () => {
    let heard = 0;
    let hearFin: () => void = () => undefined;
    const fin = new Promise<void>((resolve) => {
      hearFin = resolve;
    });
    const port = await listen(
      createServer({ allowHalfOpen: true }, (socket) => {
        socket.once("end", hearFin);
        socket.on("data", (bytes) => {
          heard += bytes.length;
        });
        socket.once("data", () => socket.end("bye"));
      }),
    );
    const { link } = open(targetOf({ port, protocol: "raw" }));
    await link.established;

    const outcomes = await Promise.all([1, 2, 3, 4].map(() => link.send(Buffer.alloc(1_000_000))));
    const end = await link.ended;
    await fin;

    expect(link.text).toBe("bye");
    expect(end).toMatchObject({ reason: { layer: "tcp", code: "connection-closed" } });
    expect(outcomes.map(({ type }) => type)).toEqual(Array(4).fill("acknowledged"));
    expect(heard).toBe(4_000_000);
  });

  test("is seen only after the last byte, by a slow reader too", async () => {
    const port = await listen(createServer((socket) => socket.end(Buffer.alloc(3_000_000, "x"))));
    const { link } = open(targetOf({ port, protocol: "raw" }));
    link.isReading = false;
    await link.until(() => link.received.length > 0);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));

    expect(link.end).toBeUndefined();
    link.isReading = true;
    link.link.resume();
    await link.ended;

    expect(link.text.length).toBe(3_000_000);
    expect(link.code).toBe("connection-closed");
  });
});

function echo(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => socket.write(bytes));
}

function tlsServer(options: TlsOptions, serve: (socket: Socket) => void): Server {
  return createTlsServer({ cert, key, ...options }, serve).on("tlsClientError", () => undefined);
}

function secure(port: number): Target {
  return targetOf({ port, protocol: "raw", tls: true }, { trust: authority.certificateDer });
}

async function listen(
  server: Server,
  where: ListenOptions = { port: 0, host: "127.0.0.1" },
): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(where);
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function open(target: Target) {
  const transport = createTransport();
  cleanups.push(async () => {
    await transport.close();
    expect(transport.inspect()).toEqual([]);
  });
  return { transport, link: new OpenLink(transport, target) };
}
