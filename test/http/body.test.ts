import { createServer } from "node:http";
import { createServer as createServer2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { get, targetOf } from "./client.ts";

const BIG = 50 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, "z");

/** Bytes of the big body that the server has written. */
let sent = 0;

/** Echoes the length and kind of what came; `/big` sends 50 MiB; `/early` answers before the body is read. */
function handle(
  request: import("node:http").IncomingMessage,
  response: import("node:http").ServerResponse,
): void {
  if (request.url === "/big") {
    let left = BIG;
    sent = 0;
    const write = (): void => {
      while (left > 0) {
        left -= CHUNK.length;
        sent += CHUNK.length;
        if (!response.write(CHUNK)) {
          response.once("drain", write);
          return;
        }
      }
      response.end();
    };
    write();
    return;
  }
  if (request.url === "/early") {
    response.statusCode = 413;
    response.end("no");
    return;
  }
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
  });
  request.on("end", () => {
    if (request.url === "/empty") response.statusCode = 204;
    response.end(
      request.method === "HEAD" || request.url === "/empty"
        ? undefined
        : `${request.method} ${length} ${request.headers["content-length"]}`,
    );
  });
}

describe.each(["h1", "h2"] as const)("bodies over %s", (protocol) => {
  const server = protocol === "h1" ? createServer(handle) : createServer2(handle as never);
  const transport = new HttpTransport({ dialer: new Dialer() });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    await transport.close();
    server.close();
  });
  const target = (url: string, method: string, keys = {}) =>
    targetOf({ port, protocol, http_method: method, http_url: url, ...keys });

  test("a known length is said, unless the policy forbids it", async () => {
    const body = Buffer.alloc(1234);

    const said = await get(transport, target("x", "POST"), body);
    const unsaid = await get(transport, target("x", "POST", { http_no_content_length: true }), body);

    expect(said.body.toString()).toBe("POST 1234 1234");
    expect(unsaid.body.toString()).toBe("POST 1234 undefined");
  });

  test("a length that the program says holds for a body of unknown length, and no other", async () => {
    const claiming = (length: string) => {
      const claim = target("x", "POST");
      const headers = ["x-a", "1", "content-length", length];
      return { ...claim, http: claim.http && { ...claim.http, headers } };
    };
    async function* pieces() {
      yield Buffer.from("hello");
    }

    const whole = await get(transport, claiming("7"), Buffer.from("hello"));
    const pieced = await get(transport, claiming("5"), pieces());
    const none = await get(transport, claiming("5"));
    const wrong = await get(transport, claiming("7"), pieces());

    expect(whole.body.toString()).toBe("POST 5 5");
    expect(pieced.body.toString()).toBe("POST 5 5");
    expect(none.head?.status).toBe(200);
    expect(wrong.end.type).toBe("failed");
  });

  test("a body of unknown length is asked for only as fast as the peer takes it", async () => {
    let given = 0;
    async function* pieces() {
      for (let index = 0; index < 200; index++) {
        given += CHUNK.length;
        yield CHUNK;
      }
    }

    const told = await get(transport, target("x", "PUT"), pieces());

    expect(told.body.toString()).toBe(`PUT ${given} undefined`);
  });

  test("a body whose source fails says so, and its source is told to stop", async () => {
    async function* pieces() {
      yield CHUNK;
      throw new Error("the disk is gone");
    }

    const told = await get(transport, target("x", "PUT"), pieces());

    expect(told.end).toMatchObject({ type: "failed", reason: { layer: "stream", code: "body-failed" } });
    expect(told.end.type === "failed" && told.end.reason.message).toContain("the disk is gone");
  });

  test("an answer before the body's end ends the body", async () => {
    let hasStopped = false;
    async function* pieces() {
      try {
        yield CHUNK;
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          yield CHUNK;
        }
      } finally {
        hasStopped = true;
      }
    }

    const told = await get(transport, target("early", "POST"), pieces());

    expect(told.head?.status).toBe(413);
    expect(told.end).toEqual({ type: "complete" });
    while (!hasStopped) await new Promise((resolve) => setImmediate(resolve));
  });

  test.each([
    ["x", "HEAD"],
    ["empty", "GET"],
  ])("%s with %s is one empty message", async (url, method) => {
    const told = await get(transport, target(url, method));

    expect(told.end).toEqual({ type: "complete" });
    expect(told.frames).toEqual([{ start: true, end: true }]);
    expect(told.body).toHaveLength(0);
  });

  test("a reader that stops stops the peer, and 50 MiB pass one that stops after every piece", async () => {
    let received = 0;
    let pauses = 0;
    let stalledAt = 0;
    const end = await new Promise((resolve) => {
      const link = transport.open(
        { stream: 1, target: target("big", "GET") },
        {
          established: () => undefined,
          data: (payload, frame) => {
            received += payload.length;
            if (frame.end) return true;
            if (++pauses > 1) setImmediate(() => link.resume());
            else {
              void standstill().then((sent) => {
                stalledAt = sent;
                link.resume();
              });
            }
            return false;
          },
          drained: () => undefined,
          closed: resolve,
        },
      );
    });

    expect(end).toEqual({ type: "complete" });
    expect(received).toBe(BIG);
    expect(pauses).toBeGreaterThan(100);
    // What the sockets' buffers on both sides hold.
    expect(stalledAt).toBeLessThan(16 * 1024 * 1024);
  });
});

/** Bytes that the server has written once it writes no more. */
async function standstill(): Promise<number> {
  let last = -1;
  for (let rounds = 0; rounds < 1000; rounds++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (sent !== last) rounds = 0;
    last = sent;
  }
  return sent;
}
