import { describe, expect, test } from "vitest";
import { createContext, type StateEvent } from "../../src/index.ts";
import {
  plain,
  secure,
  startBroker,
  startH2,
  startHttp,
  startTcp,
  startWs,
  TRUST,
} from "../loopback-peers.ts";

const RETRY = { slow: { backoff: [600_000], conceal: 65_535, jitterpc: 0 } };

describe("a connection whose local address is gone", () => {
  test.each([
    ["h1", {}, async () => plain((await startHttp(() => {})).port)],
    ["h2", {}, async () => secure((await startH2(() => {})).port)],
    ["ws", {}, async () => secure((await startWs(() => {})).port)],
    ["mqtt", { mqtt_topic: "t" }, async () => secure((await startBroker()).port)],
    ["raw", {}, async () => plain((await startTcp((socket) => socket.write("hello"))).port)],
  ] as const)("is made anew at once: %s", async (protocol, keys, start) => {
    const stream = { protocol, retry: "slow", nailed_up: true, ...keys, ...(await start()) };
    await using context = await createContext({
      policy: { ...TRUST, retry: RETRY, streams: { one: stream } },
    });
    const events: StateEvent[] = [];
    let heard = (): void => {};
    const until = (isTrue: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        heard = () => {
          if (isTrue()) resolve();
        };
        heard();
      });
    context.open("one", {
      state: (event) => {
        events.push(event);
        heard();
      },
    });
    // A transaction that is not answered never gets so far as `connected`; its connection is open all the same.
    const isOpen = () => context.inspect().connections.some(({ state }) => state === "open");
    while (!isOpen()) await new Promise(setImmediate);
    const before = events.filter(({ state }) => state === "connecting").length;

    expect(context.abandon(({ local }) => local === "192.0.2.1")).toBe(0);
    expect(context.abandon(({ local, remote }) => local === "127.0.0.1" && remote === "127.0.0.1")).toBe(1);
    await until(() => events.filter(({ state }) => state === "connecting").length > before);

    const lost = events.find(({ reason }) => reason?.code === "network-changed");
    expect([lost?.reason?.layer, lost?.retryIn]).toEqual(["tcp", 0]);
  });
});
