import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HostResolver, ResolveEvents } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { createAuthority } from "../../testing/certificates/index.ts";
import { connectReason, Dialer, type DialInfo, type DialRequest } from "./index.ts";

const root = createAuthority();
const issued = root.issue({ names: ["localhost", "127.0.0.1", "peer.test"] });
const TLS = { serverName: "localhost", trust: [root.certificateDer] };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dialer-"));
});
afterEach(async () => {
  for (const close of cleanups.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

describe("a dial reaches", () => {
  test("an address, and says which", async () => {
    const port = await greeter();

    const { socket, info } = await dial({ host: "127.0.0.1", port });

    expect(await read(socket)).toBe("hello");
    expect(info).toMatchObject({
      peer: `127.0.0.1:${port}`,
      addresses: ["127.0.0.1"],
      alpn: undefined,
      sessionReused: false,
    });
    expect(info?.timings).toMatchObject({ dns: 0, tls: 0 });
    expect(info?.timings.connect).toBeGreaterThan(0);
  });

  test.each(["localhost", "LOCALHOST.", "a.localhost"])("%s without asking a resolver", async (host) => {
    const port = await greeter();

    const { info } = await dial(
      { host, port },
      resolver(() => expect.unreachable()),
    );

    expect(info?.peer).toBe(`127.0.0.1:${port}`);
  });

  test("a Unix socket by its path, with TLS too", async () => {
    const path = join(folder, "socket");
    await listen(createTlsServer({ key: issued.keyPem, cert: issued.chainPem }, greet), { path });

    const { socket, info } = await dial({ host: "", port: 0, unixPath: path, tls: TLS });

    expect(await read(socket)).toBe("hello");
    expect(info?.peer).toBe(path);
  });

  test.skipIf(process.platform !== "linux")(
    "a Unix socket of the abstract namespace (Linux alone)",
    async () => {
      const path = `\0dialer-${process.pid}`;
      await listen(createServer(greet), { path });

      const { socket, info } = await dial({ host: "", port: 0, unixPath: path });

      expect(await read(socket)).toBe("hello");
      expect(info?.peer).toBe(`@dialer-${process.pid}`);
    },
  );

  test("a name through the resolver it was given", async () => {
    const port = await greeter();

    const { info } = await dial(
      { host: "peer.test", port },
      resolver((_, events) => {
        events.done(6, NO_DATA);
        events.addresses(4, ["127.0.0.1", "nonsense", "::1"]);
        events.done(4, undefined);
      }),
    );

    expect(info?.peer).toBe(`127.0.0.1:${port}`);
    expect(info?.addresses).toEqual(["127.0.0.1"]);
    expect(info?.timings.dns).toBeGreaterThan(0);
  });

  test("first what there is a route to", async () => {
    const port = await greeter();

    const { info } = await dial(
      { host: "peer.test", port },
      resolver((_, events) => {
        // A link-local address without its link has no route on any machine.
        events.addresses(6, ["fe80::1"]);
        onLoopback("", events);
      }),
    );

    expect(info?.peer).toBe(`127.0.0.1:${port}`);
    expect(info?.addresses).toEqual(["fe80::1", "127.0.0.1"]);
  });

  test("the next address where one refuses and where one is silent", async () => {
    const { port } = await blackHole();
    await listen(createServer(greet), { host: "127.0.0.9", port });

    const { info } = await dial(
      { host: "peer.test", port },
      resolver((_, events) => {
        events.addresses(6, ["::1"]);
        events.addresses(4, ["127.0.0.1", "127.0.0.8", "127.0.0.9"]);
        events.done(6, undefined);
        events.done(4, undefined);
      }),
    );

    expect(info?.peer).toBe(`127.0.0.9:${port}`);
  });
});

describe("a dial fails", () => {
  test.each([Number.NaN, 99_999, -1, 1.5])(
    "where the port, or that of the proxy, is %d, after it has returned",
    async (port) => {
      const target = { host: "127.0.0.1", port };

      const reasons = [await dial(target), await dial({ host: "peer.test", port: 1, proxy: target })].map(
        ({ reason }) => reason?.code,
      );

      expect(reasons).toEqual(["connection-failed", "proxy-unreachable"]);
    },
  );

  test("where nobody listens, naming host, port and address", async () => {
    const port = await closedPort();

    const { reason } = await dial({ host: "127.0.0.1", port });
    const { reason: both } = await dial({ host: "localhost", port });

    expect(reason).toEqual({
      layer: "tcp",
      code: "connection-refused",
      message: `Cannot connect to 127.0.0.1:${port}: nobody listens there; is the server running and the port right? (ECONNREFUSED)`,
    });
    expect(both?.code).toBe("connection-refused");
    expect(both?.message).toContain(`localhost:${port} (127.0.0.1)`);
  });

  test("where there is no Unix socket, or a file", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");

    expect((await dial({ host: "", port: 0, unixPath: join(folder, "none") })).reason?.code).toBe(
      "socket-missing",
    );
    expect((await dial({ host: "", port: 0, unixPath: file })).reason?.code).toMatch(
      /socket-missing|refused/,
    );
    expect((await dial({ host: "", port: 0, unixPath: `/${"x".repeat(300)}` })).reason?.layer).toBe("tcp");
  });

  test("where the name is not found", async () => {
    const { reason } = await dial({ host: "no-such-host.invalid", port: 1 });

    expect(reason?.layer).toBe("dns");
    expect(reason?.message).toContain('"no-such-host.invalid"');
  });

  test("where the resolver gives nothing, or never answers", async () => {
    const nothing = resolver((_, events) => {
      events.done(6, undefined);
      events.done(4, undefined);
    });

    expect((await dial({ host: "peer.test", port: 1 }, nothing)).reason?.code).toBe("no-data");
    const silent = await dial(
      { host: "peer.test", port: 1, timeout: 30 },
      resolver(() => {}),
    );
    expect(silent.reason).toMatchObject({ layer: "dns", code: "dns-timeout" });
  });

  test("where the handshake of TCP is never answered", async () => {
    const { port } = await blackHole();

    const { reason } = await dial({ host: "127.0.0.1", port, timeout: 150 });

    expect(reason).toMatchObject({ layer: "tcp", code: "connection-timeout" });
    expect(reason?.message).toContain("no answer from 127.0.0.1 within 150 ms");
  });

  test("where the hello of TLS is never answered, and leaves no socket", async () => {
    const silent = await listen(createServer(() => {}));

    const { reason } = await dial({ host: "127.0.0.1", port: silent, tls: TLS, timeout: 500 });

    expect(reason).toMatchObject({ layer: "tls", code: "connection-timeout" });
    await noConnections();
  });

  test("where the answer to the hello of TLS is something else", async () => {
    const port = await listen(
      createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );

    const { reason } = await dial({ host: "127.0.0.1", port, tls: TLS });

    expect(reason).toMatchObject({ layer: "tls", code: "tls-protocol" });
    expect(reason?.message).toContain("not TLS");
  });

  test("where the peer resets the connection after the hello of TLS", async () => {
    const port = await listen(
      createServer((socket) => {
        socket.on("error", () => {}).once("data", () => socket.resetAndDestroy());
      }),
    );

    const { reason } = await dial({ host: "127.0.0.1", port, tls: TLS });

    expect(reason).toMatchObject({ layer: "tls", code: "connection-reset" });
  });

  test.each(["end", "reset"] as const)(
    "where the peer's handshake breaks off (%s) after any number of bytes",
    async (how) => {
      const secure = await listen(createTlsServer({ key: issued.keyPem, cert: issued.chainPem }, greet));
      let cut = 0;
      const relay = await listen(
        createServer((socket) => {
          const most = cut;
          relayUpTo(most, socket, connect(secure, "127.0.0.1"), how);
        }),
      );
      const codes = new Set<string | undefined>();

      for (cut = 0; cut <= 500; cut += 1) {
        const { reason } = await dial({ host: "127.0.0.1", port: relay, tls: TLS });
        codes.add(reason?.code);
      }

      if (how === "end") expect([...codes]).toEqual(["connection-closed"]);
      else expect([...codes].sort()).toEqual(expect.arrayContaining(["connection-reset"]));
      for (const code of codes) expect(code).toMatch(/^connection-(reset|closed)$/);
      await noConnections();
    },
  );

  test("once, when everything goes wrong at the same time", async () => {
    const port = await closedPort();
    let count = 0;

    await new Promise<void>((resolve) => {
      new Dialer().dial(
        { host: "127.0.0.1", port, timeout: 0 },
        {
          connected: () => expect.unreachable(),
          failed: () => {
            count += 1;
            resolve();
          },
        },
      );
      expect(count).toBe(0);
    });
    await dial({ host: "127.0.0.1", port });

    expect(count).toBe(1);
  });

  test.skipIf(process.platform !== "linux" || spawnSync("prlimit", ["--version"]).status !== 0)(
    "without a free file descriptor, and works again with one (needs prlimit)",
    async () => {
      const port = await greeter();
      const limit = (soft: number | string): unknown =>
        execFileSync("prlimit", [`--pid=${process.pid}`, `--nofile=${soft}:`]);
      const before = /NOFILE.*?(\d+)/.exec(
        execFileSync(
          "prlimit",
          ["--nofile", "--noheadings", "--output=RESOURCE,SOFT", `--pid=${process.pid}`],
          { encoding: "utf8" },
        ),
      )?.[1];
      const fillers: number[] = [];
      const reasons: (Reason | undefined)[] = [];
      limit(400);
      try {
        try {
          for (;;) fillers.push(openSync("/dev/null", "r"));
        } catch {}
        reasons.push((await dial({ host: "127.0.0.1", port })).reason);
        reasons.push((await dial({ host: "", port: 0, unixPath: join(folder, "none") })).reason);
        reasons.push((await dial({ host: "peer.test", port }, resolver(onLoopback))).reason);
      } finally {
        for (const each of fillers) closeSync(each);
        limit(before ?? 1024);
      }

      expect(fillers.length).toBeGreaterThan(0);
      expect(reasons.map((each) => each?.code)).toEqual([
        "too-many-files",
        "too-many-files",
        "too-many-files",
      ]);
      expect((await dial({ host: "127.0.0.1", port })).reason).toBeUndefined();
    },
  );

  test.each([
    ["EHOSTUNREACH", "network-unreachable"],
    ["ENETUNREACH", "network-unreachable"],
    ["ETIMEDOUT", "connection-timeout"],
    ["EACCES", "not-permitted"],
    ["EPERM", "not-permitted"],
    ["ENOBUFS", "too-many-files"],
    ["EWHATEVER", "connection-failed"],
  ])("and %s of the kernel means %s", (code, wanted) => {
    const error = Object.assign(new Error("connect EWHATEVER"), { code });

    expect(connectReason(error, "peer.test:1")).toMatchObject({ layer: "tcp", code: wanted });
    expect(connectReason("text", "peer.test:1").message).toBe("Cannot connect to peer.test:1: text");
  });
});

describe("a cancelled dial tells nothing and leaves no socket", () => {
  const request = { host: "127.0.0.1", tls: TLS };
  const never = { connected: () => expect.unreachable(), failed: () => expect.unreachable() };

  test("at once", async () => {
    const port = await greeter();

    const dialling = new Dialer().dial({ ...request, port }, never);
    dialling.cancel();
    dialling.cancel();

    await dial({ host: "127.0.0.1", port }).then(({ socket }) => socket?.destroy());
    await noConnections();
  });

  test("while the name is resolved", async () => {
    let events: ResolveEvents | undefined;
    let isCancelled = false;
    const slow: HostResolver = {
      resolve: (_, given) => {
        events = given;
        return {
          cancel: () => {
            isCancelled = true;
          },
        };
      },
    };

    new Dialer({ resolver: slow }).dial({ ...request, host: "peer.test", port: 1 }, never).cancel();
    events?.addresses(4, ["127.0.0.1"]);
    events?.done(4, undefined);
    events?.done(6, undefined);

    expect(isCancelled).toBe(true);
  });

  test("in the middle of the TLS handshake", async () => {
    const server = createServer();
    const port = await listen(server);

    const dialling = new Dialer().dial({ ...request, port }, never);
    const [socket] = (await once(server, "connection")) as [Socket];
    await once(socket, "data");
    dialling.cancel();

    await closed(socket);
  });

  test("in the middle of SOCKS5", async () => {
    const server = createServer();
    const port = await listen(server);

    const dialling = new Dialer().dial({ ...request, port: 1, proxy: { host: "127.0.0.1", port } }, never);
    const [socket] = (await once(server, "connection")) as [Socket];
    await once(socket, "data");
    dialling.cancel();

    await closed(socket);
  });

  test("and cancelling a dial that has ended does nothing", async () => {
    const port = await greeter();
    const dialer = new Dialer();

    const socket = await new Promise<Socket>((resolve, reject) => {
      const dialling = dialer.dial(
        { host: "127.0.0.1", port },
        {
          connected: (connected) => {
            dialling.cancel();
            resolve(connected);
          },
          failed: reject,
        },
      );
    });
    cleanups.push(() => socket.destroy());

    expect(await read(socket)).toBe("hello");
  });
});

describe("through a SOCKS5 proxy", () => {
  const GRANTED = [0x05, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0];

  test("a dial reaches a name that only the proxy can resolve, with TLS", async () => {
    const secure = await listen(createTlsServer({ key: issued.keyPem, cert: issued.chainPem }, greet));
    const asked: Buffer[] = [];
    const port = await proxy((step, bytes, socket) => {
      asked.push(bytes);
      if (step === 0) socket.write(Uint8Array.of(0x05, 0x02));
      else if (step === 1) socket.write(Uint8Array.of(0x01, 0x00));
      else {
        socket.removeAllListeners("data").pause();
        const peer = connect(secure, "127.0.0.1", () => {
          for (const byte of GRANTED) socket.write(Uint8Array.of(byte));
          socket.pipe(peer).pipe(socket);
        });
        peer.on("error", () => {});
      }
    });

    const { socket, info } = await dial(
      {
        host: "peer.test",
        port: 443,
        tls: { ...TLS, serverName: "peer.test" },
        proxy: { host: "127.0.0.1", port, username: "u", password: "p" },
      },
      resolver(() => expect.unreachable()),
    );

    expect(await read(socket)).toBe("hello");
    expect(info?.peer).toBe("peer.test:443");
    expect(String(asked[1])).toBe("\x01\x01u\x01p");
    expect(asked[2]?.subarray(5, 14).toString()).toBe("peer.test");
  });

  test("bytes that the peer sends along with the proxy's answer are not lost", async () => {
    const port = await proxy((step, _, socket) => {
      socket.write(
        step === 0 ? Uint8Array.of(5, 0) : Buffer.concat([Buffer.from(GRANTED), Buffer.from("hello")]),
      );
    });

    const { socket } = await dial({ host: "peer.test", port: 1, proxy: { host: "127.0.0.1", port } });

    expect(await read(socket)).toBe("hello");
  });

  test("a proxy that speaks before the TLS handshake is refused", async () => {
    const port = await proxy((step, _, socket) => {
      socket.write(step === 0 ? Uint8Array.of(5, 0) : Uint8Array.of(...GRANTED, 0x16));
    });

    const { reason } = await dial({
      host: "peer.test",
      port: 1,
      tls: TLS,
      proxy: { host: "127.0.0.1", port },
    });

    expect(reason).toMatchObject({ layer: "proxy", code: "proxy-protocol" });
  });

  test.each<[string, string, (socket: Socket, step: number) => void]>([
    ["refuses", "proxy-refused", (socket, step) => socket.write(Uint8Array.of(5, step === 0 ? 0 : 5))],
    ["wants a password", "proxy-auth-failed", (socket) => socket.write(Uint8Array.of(5, 0xff))],
    ["is a web server", "proxy-protocol", (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["closes", "proxy-protocol", (socket) => socket.end()],
    ["resets", "proxy-protocol", (socket) => socket.resetAndDestroy()],
    ["floods", "proxy-protocol", (socket) => socket.write(new Uint8Array(1_000_000).fill(5))],
    ["is silent", "connection-timeout", () => {}],
  ])("a proxy that %s fails with %s", async (_, code, act) => {
    const port = await proxy((step, __, socket) => {
      act(socket, step);
    });

    const { reason } = await dial({
      host: "peer.test",
      port: 1,
      timeout: code === "connection-timeout" ? 500 : 5000,
      proxy: { host: "127.0.0.1", port },
    });

    expect(reason).toMatchObject({ layer: "proxy", code });
    expect(reason?.message).toContain(`127.0.0.1:${port}`);
    await noConnections();
  });

  test("a proxy that cannot be reached is named", async () => {
    const port = await closedPort();

    const { reason } = await dial({ host: "peer.test", port: 1, proxy: { host: "127.0.0.1", port } });

    expect(reason).toMatchObject({ layer: "proxy", code: "proxy-unreachable" });
    expect(reason?.message).toMatch(/^Cannot reach the SOCKS5 proxy 127\.0\.0\.1:\d+: .*nobody listens/);
  });
});

const NO_DATA: Reason = { layer: "dns", code: "no-data", message: "Cannot resolve: no address" };

interface Outcome {
  readonly socket?: Socket;
  readonly info?: DialInfo;
  readonly reason?: Reason;
}

const cleanups: (() => unknown)[] = [];
const connections = new Set<Socket>();

function dial(request: DialRequest, hostResolver?: HostResolver): Promise<Outcome> {
  const dialer = new Dialer(hostResolver === undefined ? {} : { resolver: hostResolver });
  return new Promise((resolve) => {
    dialer.dial(
      { timeout: 5000, ...request },
      {
        connected: (socket, info) => {
          socket.on("error", () => {});
          cleanups.push(() => socket.destroy());
          resolve({ socket, info });
        },
        failed: (reason) => resolve({ reason }),
      },
    );
  });
}

function resolver(answer: (host: string, events: ResolveEvents) => void): HostResolver {
  return {
    resolve: (host, events) => {
      setImmediate(() => answer(host, events));
      return { cancel: () => {} };
    },
  };
}

function onLoopback(_: string, events: ResolveEvents): void {
  events.addresses(4, ["127.0.0.1"]);
  events.done(6, undefined);
  events.done(4, undefined);
}

async function listen(
  server: Server,
  where: { path?: string; host?: string; port?: number } = {},
): Promise<number> {
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.on("error", () => {}).on("close", () => connections.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(where.path === undefined ? { host: "127.0.0.1", port: 0, ...where } : { path: where.path });
  await once(server, "listening");
  cleanups.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
    return once(server, "close");
  });
  return where.path === undefined ? (server.address() as AddressInfo).port : 0;
}

function greet(socket: Socket): void {
  socket.on("error", () => {});
  socket.write("hello");
}

function greeter(): Promise<number> {
  return listen(createServer(greet));
}

async function read(socket: Socket | undefined): Promise<string> {
  if (socket === undefined) throw new Error("Not connected");
  const [bytes] = await once(socket, "data");
  return String(bytes);
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A SOCKS5 proxy's side as a function of the pieces it gets. */
function proxy(answer: (step: number, bytes: Buffer, socket: Socket) => void): Promise<number> {
  return listen(
    createServer((socket) => {
      let step = 0;
      socket.on("error", () => {}).on("data", (bytes: Buffer) => answer(step++, bytes, socket));
    }),
  );
}

/** Hands `most` bytes of the peer to the client, and then breaks off. */
function relayUpTo(most: number, client: Socket, peer: Socket, how: "end" | "reset"): void {
  let left = most;
  const stop = (): void => {
    if (how === "end") client.end();
    else client.resetAndDestroy();
    peer.destroy();
  };
  client.on("error", () => {}).on("data", (bytes) => (left === 0 ? stop() : peer.write(bytes)));
  client.on("close", () => peer.destroy());
  peer
    .on("error", () => {})
    .on("data", (bytes: Buffer) => {
      const part = bytes.subarray(0, left);
      left -= part.length;
      if (part.length > 0) client.write(part);
      if (left === 0) stop();
    });
}

/** A listener whose queue is full: the kernel drops every further SYN. Its process is stopped, so nobody accepts. */
async function blackHole(): Promise<{ port: number }> {
  const script = `const s = require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  cleanups.push(async () => {
    child.kill("SIGKILL");
    if (child.signalCode === null) await once(child, "exit");
  });
  const [line] = await once(child.stdout, "data");
  const port = Number(line);
  child.kill("SIGSTOP");
  for (let index = 0; index < 4; index++) {
    const filler = connect(port, "127.0.0.1").on("error", () => {});
    cleanups.push(() => filler.destroy());
    if (index < 2) await once(filler, "connect");
  }
  return { port };
}

/** Resolves when no server of this test has a connection left. */
async function noConnections(): Promise<void> {
  for (const socket of [...connections]) await closed(socket);
  expect(connections.size).toBe(0);
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((resolve) => socket.resume().once("close", resolve));
}
