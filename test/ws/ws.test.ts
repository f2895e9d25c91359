import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { targetOf } from "../http/client.ts";
import { OpenLink } from "../open-link.ts";
import { createTransport } from "./client.ts";

describe("ws over loopback", () => {
  let server: WebSocketServer;
  let port = 0;
  beforeAll(async () => {
    server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    server.on("connection", (ws) => ws.on("message", (data, binary) => ws.send(data, { binary })));
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test("a message comes back", async () => {
    const transport = createTransport();
    const link = new OpenLink(transport, targetOf({ port, protocol: "ws", ws_binary: true }));
    const { head } = await link.established;

    const settled = await link.send("hello");
    await link.until(() => link.received.length === 1);

    expect(head?.status).toBe(101);
    expect(settled).toEqual({ type: "acknowledged", by: "kernel" });
    expect(link.text).toBe("hello");
    expect(link.frames).toEqual([{ start: true, end: true, binary: true }]);
    await transport.close();
    expect(transport.inspect()).toEqual([]);
  });
});
