import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { get, targetOf } from "./client.ts";
import { FakeDialer } from "./fake-dialer.ts";
import { CASES, type HostileCase } from "./hostile-h1.cases.ts";
import { onRequests, RawServer } from "./raw-server.ts";

describe("a hostile HTTP/1.1 peer", () => {
  const server = new RawServer();
  let port = 0;
  beforeAll(async () => {
    port = await server.listen();
  });
  afterAll(() => server.close());

  test.each(CASES)("$name", async (hostile) => {
    server.onConnection = (socket) => onRequests(socket, () => socket.end(hostile.bytes, "latin1"));
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x" }));

    expectWanted(hostile, told);
    await transport.close();
  });
});

describe("a hostile HTTP/1.1 peer in two packets", () => {
  test.each(CASES)("$name, cut anywhere", async (hostile) => {
    const bytes = Buffer.from(hostile.bytes, "latin1");
    const target = targetOf({ port: 80, protocol: "h1", http_method: "GET", http_url: "x" });

    for (const cut of cuts(bytes.length)) {
      const dialer = new FakeDialer((socket) => {
        socket.push(bytes.subarray(0, cut));
        setImmediate(() => {
          socket.push(bytes.subarray(cut));
          setImmediate(() => socket.push(null));
        });
      });
      const transport = new HttpTransport({ dialer });

      const told = await get(transport, target);

      expectWanted(hostile, told);
      await transport.close();
    }
  });

  test.each([
    ["Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
    ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
  ])("a response with %s that ends too early is never a success", async (_, text) => {
    const bytes = Buffer.from(text, "latin1");
    const target = targetOf({ port: 80, protocol: "h1", http_method: "GET", http_url: "x" });

    for (let cut = 0; cut < bytes.length; cut++) {
      for (const ending of ["close", "reset"]) {
        const dialer = new FakeDialer((socket) => {
          socket.push(bytes.subarray(0, cut));
          setImmediate(() => {
            if (ending === "close") socket.push(null);
            else socket.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
          });
        });
        const transport = new HttpTransport({ dialer });

        const told = await get(transport, target);

        expect(told.end).toMatchObject({ type: "failed", repeatable: true });
        expect(told.end.type === "failed" && told.end.reason.code).toMatch(
          cut === 0 ? /^connection-(closed|reset)$/ : /^http-incomplete$/,
        );
        await transport.close();
      }
    }
  });
});

describe("a peer that answers what nobody asked", () => {
  const server = new RawServer();
  let port = 0;
  beforeAll(async () => {
    port = await server.listen();
  });
  afterAll(() => server.close());

  const POISON = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

  test.each([
    ["with the answer", (answer: string) => [answer + POISON]],
    ["with the answer, in part", (answer: string) => [answer + POISON.slice(0, 10)]],
    ["right after the answer", (answer: string) => [answer, POISON]],
    ["as an interim response", (answer: string) => [`${answer}HTTP/1.1 103 Early Hints\r\n\r\n`]],
    ["as garbage", (answer: string) => [`${answer}garbage`]],
  ])("is cut off: %s", async (_, pieces) => {
    const before = server.accepted;
    server.onConnection = (socket, number) =>
      onRequests(socket, (nth) => {
        const body = `${number}.${nth}`;
        const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        for (const piece of pieces(answer)) socket.write(piece);
      });
    const closed: unknown[] = [];
    const observe = (event: { type: string }) => event.type === "closed" && closed.push(event);
    const transport = new HttpTransport({ dialer: new Dialer(), observe });
    const target = targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x" });

    for (let index = 1; index <= 5; index++) {
      const told = await get(transport, target);
      expect(told.end).toEqual({ type: "complete" });
      expect(told.body.toString()).toBe(`${before + index}.1`);
      await until(() => closed.length === index);
    }
    await transport.close();
  });

  test("a request follows at once on a connection that is being poisoned", async () => {
    server.onConnection = (socket, number) =>
      onRequests(socket, (nth) => {
        const body = `${number}.${nth}`;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}${POISON}`);
      });
    const transport = new HttpTransport({ dialer: new Dialer() });
    const target = targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x" });

    for (let index = 0; index < 20; index++) {
      const told = await get(transport, target);
      expect(told.body.toString()).toMatch(/^\d+\.1$/);
    }
    await transport.close();
  });
});

function expectWanted({ wanted }: HostileCase, told: Awaited<ReturnType<typeof get>>): void {
  if (typeof wanted === "string")
    expect(told.end).toMatchObject({ type: "failed", reason: { code: wanted } });
  else {
    expect(told.end).toEqual({ type: "complete" });
    expect(told.body.toString()).toBe(wanted.body);
  }
}

/** Every place to cut; of long messages the first and last 80 bytes and some between. */
function cuts(length: number): number[] {
  const all = Array.from({ length: length + 1 }, (_, index) => index);
  return length < 600 ? all : all.filter((cut) => cut < 80 || cut > length - 80 || cut % 997 === 0);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
