import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { get, targetOf } from "./client.ts";

describe("h2 over loopback", () => {
  const server = createServer((request, response) => response.end(`hello ${request.url}`));
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test("GETs to the same place share one session from its first moment", async () => {
    const opened: unknown[] = [];
    const observe = (event: unknown) => opened.push(event);
    const transport = new HttpTransport({ dialer: new Dialer(), observe });
    const target = targetOf({ port, protocol: "h2", http_method: "GET", http_url: "x" });

    const all = await Promise.all(Array.from({ length: 20 }, () => get(transport, target)));

    for (const told of all) {
      expect(told.end).toEqual({ type: "complete" });
      expect(told.head?.status).toBe(200);
      expect(told.body.toString()).toBe("hello /x");
    }
    expect(opened).toEqual([{ type: "opened", protocol: "h2", peer: `127.0.0.1:${port}` }]);
    expect(transport.inspect()).toHaveLength(1);
    await transport.close();
    expect(transport.inspect()).toHaveLength(0);
  });
});
