import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createContext } from "../../src/index.ts";
import type { ErrorCode } from "../../src/lib/errors.ts";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { createAuthority } from "../../src/testing/certificates/index.ts";
import { get, start, targetOf } from "./client.ts";
import { frame, GOAWAY, HEADERS, onFrames, PING, RST_STREAM, response, settings, uint32 } from "./frames.ts";
import { onRequests, RawServer } from "./raw-server.ts";

describe("h1 connections", { timeout: 8000 }, () => {
  const server = new RawServer();
  afterEach(() => server.close());
  const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

  test.each([
    ["GET", "complete", 2],
    ["POST", "failed", 1],
  ])("a kept connection that dies under %s: %s", async (method, wanted, connections) => {
    const port = await server.listen();
    const before = server.accepted;
    server.onConnection = (socket, number) =>
      onRequests(socket, (nth) => (number === before + 1 && nth === 2 ? socket.destroy() : socket.write(OK)));
    const transport = new HttpTransport({ dialer: new Dialer() });
    const target = targetOf({ port, protocol: "h1", http_method: method, http_url: "x" });

    const first = await get(transport, target);
    const second = await get(transport, target);

    expect(first.end.type).toBe("complete");
    expect(second.end).toMatchObject({
      type: wanted,
      ...(wanted === "failed" ? { repeatable: false, mayBeDone: true } : {}),
    });
    expect(server.accepted - before).toBe(connections);
    await transport.close();
    expect(transport.inspect()).toEqual([]);
  });

  test("a fresh connection that dies is not tried again", async () => {
    const port = await server.listen();
    const before = server.accepted;
    server.onConnection = (socket) => onRequests(socket, () => socket.destroy());
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x" }));

    expect(told.end).toMatchObject({ type: "failed", repeatable: true });
    expect(server.accepted).toBe(before + 1);
    await transport.close();
  });

  test("are shared by streams of one place, but not by one that is opened alone", async () => {
    const port = await server.listen();
    const before = server.accepted;
    server.onConnection = (socket) => onRequests(socket, () => socket.write(OK));
    const common = { endpoint: "127.0.0.1", port, protocol: "h1", http_method: "GET", http_url: "x" };
    await using context = await createContext({
      policy: { streams: { one: common, other: { ...common, opportunistic: true } } },
    });
    const ask = async (alone: boolean): Promise<string> => {
      const stream = context.open("other", { alone });
      const text = await (await stream.request()).text();
      stream.close();
      return text;
    };

    await (await context.request("one")).text();
    expect([await ask(false), server.accepted - before]).toEqual(["ok", 1]);
    expect([await ask(true), server.accepted - before]).toEqual(["ok", 2]);
    expect([await ask(true), server.accepted - before]).toEqual(["ok", 3]);
    expect([await ask(false), server.accepted - before]).toEqual(["ok", 3]);
  });

  test("a stream that is alone stays so when the policy changes under it", async () => {
    const port = await server.listen();
    server.onConnection = (socket) => onRequests(socket, () => socket.write(OK));
    const common = { endpoint: "127.0.0.1", port, protocol: "h1", http_method: "GET", http_url: "x" };
    await using context = await createContext({ policy: { streams: { one: common } } });
    const stream = context.open("one", { alone: true });
    context.overlay({ streams: { one: { http_url: "y" } } });
    const before = server.accepted;

    await (await context.request("one")).text();
    expect(await (await stream.request()).text()).toBe("ok");
    expect(server.accepted - before).toBe(2);
  });

  test("a silent peer is given up within svalidhup", async () => {
    const port = await server.listen();
    server.onConnection = () => undefined;
    const transport = new HttpTransport({ dialer: new Dialer() });
    const target = targetOf(
      { port, protocol: "h1", http_method: "GET", http_url: "x" },
      { retry: { svalidhup: 1 } },
    );

    const told = await get(transport, target);

    expect(told.end).toMatchObject({ type: "failed", reason: { code: "validity-timeout" } });
    await transport.close();
  });
});

