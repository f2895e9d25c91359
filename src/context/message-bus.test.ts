import { describe, expect, test } from "vitest";
import { MESSAGE_CLASSES } from "../system/index.ts";
import { SimClock } from "../testing/index.ts";
import { MessageBus } from "./message-bus.ts";

const { network } = MESSAGE_CLASSES;
const note = (text: string) => ({ class: network, text });

describe("a bus", () => {
  test("delivers in a later turn, one message for each peer in each round", async () => {
    const { bus, clock, heard, listener } = world();
    listener("a");
    listener("b");
    bus.send(note("1"));
    bus.send(note("2"));
    expect(heard).toEqual([]);

    await clock.run(0);

    expect(heard).toEqual(["a 1", "b 1", "a 2", "b 2"]);
    expect(bus.length).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("lets a peer send, join and leave from inside a delivery", async () => {
    const { bus, clock, heard, listener } = world();
    const second = { current: listener("b") };
    const first = bus.register({
      classes: network,
      message({ text }) {
        heard.push(`a ${text}`);
        if (text !== "1") return;
        second.current.close();
        bus.send(note("2"));
        second.current = listener("c");
      },
    });
    bus.send(note("1"));

    await clock.run(0);
    first.close();
    first.close();
    bus.send(note("3"));
    await clock.run(0);

    expect(heard).toEqual(["b 1", "a 1", "a 2", "c missed 1 joined", "c 3"]);
  });

  test("a peer that leaves in the same round gets nothing more", async () => {
    const { bus, clock, heard, listener } = world();
    const others: { close(): void }[] = [];
    bus.register({
      classes: network,
      message: () => {
        for (const other of others) other.close();
      },
    });
    others.push(listener("b"));
    bus.send(note("1"));

    await clock.run(0);

    expect(heard).toEqual([]);
  });

  test("what a peer throws is raised, and the others still hear", async () => {
    const { bus, clock, heard, listener, raised } = world();
    bus.register({
      classes: network,
      message: () => {
        throw new Error("broken");
      },
    });
    listener("b");
    bus.send(note("1"));

    await clock.run(0);

    expect(raised).toEqual([new Error("broken")]);
    expect(heard).toEqual(["b 1"]);
  });

  test("keeps what a paused peer wants for 2 s, and tells it what it missed", async () => {
    const { bus, clock, heard, listener } = world();
    const peer = listener("a");
    peer.pause();
    bus.send(note("1"));
    await clock.run(1500);
    bus.send(note("2"));
    await clock.run(1000);
    expect(heard).toEqual(["a missed 1 expired"]);

    peer.resume();
    await clock.run(0);

    expect(heard).toEqual(["a missed 1 expired", "a 2"]);
  });

  test("does not keep the process alive for a peer that is paused", async () => {
    const held: boolean[] = [];
    const clock = new SimClock();
    const wake = clock.wake.bind(clock);
    const bus = new MessageBus(
      {
        now: () => clock.now(),
        wall: () => 0,
        wake: (at, run, holds) => {
          held.push(holds);
          return wake(at, run);
        },
      },
      () => {},
    );
    const peer = bus.register({ classes: network, message: () => {} });
    peer.pause();
    bus.send(note("1"));
    expect(held).toEqual([false]);

    peer.resume();
    expect(held).toEqual([false, true]);
  });

  test("leaves the sender out where it wants that", async () => {
    const { bus, clock, heard, listener } = world();
    const a = listener("a");
    listener("b");

    expect(a.send(note("1"), { exceptMe: true })).toBe("queued");
    expect(a.send(note("2"))).toBe("queued");
    await clock.run(0);

    expect(heard).toEqual(["b 1", "a 2", "b 2"].toSorted((x, y) => heard.indexOf(x) - heard.indexOf(y)));
    expect(heard).not.toContain("a 1");
    expect(bus.length).toBe(0);
  });

  test("lets a latecomer catch up where it wants that", async () => {
    const { bus, clock, heard, listener } = world();
    listener("a");
    bus.send(note("1"));
    bus.register({ classes: network, catchUp: true, message: ({ text }) => heard.push(`late ${text}`) });

    await clock.run(0);

    expect(heard).toEqual(["a 1", "late 1"]);
  });

  test("may be without anybody who wants to know what it missed", async () => {
    const { bus, clock } = world();
    const peer = bus.register({ classes: network, message: () => {} });
    peer.pause();
    bus.send(note("1"));
    await clock.run(3000);

    expect(bus.length).toBe(0);
  });
});

function world() {
  const clock = new SimClock();
  const raised: unknown[] = [];
  const heard: string[] = [];
  const bus = new MessageBus(clock, (error) => raised.push(error));
  const listener = (name: string) =>
    bus.register({
      classes: network,
      message: ({ text }) => heard.push(`${name} ${text}`),
      missed: (count, why) => heard.push(`${name} missed ${count} ${why}`),
    });
  return { bus, clock, raised, heard, listener };
}
