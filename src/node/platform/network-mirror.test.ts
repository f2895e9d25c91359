import { describe, expect, test } from "vitest";
import type { InterfaceAddress, NetworkEvent, NetworkLink, Route } from "../../context/index.ts";
import { NetworkMirror } from "./network-mirror.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const LINK: NetworkLink = {
  index: 3,
  name: "eth0",
  hardwareType: 1,
  hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1),
  mtu: 1500,
  isUp: true,
  hasCarrier: true,
};
const ADDRESS: InterfaceAddress = {
  link: 3,
  address: "192.0.2.5",
  prefixLength: 24,
  broadcast: "192.0.2.255",
  validSeconds: 100,
  preferredSeconds: FOREVER,
  protocol: 68,
};
const ROUTE: Route = {
  link: 3,
  destination: "0.0.0.0",
  prefixLength: 0,
  gateway: "192.0.2.1",
  metric: 5,
  protocol: 16,
};
const ALL = { links: [LINK], addresses: [ADDRESS], routes: [ROUTE] };
const NOTHING = { links: [], addresses: [], routes: [] };

describe("what listeners have been told", () => {
  test("is not told again, by event or by snapshot", () => {
    const mirror = new NetworkMirror(ALL, 0);

    expect(mirror.apply({ type: "link", link: { ...LINK } }, false, 0)).toEqual([]);
    expect(mirror.apply({ type: "address", address: { ...ADDRESS } }, false, 0)).toEqual([]);
    expect(mirror.apply({ type: "route", route: { ...ROUTE } }, true, 0)).toEqual([]);
    expect(mirror.compare(ALL, 0)).toEqual([]);
  });

  test("is told when it changes", () => {
    const changed: readonly NetworkEvent[] = [
      { type: "link", link: { ...LINK, name: "eth1" } },
      { type: "link", link: { ...LINK, mtu: 1400 } },
      { type: "link", link: { ...LINK, isUp: false } },
      { type: "link", link: { ...LINK, hasCarrier: false } },
      { type: "link", link: { ...LINK, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 2) } },
      { type: "address", address: { ...ADDRESS, broadcast: undefined } },
      { type: "address", address: { ...ADDRESS, protocol: 0 } },
      { type: "address", address: { ...ADDRESS, prefixMetric: 7 } },
      { type: "address", address: { ...ADDRESS, preferredSeconds: 100 } },
      { type: "address", address: { ...ADDRESS, prefixLength: 25 } },
      { type: "route", route: { ...ROUTE, source: "192.0.2.5" } },
      { type: "route", route: { ...ROUTE, protocol: 4 } },
      { type: "route", route: { ...ROUTE, isOnLink: true } },
      { type: "route", route: { ...ROUTE, metric: 6 } },
    ];

    for (const event of changed) expect(new NetworkMirror(ALL, 0).apply(event, false, 0)).toEqual([event]);
  });

  test("takes a lifetime that runs down for the same, and one that was renewed for news", () => {
    const mirror = new NetworkMirror(ALL, 0);
    const left = (validSeconds: number) => ({ ...ALL, addresses: [{ ...ADDRESS, validSeconds }] });

    expect(mirror.compare(left(40), 60_000)).toEqual([]);
    expect(mirror.compare(left(39), 60_000)).toEqual([]);
    expect(mirror.compare(left(100), 60_000)).toMatchObject([
      { type: "address", address: { validSeconds: 100 } },
    ]);
  });

  test("has lost the carrier meanwhile where the kernel counted a loss that it did not tell", () => {
    const counted = (carrierLosses: number, hasCarrier = true): NetworkLink => ({
      ...LINK,
      carrierLosses,
      hasCarrier,
    });
    const mirror = new NetworkMirror({ ...ALL, links: [counted(1)] }, 0);
    const hear = (link: NetworkLink) => mirror.apply({ type: "link", link }, false, 0);

    expect(hear(counted(2))).toEqual([
      { type: "link", link: counted(2, false) },
      { type: "link", link: counted(2) },
    ]);
    expect(hear(counted(3, false))).toEqual([{ type: "link", link: counted(3, false) }]);
    expect(hear(counted(3))).toEqual([{ type: "link", link: counted(3) }]);
    expect(hear(counted(3))).toEqual([]);
  });

  test("is told to be gone once", () => {
    const mirror = new NetworkMirror(ALL, 0);
    const gone: readonly NetworkEvent[] = [
      { type: "route-gone", route: ROUTE },
      { type: "address-gone", address: ADDRESS },
      { type: "link-gone", link: LINK },
    ];

    for (const event of gone) {
      expect(mirror.apply(event, false, 0)).toEqual([event]);
      expect(mirror.apply(event, false, 0)).toEqual([]);
    }
    expect(mirror.compare(NOTHING, 0)).toEqual([]);
  });

  test("goes before what takes its place, and only that", () => {
    const other = { ...ROUTE, metric: 6 };
    const mirror = new NetworkMirror(
      { ...ALL, routes: [ROUTE, other, { ...ROUTE, destination: "10.0.0.0" }] },
      0,
    );
    const next = { ...ROUTE, gateway: "192.0.2.2" };

    expect(mirror.apply({ type: "route", route: next }, true, 0)).toEqual([
      { type: "route-gone", route: ROUTE },
      { type: "route", route: next },
    ]);
    expect(mirror.apply({ type: "route", route: ROUTE }, false, 0)).toEqual([
      { type: "route", route: ROUTE },
    ]);
  });

  test("is made good by a snapshot: what is gone first, then links, addresses and routes", () => {
    const mirror = new NetworkMirror(ALL, 0);
    const next = {
      links: [{ ...LINK, index: 4 }],
      addresses: [{ ...ADDRESS, link: 4 }],
      routes: [{ ...ROUTE, link: 4, gateway: undefined }],
    };

    expect(mirror.compare(next, 0)).toEqual([
      { type: "route-gone", route: ROUTE },
      { type: "address-gone", address: ADDRESS },
      { type: "link-gone", link: LINK },
      { type: "link", link: next.links[0] },
      { type: "address", address: next.addresses[0] },
      { type: "route", route: next.routes[0] },
    ]);
    expect(mirror.compare(next, 0)).toEqual([]);
  });

  test("passes on that events were made good", () => {
    expect(new NetworkMirror(NOTHING, 0).apply({ type: "resynchronised" }, false, 0)).toEqual([
      { type: "resynchronised" },
    ]);
  });
});
