import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/http-transport.ts";
import { get, targetOf } from "./client.ts";

describe("h1 over loopback", () => {
  const server = createServer((request, response) => response.end(`hello ${request.url}`));
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test("a GET is answered", async () => {
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, targetOf({ port, protocol: "h1", http_method: "GET", http_url: "x" }));

    expect(told.end).toEqual({ type: "complete" });
    expect(told.head?.status).toBe(200);
    expect(told.body.toString()).toBe("hello /x");
    expect(told.frames[0]?.start).toBe(true);
    expect(told.frames.at(-1)?.end).toBe(true);
    await transport.close();
  });
});
