import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targetOf } from "../http/client.ts";
import { OpenLink } from "../open-link.ts";
import { createTransport } from "./client.ts";

describe("raw over loopback", () => {
  const server = createServer((socket) => socket.pipe(socket));
  let port = 0;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test("bytes come back", async () => {
    const transport = createTransport();
    const link = new OpenLink(transport, targetOf({ port, protocol: "raw" }));
    await link.established;

    const settled = await link.send("hello");
    await link.until(() => link.text.length === 5);

    expect(settled).toEqual({ type: "acknowledged", by: "kernel" });
    expect(link.text).toBe("hello");
    expect(link.frames[0]).toEqual({ start: false, end: false });
    await transport.close();
    expect(transport.inspect()).toEqual([]);
  });
});
