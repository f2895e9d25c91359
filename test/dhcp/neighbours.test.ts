import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Fields } from "../../src/dhcp/index.ts";
import { createDhcpClient, type DhcpClientOptions } from "../../src/dhcp.ts";
import { Namespace, namespacesMissing } from "../namespace.ts";
import { GOOD, goodReply, RawServer, SERVER, withOption } from "./raw-server.ts";

interface RouteRow {
  readonly dst: string;
  readonly gateway?: string;
  readonly metric?: number;
  readonly dev: string;
}

interface AddressRow {
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly valid_life_time: number;
  }[];
}

const FOR_EVER = 0xffffffff;

describe.skipIf(namespacesMissing())("a lease among what others configured", () => {
  let namespace: Namespace;

  beforeEach(() => {
    namespace = new Namespace();
    namespace.cable("c0", "s0");
    namespace.cable("c1", "s1");
  });
  afterEach(() => namespace.leave());

  async function bound(
    cable: number,
    change: { spoil: (reply: Fields) => Fields },
    options: Partial<DhcpClientOptions> = {},
  ) {
    const raw = new RawServer(namespace.index(`s${cable}`), (question) =>
      raw.say(change.spoil(goodReply(question))),
    );
    const client = createDhcpClient({ interface: `c${cable}`, conflictDetection: false, ...options });
    onTestFinished(() => raw.close());
    await client.bound({ signal: AbortSignal.timeout(5000) });
    return client;
  }

  function defaults(): readonly (readonly unknown[])[] {
    const rows = namespace.json<RouteRow>("-4 route show default");
    return rows.map(({ gateway, metric, dev }) => [dev, gateway, metric]);
  }

  function addresses(): readonly string[] {
    return namespace
      .json<AddressRow>("-4 address show dev c0")
      .flatMap(({ addr_info }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  }

  const plain = { spoil: (reply: Fields) => reply };

  test("two interfaces and a route by hand have default routes of their own metric", async () => {
    namespace.ip("address add 198.51.100.5/24 dev c1");
    namespace.ip("route add default via 198.51.100.1 dev c1 metric 1024");
    const before = namespace.state();

    const first = await bound(0, plain);
    const second = await bound(1, plain);
    expect(defaults()).toEqual([
      ["c1", "198.51.100.1", 1024],
      ["c0", SERVER, 1025],
      ["c1", SERVER, 1026],
    ]);
    await first.stop();
    expect(defaults()).toEqual([
      ["c1", "198.51.100.1", 1024],
      ["c1", SERVER, 1026],
    ]);
    await second.stop();

    expect(namespace.state()).toBe(before);
  });

  test("the same address set by hand stays for ever", async () => {
    namespace.ip(`address add ${GOOD}/24 dev c0`);
    const before = namespace.state();

    const client = await bound(0, plain);
    const [row] = namespace.json<AddressRow>("-4 address show dev c0");
    expect(row?.addr_info.map(({ valid_life_time }) => valid_life_time)).toEqual([FOR_EVER]);
    expect(defaults()).toEqual([["c0", SERVER, 1024]]);
    await client.stop();

    expect(namespace.state()).toBe(before);
  });

  test("another prefix at a renewal leaves no gap and loses no route", async () => {
    const change = { spoil: plain.spoil };
    const client = await bound(0, change);
    change.spoil = (reply) => withOption(reply, 1, Uint8Array.of(255, 255, 0, 0));
    const renewed = new Promise<void>((resolve) => {
      client.on("lease", () => resolve());
    });

    client.renew();
    await renewed;

    expect(addresses()).toEqual([`${GOOD}/16`]);
    expect(defaults()).toEqual([["c0", SERVER, 1024]]);
    await client.stop();
  });

  test("what somebody took away is put back", async () => {
    const client = await bound(0, plain);
    const warned = new Promise<void>((resolve) => {
      client.on("warning", () => resolve());
    });

    namespace.ip(`address del ${GOOD}/24 dev c0`);
    await warned;

    expect(addresses()).toEqual([`${GOOD}/24`]);
    expect(defaults()).toEqual([["c0", SERVER, 1024]]);
    await client.stop();
  });

  test("a router that the kernel refuses, for it is the broadcast address, costs the route and not the lease", async () => {
    const router = Uint8Array.of(192, 0, 2, 255);
    const warnings: unknown[] = [];
    const raw = new RawServer(namespace.index("s0"), (question) =>
      raw.say(withOption(goodReply(question), 3, router)),
    );
    onTestFinished(() => raw.close());
    const client = createDhcpClient({ interface: "c0", conflictDetection: false });
    client.on("warning", ({ error }) => warnings.push(error));

    await client.bound({ signal: AbortSignal.timeout(5000) });

    expect(warnings).toEqual([expect.objectContaining({ code: "network-failed" })]);
    expect(addresses()).toEqual([`${GOOD}/24`]);
    expect(defaults()).toEqual([]);
    await client.stop();
  });
});
