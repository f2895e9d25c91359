import { createSecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { Blobs, createDevice, type Device } from "../../src/system.ts";
import { createAuthority } from "../../src/testing/index.ts";
import { startBroker, startHttp, startWs } from "../loopback-peers.ts";
import { names, watch } from "./watch.ts";

const LOOPBACK = { endpoint: "127.0.0.1" };
const TOKEN = { http_auth_header: "authorization", http_auth_preamble: "Bearer " };
const NAILED = { ...LOOPBACK, nailed_up: true };

test("a token that changes is in the next transaction, and the ws that shows it connects anew, no other", async () => {
  const heard: unknown[] = [];
  const http = await startHttp((request, response) => {
    heard.push(request.headers.authorization);
    response.end("hello");
  });
  const ws = await startWs(() => {}, false);
  const device = await deviceOf({
    ask: { ...LOOPBACK, port: http.port, protocol: "h1", ...TOKEN },
    ws: { ...NAILED, port: ws.port, protocol: "ws", ...TOKEN },
    plain: { ...NAILED, port: ws.port, protocol: "ws" },
  });
  device.blobs.set("auth", "one");
  const ask = async () => (await device.context.request("ask")).text();
  const [stream, kept] = [device.context.open("ws"), device.context.open("plain")];
  await Promise.all([stream.reached("connected"), kept.reached("connected"), ask()]);
  const [events, others] = [watch(stream), watch(kept)];

  device.blobs.set("auth", "two");
  await stream.reached("disconnected");
  await stream.reached("connected");
  await ask();

  expect(heard).toEqual(["Bearer one", "Bearer two"]);
  expect(names(events)).toEqual(["disconnected", "connecting", "connected"]);
  expect(events[0]?.reason).toMatchObject({ layer: "stream", code: "identity-changed" });
  expect(others).toEqual([]);
  expect(http.accepted).toBe(1);
});

test("a password that the broker refuses is mended by the blob, long before the policy would try again", async () => {
  const peer = await startBroker(false);
  const shown: (string | undefined)[] = [];
  peer.broker.authenticate = (_client, _user, password, done) => {
    shown.push(password?.toString());
    done(null, password?.toString() === "right");
  };
  const device = await deviceOf({
    mqtt: { ...NAILED, port: peer.port, protocol: "mqtt", mqtt_topic: "t", mqtt_qos: 1, retry: "slow" },
  });
  device.blobs.set("mqtt-username", "me");
  device.blobs.set("mqtt-password", "wrong");
  const stream = device.context.open("mqtt");
  await stream.reached("auth-failed");
  const sent = stream.send("waits");

  device.blobs.set("mqtt-password", "right");

  expect(await sent).toEqual({ by: "peer" });
  expect(shown).toEqual(["wrong", "right"]);
});

test.each(["h1", "h2"] as const)(
  "%s: a client certificate that is renewed is shown on a new connection, and the kept one is not used again",
  async (protocol) => {
    const authority = createAuthority();
    const server = createSecureServer({
      allowHTTP1: true,
      requestCert: true,
      ca: authority.certificatePem,
      ...keysOf(authority.issue({ names: ["127.0.0.1"] })),
    });
    const sockets = new Set<Socket>();
    server.on("secureConnection", (socket) => sockets.add(socket));
    server.on("request", (request, response) => {
      const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket;
      response.end(socket.getPeerCertificate().serialNumber);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const device = await deviceOf(
      { ask: { ...LOOPBACK, port, protocol, tls: true, tls_trust_store: "own", client_cert: 0 } },
      { certs: { root: der(authority.certificateDer) }, trust_stores: { own: ["root"] } },
    );
    const issue = (): string => {
      const { chainPem, keyPem } = authority.issue({ commonName: "device", purposes: ["client"] });
      device.blobs.set("client-certificate", chainPem);
      device.blobs.set("client-key", keyPem);
      return chainPem;
    };
    const ask = async () => (await device.context.request("ask")).text();
    issue();
    const first = [await ask(), await ask()];
    const accepted = sockets.size;

    issue();
    const second = await ask();

    expect(first[0]).toMatch(/^[0-9A-F]+$/);
    expect(first[1]).toBe(first[0]);
    expect(accepted).toBe(1);
    expect(second).toMatch(/^[0-9A-F]+$/);
    expect(second).not.toBe(first[0]);
    expect(sockets.size).toBe(2);
  },
);

async function deviceOf(streams: object, more: object = {}): Promise<Device> {
  const retry = { slow: { backoff: [600_000], conceal: 9 } };
  const policy = { retry, ...more, streams };
  const device = await createDevice({ policy, blobs: new Blobs(), time: false, portal: false });
  onTestFinished(() => device.stop());
  await device.system.reached("OPERATIONAL");
  return device;
}

function keysOf({ chainPem, keyPem }: { readonly chainPem: string; readonly keyPem: string }) {
  return { cert: chainPem, key: keyPem };
}

function der(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
