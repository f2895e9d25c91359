import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { get, targetOf } from "./client.ts";
import { HEADERS, onFrames, response, settings } from "./frames.ts";
import { CASES } from "./hostile-h2.cases.ts";
import { RawServer } from "./raw-server.ts";

/** How a breach of protocol may show, depending on whether it ends the stream or the session. */
const PROTOCOL = ["http-protocol", "http-incomplete", "http-headers-too-large"];

describe("a hostile HTTP/2 peer", { timeout: 5000 }, () => {
  const server = new RawServer();
  let port = 0;
  beforeAll(async () => {
    port = await server.listen();
  });
  afterAll(() => server.close());

  test.each(CASES)("$name", async ({ bytes, wanted }) => {
    server.onConnection = (socket) => {
      socket.write(settings());
      onFrames(socket, ({ type }) => {
        if (type === HEADERS) socket.write(bytes);
      });
    };
    const transport = new HttpTransport({ dialer: new Dialer(), watch: 20 });

    const told = await get(transport, targetOf({ port, protocol: "h2", http_method: "GET", http_url: "x" }));

    if (wanted === "complete") {
      expect(told.end).toEqual({ type: "complete" });
      expect(told.body.toString()).toBe("hello");
    } else {
      const code = told.end.type === "failed" ? told.end.reason.code : "complete";
      expect(wanted === "http-protocol" ? PROTOCOL : [wanted]).toContain(code);
    }
    await transport.close();
  });

  test.each(["close", "reset"])("a conversation cut at every byte is never a success: %s", async (ending) => {
    const good = Buffer.concat([settings(), response(1, "hello")]);
    const target = targetOf({ port, protocol: "h2", http_method: "GET", http_url: "x" });
    for (let cut = 0; cut < good.length; cut++) {
      server.onConnection = (socket) =>
        onFrames(socket, ({ type }) => {
          if (type !== HEADERS) return;
          socket.write(good.subarray(0, cut), () =>
            ending === "close" ? socket.end() : socket.resetAndDestroy(),
          );
        });
      const transport = new HttpTransport({ dialer: new Dialer(), watch: 20 });

      const told = await get(transport, target);

      expect(told.end).toMatchObject({ type: "failed", repeatable: true });
      await transport.close();
    }
  });
});
