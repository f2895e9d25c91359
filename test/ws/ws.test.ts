import { once } from "node:events";
import { type IncomingMessage, Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { createAuthority } from "../../src/testing/certificates/index.ts";
import { targetOf } from "../http/client.ts";
import { RawServer } from "../http/raw-server.ts";
import { OpenLink } from "../open-link.ts";
import { createTransport } from "./client.ts";
import { CLOSE, closeFrame, frame, GOOD, switching, TEXT } from "./frames.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

describe("the handshake", () => {
  test("says the policy's path, host and headers, and the subprotocols in their order", async () => {
    const { port, requests } = await serve();
    const { transport, target } = open(port, { http_url: "//live?a=b#never", ws_subprotocol: "b, a" });
    if (target.http === undefined) throw new Error("no http");
    const http = { ...target.http, headers: ["authorization", "bearer secret"] };
    const link = new OpenLink(transport, { ...target, http });
    await link.established;

    const request = requests.at(-1);
    expect(request?.url).toBe("/live?a=b");
    expect(request?.headers.host).toBe(`127.0.0.1:${port}`);
    expect(request?.headers.authorization).toBe("bearer secret");
    expect(request?.headers["sec-websocket-protocol"]).toBe("b,a");
    expect(request?.headers["sec-websocket-extensions"]).toBeUndefined();
  });

  test("is not changed by metadata that names one of its own headers", async () => {
    const { port, requests } = await serve();
    const { transport, target } = open(port, {});
    const headers = ["connection", "close", "content-length", "5", "host", "evil", "x-a", "1", "x-a", "2"];
    if (target.http === undefined) throw new Error("no http");

    const link = new OpenLink(transport, { ...target, http: { ...target.http, headers } });
    await link.established;

    const request = requests.at(-1);
    expect(request?.headers).toMatchObject({
      connection: "Upgrade",
      host: `127.0.0.1:${port}`,
      "x-a": "1, 2",
    });
    expect(request?.headers["content-length"]).toBeUndefined();
  });

  test("that no request can carry fails with a fault of the policy", async () => {
    const { port } = await serve();
    const { transport, target } = open(port, {});
    if (target.http === undefined) throw new Error("no http");

    for (const http of [
      { ...target.http, path: "/a b" },
      { ...target.http, path: "/a\r\nX: 1" },
      { ...target.http, headers: ["x", "a\r\nY: 1"] },
      { ...target.http, headers: ["x y", "a"] },
    ]) {
      const link = new OpenLink(transport, { ...target, http });
      await link.ended;
      expect(link.code).toBe("policy-value");
    }
  });

  test("tells status and headers of the 101, and the peer", async () => {
    const { port } = await serve();
    const { link } = open(port, { ws_subprotocol: "a" });

    const { peer, head } = await link.established;

    expect(peer).toBe(`127.0.0.1:${port}`);
    expect(head?.status).toBe(101);
    expect(head?.headers).toContain("sec-websocket-protocol");
  });

  test("goes over TLS, and a wrong root is refused before it", async () => {
    const authority = createAuthority();
    const { chainPem, keyPem } = authority.issue({ names: ["127.0.0.1"] });
    const { port } = await serve(createTlsServer({ cert: chainPem, key: keyPem }));

    const good = open(port, { tls: true }, authority.certificateDer).link;
    const bad = open(port, { tls: true }, createAuthority().certificateDer).link;
    await good.established;
    await bad.ended;

    expect((await good.send("hello")).type).toBe("acknowledged");
    expect(bad.code).toBe("tls-untrusted");
  });
});

describe("messages", () => {
  test("are text or binary as the policy says, or as each of them says", async () => {
    const { port } = await serve();
    const text = open(port, {}).link;
    const binary = open(port, { ws_binary: true }).link;
    await Promise.all([text.established, binary.established]);

    for (const link of [text, binary]) {
      await link.send("a");
      await link.send("b", { start: true, end: true, binary: true });
      await link.send("c", { start: true, end: true, binary: false });
      await link.until(() => link.received.length === 3);
    }

    expect(text.frames.map((each) => each.binary)).toEqual([false, true, false]);
    expect(binary.frames.map((each) => each.binary)).toEqual([true, true, false]);
    expect(text.text).toBe("abc");
  });

  test("go out in the fragments they are sent in, and come back as one", async () => {
    const { port } = await serve();
    const { link } = open(port, {});
    await link.established;

    await link.send("h€".slice(0, 1), { start: true, end: false });
    await link.send(Buffer.from([0xe2, 0x82]), { start: false, end: false });
    await link.send(Buffer.from([0xac]), { start: false, end: true });
    await link.send("", { start: true, end: true });
    await link.until(() => link.received.length === 2);

    expect(link.received.map(String)).toEqual(["h€", ""]);
  });

  test("out of turn, or text that is none, are refused and harm no other", async () => {
    const { port } = await serve();
    const { link } = open(port, {});
    await link.established;

    const outcomes = [
      await link.send("x", { start: false, end: true }),
      await link.send("a", { start: true, end: false }),
      await link.send("x", { start: true, end: true }),
      await link.send("b", { start: false, end: true }),
      await link.send(Buffer.from([0xff])),
      await link.send(Buffer.from([0xff]), { start: true, end: true, binary: true }),
    ];
    await link.until(() => link.received.length === 2);

    expect(outcomes.map(({ type }) => type)).toEqual([
      "refused",
      "acknowledged",
      "refused",
      "acknowledged",
      "refused",
      "acknowledged",
    ]);
    expect(link.received.map((each) => Buffer.from(each).toString("latin1"))).toEqual(["ab", "\xff"]);
  });

  test("of 1 MB arrive whole in both directions", async () => {
    const { port } = await serve();
    const { link } = open(port, { ws_binary: true });
    const payload = Buffer.alloc(1_000_000, "0123456789");
    await link.established;

    await link.send(payload);
    await link.until(() => link.received.length === 1);

    expect(Buffer.compare(link.received[0] ?? Buffer.alloc(0), payload)).toBe(0);
  });
});

describe("a peer that does not read", () => {
  test("makes send say no until it has read, and nothing is lost", async () => {
    const { port, sockets } = await serve();
    const { link } = open(port, { ws_binary: true });
    await link.established;
    const [peer] = sockets;
    peer?.pause();
    const payload = Buffer.alloc(100_000);
    const settled: string[] = [];

    let sent = 0;
    let hasRoom = true;
    for (; hasRoom && sent < 1000; sent++) {
      hasRoom = link.link.send(payload, { start: true, end: true }, ({ type }) => settled.push(type));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(hasRoom).toBe(false);
    expect(sent * payload.length).toBeLessThan(32 * 1024 * 1024);
    peer?.resume();
    await link.until(() => link.drains > 0 && link.received.length === sent);

    expect(settled).toEqual(Array(sent).fill("acknowledged"));
  });

  test("and dies makes what waits lost, with the reason of the end", async () => {
    const { port, sockets } = await serve();
    const { link } = open(port, { ws_binary: true });
    await link.established;
    sockets[0]?.pause();
    const settled = [1, 2, 3].map(() => link.send(Buffer.alloc(8_000_000)));
    await new Promise((resolve) => setImmediate(resolve));

    sockets[0]?.terminate();
    const outcomes = await Promise.all(settled);
    await link.ended;

    expect(outcomes.at(-1)).toMatchObject({ type: "lost", reason: { code: link.code } });
    expect(link.code).toMatch(/^connection-(reset|closed)$/);
    expect(await link.send("later")).toMatchObject({ type: "lost", reason: { code: link.code } });
  });
});

describe("the closing handshake", () => {
  test("is answered, with the peer's code and words in the reason", async () => {
    const { port, sockets } = await serve();
    const { link } = open(port, {});
    await link.established;

    const closed = once(sockets[0] as WebSocket, "close");
    sockets[0]?.close(4321, "that is all");
    const end = await link.ended;

    expect(end).toMatchObject({
      reason: { code: "ws-closed", message: expect.stringMatching(/4321.*that is all/) },
    });
    expect((await closed)[0]).toBe(4321);
  });

  test("is begun by close, after all that was sent", async () => {
    const { port, sockets } = await serve();
    const { link, transport } = open(port, {});
    await link.established;
    const heard: string[] = [];
    sockets[0]?.on("message", (data) => heard.push(String(data)));
    const closed = once(sockets[0] as WebSocket, "close");

    const sent = [link.send("a"), link.send("b")];
    link.link.close();

    expect((await closed)[0]).toBe(1000);
    expect(heard).toEqual(["a", "b"]);
    expect((await Promise.all(sent)).map(({ type }) => type)).toEqual(["acknowledged", "acknowledged"]);
    await transport.close();
    expect(link.end).toBeUndefined();
  });

  test("says what was wrong with a peer that broke the protocol", async () => {
    const server = new RawServer();
    const port = await server.listen();
    cleanups.push(() => server.close());
    const said = new Promise<Buffer>((resolve) => {
      server.onConnection = (socket) => {
        socket.once("data", (head) => {
          const key = /sec-websocket-key: *(\S+)/i.exec(head.toString("latin1"))?.[1] ?? "";
          socket.once("data", resolve);
          socket.write(switching(GOOD, key));
          socket.write(frame(TEXT, "x", { rsv: 4 }));
        });
      };
    });
    const { link } = open(port, {});
    await link.ended;

    const close = await said;

    expect((close[0] ?? 0) & 0x0f).toBe(CLOSE);
    expect(close.length).toBe(closeFrame(1002).length + 4);
  });
});

interface Served {
  readonly port: number;
  readonly requests: IncomingMessage[];
  readonly sockets: WebSocket[];
}

/** A server that sends every message back. */
async function serve(http: Server | ReturnType<typeof createTlsServer> = new Server()): Promise<Served> {
  const [requests, sockets, tcp]: [IncomingMessage[], WebSocket[], Set<Socket>] = [[], [], new Set()];
  const server = new WebSocketServer({ server: http, perMessageDeflate: true });
  server.on("connection", (socket, request) => {
    requests.push(request);
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
  http.on("connection", (socket) => tcp.add(socket));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  cleanups.push(() => {
    for (const socket of tcp) socket.destroy();
    http.close();
  });
  return { port: (http.address() as AddressInfo).port, requests, sockets };
}

function open(port: number, keys: object, trust?: Uint8Array) {
  const transport = createTransport();
  cleanups.push(() => transport.close());
  const target = targetOf({ port, protocol: "ws", ...keys }, trust === undefined ? {} : { trust });
  return { transport, target, link: new OpenLink(transport, target) };
}