describe("h2 sessions", { timeout: 8000 }, () => {
  const server = new RawServer();
  afterEach(() => server.close());
  const targetAt = (port: number, retry = {}, method = "GET") =>
    targetOf({ port, protocol: "h2", http_method: method, http_url: "x" }, { retry });

  test("a refused stream moves once, whatever its method", async () => {
    const port = await server.listen();
    let seen = 0;
    server.onConnection = (socket) => {
      socket.write(settings());
      onFrames(socket, ({ type, stream }) => {
        if (type !== HEADERS) return;
        socket.write(++seen === 1 ? frame(RST_STREAM, 0, stream, uint32(7)) : response(stream, "moved"));
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetAt(port, {}, "POST"));

    expect(told.body.toString()).toBe("moved");
    await transport.close();
  });

  test("a stream that is refused again fails, and may be repeated", async () => {
    const port = await server.listen();
    server.onConnection = (socket) => {
      socket.write(settings());
      onFrames(socket, ({ type, stream }) => {
        if (type === HEADERS) socket.write(frame(RST_STREAM, 0, stream, uint32(7)));
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetAt(port, {}, "POST"));

    expect(told.end).toMatchObject({
      type: "failed",
      repeatable: true,
      reason: { code: "http-stream-refused" },
    });
    await transport.close();
  });

  test.each([[0], [2]])(
    "GOAWAY with code %d moves what the peer did not process to a new session",
    async (code) => {
      const port = await server.listen();
      const before = server.accepted;
      server.onConnection = (socket, number) => {
        socket.write(settings());
        onFrames(socket, ({ type, stream }) => {
          if (type !== HEADERS) return;
          socket.write(
            number === before + 1 ? frame(GOAWAY, 0, 0, uint32(0, code)) : response(stream, "new"),
          );
        });
      };
      const transport = new HttpTransport({ dialer: new Dialer() });

      const all = await Promise.all([1, 2, 3].map(() => get(transport, targetAt(port, {}, "POST"))));

      expect(all.map(({ body }) => body.toString())).toEqual(["new", "new", "new"]);
      expect(server.accepted).toBe(before + 2);
      await transport.close();
    },
  );

  test("no stream opens while the peer allows none, and the limit may change", async () => {
    const port = await server.listen();
    let open = 0;
    let most = 0;
    server.onConnection = (socket) => {
      socket.write(settings([0x3, 0]));
      socket.write(settings([0x3, 2]));
      onFrames(socket, ({ type, stream }) => {
        if (type !== HEADERS) return;
        most = Math.max(most, ++open);
        setImmediate(() => {
          open--;
          socket.write(response(stream, "ok"));
        });
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer() });

    const all = await Promise.all(Array.from({ length: 20 }, () => get(transport, targetAt(port))));

    expect(all.every(({ end }) => end.type === "complete")).toBe(true);
    expect(most).toBeLessThanOrEqual(2);
    await transport.close();
  });

  test.each<[string, ErrorCode, (socket: Socket) => unknown]>([
    ["reset", "connection-reset", (socket) => socket.resetAndDestroy()],
    ["closed", "connection-closed", (socket) => socket.end()],
  ])("the loss of a session, %s, fails each of its links with %s", async (_, code, lose) => {
    const port = await server.listen();
    server.onConnection = (socket) => {
      socket.write(settings());
      let seen = 0;
      onFrames(socket, ({ type }) => {
        if (type === HEADERS && ++seen === 3) lose(socket);
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer() });

    const all = await Promise.all([1, 2, 3].map(() => get(transport, targetAt(port))));

    for (const { end } of all) {
      expect(end).toMatchObject({ type: "failed", repeatable: true, reason: { layer: "tcp", code } });
    }
    await transport.close();
  });

  test("a session is probed, and given up within svalidhup", async () => {
    const port = await server.listen();
    const seen: number[] = [];
    server.onConnection = (socket) => {
      socket.write(settings());
      onFrames(socket, ({ type }) => seen.push(type));
    };
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetAt(port, { svalidping: 1, svalidhup: 2 }));

    expect(told.end).toMatchObject({ type: "failed", reason: { code: "validity-timeout" } });
    expect(seen).toContain(PING);
    await transport.close();
  });

  test("a link that is closed tells nothing more and frees its place", async () => {
    const port = await server.listen();
    server.onConnection = (socket) => {
      socket.write(settings([0x3, 1]));
      onFrames(socket, ({ type, stream }) => {
        if (type !== HEADERS) return;
        if (stream === 1) first.link.close();
        else socket.write(response(stream, "second"));
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer() });
    const first = start(transport, targetAt(port));
    let hasTold = false;
    void first.told.then(() => {
      hasTold = true;
    });

    const second = await get(transport, targetAt(port));

    expect(second.body.toString()).toBe("second");
    expect(hasTold).toBe(false);
    await transport.close();
  });
});

test("a peer that chooses HTTP/1.1 is served by it, beginning with the same connection", async () => {
  const authority = createAuthority();
  const { chainPem, keyPem } = authority.issue({ names: ["127.0.0.1"] });
  const tls = { cert: chainPem, key: keyPem, ALPNProtocols: ["http/1.1"] };
  const server = createSecureServer(tls, (request, reply) => reply.end(request.httpVersion));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const opened: { type: string; protocol: string }[] = [];
  const transport = new HttpTransport({ dialer: new Dialer(), observe: (event) => opened.push(event) });
  const target = targetOf(
    { port, protocol: "h2", tls: true, http_method: "GET", http_url: "x" },
    { trust: authority.certificateDer },
  );

  const all = await Promise.all([1, 2, 3].map(() => get(transport, target)));
  const later = await get(transport, target);

  expect([...all, later].map(({ body }) => body.toString())).toEqual(["1.1", "1.1", "1.1", "1.1"]);
  expect(opened.every(({ protocol }) => protocol === "h1")).toBe(true);
  expect(opened.length).toBeLessThanOrEqual(3);
  await transport.close();
  server.close();
});

test("cookies are kept and returned, to their own place only", async () => {
  const server = createServer((request, reply) => {
    reply.setHeader("set-cookie", ["a=1; Path=/", "b=2; Path=/other"]);
    reply.end(request.headers.cookie ?? "none");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = new HttpTransport({ dialer: new Dialer() });
  const target = targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x", http_cookies: true });

  const first = await get(transport, target);
  const second = await get(transport, target);

  expect(first.body.toString()).toBe("none");
  expect(second.body.toString()).toBe("a=1");
  await transport.close();
  server.close();
});

test("a redirect without end is followed all the same, and shows another origin no credential", async () => {
  const seen: (string | undefined)[] = [];
  const other = createServer((request, reply) => {
    seen.push(request.headers.authorization, request.headers["x-key"] as string | undefined);
    reply.end("there");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const place = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
  const server = createServer((_, reply) => {
    reply.writeHead(302, { location: place });
    const more = (): void => {
      while (reply.write("x".repeat(10_000)));
      reply.once("drain", more);
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = new HttpTransport({ dialer: new Dialer() });
  const target = targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x", allow_redirects: true });
  const headers = ["authorization", "secret", "x-key", "secret"];
  if (target.http === undefined) throw new Error("no http");

  const told = await get(transport, { ...target, http: { ...target.http, headers } });

  expect(told.body.toString()).toBe("there");
  expect(seen).toEqual([undefined, undefined]);
  await transport.close();
  server.close();
  other.close();
});
