import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { DatagramSocket } from "../../src/context/index.ts";
import { createNetwork } from "../../src/node/platform/index.ts";
import { Namespace, namespacesMissing, Recorder } from "../namespace.ts";

type Seen = string | { readonly text: string; readonly from: string; readonly port: number };

describe.skipIf(namespacesMissing())("datagrams of the DHCP client's port", () => {
  const network = createNetwork();
  let namespace: Namespace;
  let there: string;

  beforeEach(() => {
    namespace = new Namespace();
    there = namespace.neighbour("eth0", "srv0", "192.0.2.1/24");
    namespace.ip("address add 192.0.2.5/24 dev eth0");
  });
  afterEach(() => namespace.leave());

  test("go to the server's port and come back with the sender's address", async () => {
    const server = listen(67, "192.0.2.1");
    const { seen, socket } = open();

    socket.send(Buffer.from("request"), "192.0.2.1");
    const [request, from] = await once(server, "message");
    server.send("reply", from.port, from.address);
    const reply = await seen.first(() => true);

    expect(String(request)).toBe("request");
    expect(from).toMatchObject({ address: "192.0.2.5", port: 68 });
    expect(reply).toEqual({ text: "reply", from: "192.0.2.1", port: 67 });
  });

  test("say when nobody listens, and go on without keeping the event loop busy", async () => {
    const { seen, socket } = open();

    for (let times = 1; times <= 3; times++) {
      seen.clear();
      socket.send(Buffer.from("request"), "192.0.2.1");
      expect(await seen.first(() => true)).toBe("ECONNREFUSED");
    }
    const rounds = await loopsUntil((done) => setTimeout(done, 50));
    const server = listen(67, "192.0.2.1");
    socket.send(Buffer.from("again"), "192.0.2.1");
    const [again] = await once(server, "message");

    expect(String(again)).toBe("again");
    expect(rounds).toBeLessThan(200);
  });

  test("say when the link is down", async () => {
    const { seen, socket } = open();
    namespace.ip("link set eth0 down");

    socket.send(Buffer.from("request"), "192.0.2.1");

    expect(await seen.first(() => true)).toBe("ENETUNREACH");
  });

  test("come over the one link only", async () => {
    const other = namespace.neighbour("eth1", "srv1", "198.51.100.1/24");
    namespace.ip("address add 198.51.100.5/24 dev eth1");
    namespace.ip(`-n ${other} route add 192.0.2.5 via 198.51.100.5`);
    const { seen } = open();
    const wrong = listen(67, "198.51.100.1", other);
    const right = listen(67, "192.0.2.1");

    await new Promise((resolve) => wrong.send("wrong", 68, "192.0.2.5", resolve));
    right.send("right", 68, "192.0.2.5");
    await seen.first((each) => typeof each !== "string" && each.text === "right");

    expect(seen.all).toHaveLength(1);
  });

  test("end with the socket", () => {
    const { socket } = open();

    socket.close();
    socket.close();

    expect(() => socket.send(new Uint8Array(1), "192.0.2.1")).toThrow("Cannot send: the socket is closed");
    expect(() => open().socket.close()).not.toThrow();
  });

  test("need an address and a link that are there", () => {
    const link = namespace.index("eth0");
    const attempt = (options: { link?: number; address?: string }) => () =>
      network.openDatagrams(
        { link, address: "192.0.2.5", ...options },
        { message: () => {}, failed: () => {} },
      );

    expect(attempt({ address: "192.0.2.99" })).toThrow(
      `Cannot open UDP port 68 of "192.0.2.99" on link ${link}: the system refused (EADDRNOTAVAIL)`,
    );
    expect(attempt({ link: 9999 })).toThrow(expect.objectContaining({ code: "interface-missing" }));
    expect(attempt({ address: "2001:db8::5" })).toThrow('Cannot use "2001:db8::5": not an IPv4 address');
  });

  function open(): { seen: Recorder<Seen>; socket: DatagramSocket } {
    const seen = new Recorder<Seen>();
    const socket = network.openDatagrams(
      { link: namespace.index("eth0"), address: "192.0.2.5" },
      {
        message: (bytes, { address, port }) =>
          seen.record({ text: Buffer.from(bytes).toString(), from: address, port }),
        failed: seen.record,
      },
    );
    onTestFinished(() => socket.close());
    return { seen, socket };
  }

  function listen(port: number, address: string, where = there): Socket {
    const lookup = (
      host: string,
      _: unknown,
      found: (error: null, host: string, family: number) => void,
    ): void => found(null, host, 4);
    const socket = createSocket({ type: "udp4", lookup: lookup as never });
    namespace.inside(where, () => socket.bind({ port, address, exclusive: true }));
    onTestFinished(() => void socket.close());
    return socket;
  }
});

/** How often the event loop goes round until `start` is done. */
async function loopsUntil(start: (done: () => void) => void): Promise<number> {
  const count = (): number =>
    (performance.nodeTiming as unknown as { uvMetricsInfo: { loopCount: number } }).uvMetricsInfo.loopCount;
  const before = count();
  await new Promise<void>(start);
  return count() - before;
}
