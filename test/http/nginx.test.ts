import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Dialer } from "../../src/node/dialer/index.ts";
import { HttpTransport } from "../../src/node/transports/http/index.ts";
import { peerMissing, requirePeer } from "../peers.ts";
import { get, start, targetOf } from "./client.ts";
import { freePort, RealPeer } from "./real-peers.ts";

describe.skipIf(peerMissing("nginx"))("nginx", () => {
  const peer = new RealPeer();
  let [clear, tls] = [0, 0];
  beforeAll(async () => {
    [clear, tls] = [await freePort(), await freePort()];
    peer.write("big", Buffer.alloc(3_000_000, "x"));
    const config = peer.write("nginx.conf", configuration(peer.folder, clear, tls));
    await peer.start(requirePeer("nginx"), ["-p", peer.folder, "-c", config, "-e", "stderr"], clear);
  });
  afterAll(() => peer.stop());

  const h1 = (url: string, keys = {}) =>
    targetOf({ port: clear, protocol: "h1", http_method: "GET", http_url: url, ...keys });
  const secure = (protocol: "h1" | "h2", url: string) =>
    targetOf(
      { port: tls, protocol, tls: true, http_method: "GET", http_url: url },
      { trust: peer.authority.certificateDer },
    );

  test("h1 keeps its connection alive", async () => {
    const opened: { type: string }[] = [];
    const transport = new HttpTransport({ dialer: new Dialer(), observe: (event) => opened.push(event) });

    for (let index = 0; index < 10; index++) {
      const told = await get(transport, h1("hello"));
      expect(told.end).toEqual({ type: "complete" });
      expect(told.body.toString()).toBe("hello from nginx");
    }

    expect(opened.filter(({ type }) => type === "opened")).toHaveLength(1);
    await transport.close();
  });

  test("h1 posts known and unknown lengths, and follows a redirect that the policy allows", async () => {
    const transport = new HttpTransport({ dialer: new Dialer() });
    async function* pieces() {
      for (let index = 0; index < 10; index++) yield Buffer.alloc(10_000, "y");
    }

    const known = await get(transport, h1("hello", { http_method: "POST" }), Buffer.alloc(5000));
    const unknown = await get(transport, h1("hello", { http_method: "POST" }), pieces());
    const refused = await get(transport, h1("moved"));
    const followed = await get(transport, h1("moved", { allow_redirects: true }));

    expect(known.head?.status).toBe(200);
    expect(unknown.head?.status).toBe(200);
    expect(refused.end).toMatchObject({ type: "failed", reason: { code: "http-redirect", status: 301 } });
    expect(followed.body.toString()).toBe("hello from nginx");
    await transport.close();
  });

  test("h1 under TLS", async () => {
    const transport = new HttpTransport({ dialer: new Dialer() });

    const told = await get(transport, secure("h1", "big"));

    expect(told.end).toEqual({ type: "complete" });
    expect(told.body).toHaveLength(3_000_000);
    await transport.close();
  });

  test("h2 under TLS carries 100 streams on one session", async () => {
    const opened: { type: string; protocol: string }[] = [];
    const transport = new HttpTransport({ dialer: new Dialer(), observe: (event) => opened.push(event) });

    const all = await Promise.all(Array.from({ length: 100 }, () => get(transport, secure("h2", "hello"))));
    const big = await get(transport, secure("h2", "big"));

    expect(all.every(({ body }) => body.toString() === "hello from nginx")).toBe(true);
    expect(big.body).toHaveLength(3_000_000);
    expect(opened.filter(({ type, protocol }) => type === "opened" && protocol === "h2")).toHaveLength(1);
    await transport.close();
  });

  test("a reload in the middle loses nothing: GOAWAY lets streams finish and moves the others", async () => {
    const transport = new HttpTransport({ dialer: new Dialer() });
    const target = secure("h2", "big");
    const first = start(transport, target);
    await first.established;

    peer.signal("SIGHUP");
    const rest = await Promise.all(Array.from({ length: 60 }, () => get(transport, target)));

    for (const told of [await first.told, ...rest]) {
      expect(told.end).toEqual({ type: "complete" });
      expect(told.body).toHaveLength(3_000_000);
    }
    await transport.close();
  });
});

function configuration(folder: string, clear: number, tls: number): string {
  return `
daemon off; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 512; }
http {
  access_log off; default_type text/plain;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server {
    listen 127.0.0.1:${clear};
    listen 127.0.0.1:${tls} ssl http2;
    ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
    location /hello { return 200 "hello from nginx"; }
    location /moved { return 301 /hello; }
    location /big { root ${folder}; }
  }
}
`;
}
