import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { peerMissing, requirePeer } from "../peers.ts";
import { get, targetOf } from "./client.ts";
import { freePort, RealPeer } from "./real-peers.ts";

describe.skipIf(peerMissing("nghttpd"))("nghttpd", () => {
  const peer = new RealPeer();
  let port = 0;
  beforeAll(async () => {
    port = await freePort();
    peer.write("hello", "hello from nghttpd");
    const [key, certificate] = [`${peer.folder}/key.pem`, `${peer.folder}/cert.pem`];
    const args = ["--address=127.0.0.1", "-m", "4", "-d", peer.folder, String(port), key, certificate];
    await peer.start(requirePeer("nghttpd"), args, port);
  });
  afterAll(() => peer.stop());

  test("takes no more than its 4 streams at a time; the others wait", async () => {
    const opened: { type: string }[] = [];
    const transport = new HttpTransport({ dialer: new Dialer(), observe: (event) => opened.push(event) });
    const target = targetOf(
      { port, protocol: "h2", tls: true, http_method: "GET", http_url: "hello" },
      { trust: peer.authority.certificateDer },
    );

    const all = await Promise.all(Array.from({ length: 50 }, () => get(transport, target)));

    for (const told of all) {
      expect(told.end).toEqual({ type: "complete" });
      expect(told.body.toString()).toBe("hello from nghttpd");
    }
    expect(opened.filter(({ type }) => type === "opened")).toHaveLength(1);
    await transport.close();
  });

  test("answers 404 as a response, not as a failure", async () => {
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(
      transport,
      targetOf(
        { port, protocol: "h2", tls: true, http_method: "GET", http_url: "nothing" },
        { trust: peer.authority.certificateDer },
      ),
    );

    expect(told.end).toEqual({ type: "complete" });
    expect(told.head?.status).toBe(404);
    await transport.close();
  });
});
