import type { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { targetOf } from "../http/client.ts";
import { RawServer } from "../http/raw-server.ts";
import { OpenLink } from "../open-link.ts";
import { createTransport } from "./client.ts";
import { closeFrame, frame, GOOD, PING, switching, TEXT } from "./frames.ts";
import { FRAMES } from "./hostile-frames.cases.ts";
import { HANDSHAKES } from "./hostile-handshake.cases.ts";

const server = new RawServer();
let port = 0;
beforeAll(async () => {
  port = await server.listen();
});
afterAll(() => server.close());

describe("a hostile WebSocket server is refused that answers the handshake with", () => {
  test.each(HANDSHAKES)("$name", async ({ answer, code, status, says = /./ }) => {
    onHandshake((socket, key) => socket.end(answer(key), "latin1"));
    const transport = createTransport();
    const link = new OpenLink(transport, target());

    const end = await link.ended;

    expect(end).toMatchObject({
      type: "failed",
      reason: { code, ...(status === undefined ? {} : { status }) },
    });
    expect(end.type === "failed" && end.reason.message).toMatch(says);
    expect(link.isEstablished).toBe(false);
    expect(link.received).toEqual([]);
    await transport.close();
    expect(transport.inspect()).toEqual([]);
  });

  test("503 and a wish for patience, which is passed on", async () => {
    onHandshake((socket) => socket.end("HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"));
    const transport = createTransport();

    const end = await new OpenLink(transport, target()).ended;

    expect(end).toMatchObject({ reason: { code: "ws-handshake", status: 503, retryAfter: 7000 } });
    await transport.close();
  });

  test.each([
    ["none", [], /subprotocol/],
    ["another", ["Sec-WebSocket-Protocol: b"], /subprotocol/],
    ["the right one in other letters", ["Sec-WebSocket-Protocol: A"], /subprotocol/],
    ["two", ["Sec-WebSocket-Protocol: a, b"], /subprotocol/],
  ])("%s of the subprotocols asked for", async (_, lines, says) => {
    onHandshake((socket, key) => socket.end(switching([...GOOD, ...lines], key)));
    const transport = createTransport();

    const end = await new OpenLink(transport, target({ ws_subprotocol: "a" })).ended;

    expect(end).toMatchObject({ reason: { code: "ws-handshake", message: expect.stringMatching(says) } });
    await transport.close();
  });
});

describe("a hostile WebSocket server says", () => {
  test.each(FRAMES)("$name", async ({ bytes, code, messages = [] }) => {
    const link = await hear((socket) => {
      for (const piece of bytes) socket.write(piece);
      socket.end();
    });

    expect(link.code).toBe(code);
    expect(link.received.map(String)).toEqual(messages);
    expect(link.frames.every(({ start, end }) => start && end)).toBe(true);
  });

  test.each(FRAMES.filter(({ bytes }) => sizeOf(bytes) < 600))(
    "byte by byte: $name",
    async ({ bytes, code, messages = [] }) => {
      const link = await hear(async (socket) => {
        for (const byte of Buffer.concat(bytes)) {
          socket.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
        socket.end();
      });

      expect(link.code).toBe(code);
      expect(link.received.map(String)).toEqual(messages);
    },
  );

  test("a message of exactly 16 MiB, which is still taken", async () => {
    const link = await hear((socket) => {
      socket.write(frame(TEXT, Buffer.alloc(16 * 1024 * 1024, "x")));
      socket.end(closeFrame(1000));
    });

    expect(link.code).toBe("ws-closed");
    expect(link.received[0]?.length).toBe(16 * 1024 * 1024);
  });

  test("words in the close frame that would disturb a terminal, which come quoted", async () => {
    const link = await hear((socket) => socket.end(closeFrame(4001, "\x1b[2J\u2028\u009b bye")));

    const { end } = link;
    expect(end?.type === "failed" && end.reason.message).toMatch(/4001/);
    expect(end?.type === "failed" && end.reason.message).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
  });

  test("100 000 pings and reads no pong: no more is kept than the latest", async () => {
    const ping = frame(PING, "x".repeat(125));
    const before = memory();
    let peak = 0;

    const link = await hear(async (socket) => {
      socket.pause();
      for (let round = 0; round < 100; round++) {
        if (!socket.write(Buffer.concat(Array<Buffer>(1000).fill(ping)))) {
          await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
        }
        peak = Math.max(peak, memory());
      }
      socket.end(closeFrame(1000));
      socket.resume();
    });

    expect(link.code).toBe("ws-closed");
    expect(peak - before).toBeLessThan(32 * 1024 * 1024);
  });

  test("bombs: at no moment is more than 32 MB kept", async () => {
    const before = memory();
    let peak = 0;
    const bombs = FRAMES.filter(({ code }) => code === "ws-too-large");

    for (const { bytes } of bombs) {
      await hear((socket) => {
        for (const piece of bytes) socket.write(piece);
        peak = Math.max(peak, memory());
        socket.end();
      });
      peak = Math.max(peak, memory());
    }

    // The bombs themselves are in this process too.
    expect(peak - before).toBeLessThan(2 * 32 * 1024 * 1024);
    expect(bombs.length).toBeGreaterThan(10);
  });
});

let connection: (socket: Socket, key: string) => unknown = () => undefined;
beforeEach(() => {
  server.onConnection = (socket) => {
    let head = "";
    const listen = (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", listen);
      socket.resume();
      void connection(socket, /sec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? "");
    };
    socket.on("data", listen);
  };
});

function onHandshake(answer: (socket: Socket, key: string) => unknown): void {
  connection = answer;
}

/** A link that has heard all that the server says after a good handshake, and whose transport has nothing left. */
async function hear(say: (socket: Socket) => unknown): Promise<OpenLink> {
  onHandshake((socket, key) => {
    socket.write(switching(GOOD, key));
    return say(socket);
  });
  const transport = createTransport();
  const link = new OpenLink(transport, target());
  await link.ended;
  await transport.close();
  expect(link.isEstablished).toBe(true);
  expect(transport.inspect()).toEqual([]);
  return link;
}

function target(keys: object = {}) {
  return targetOf({ port, protocol: "ws", http_url: "x", ...keys });
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function sizeOf(bytes: readonly Buffer[]): number {
  return bytes.reduce((sum, { length }) => sum + length, 0);
}
