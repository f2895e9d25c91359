import { describe, expect, test } from "vitest";
import { replyTo } from "../../test/ntp/server.ts";
import { NtpWorld, TRUTH } from "../../test/ntp/world.ts";

const YEAR = 365.25 * 86_400_000;

describe("one server", () => {
  test("that answers makes the time valid, with offset and delay from four timestamps", () => {
    const world = new NtpWorld({ error: -5000 });
    world.servers("a");

    // 30 ms there, 4 ms of work, 10 ms back: the middle of the work lies 10 ms off the middle of the trip.
    const { bytes, id } = world.request("a");
    world.now = 44;
    const reply = replyTo(bytes, 0, { receive: TRUTH + 30, transmit: TRUTH + 34, reference: TRUTH });
    world.feed({ type: "reply", server: "a", id, bytes: reply, wall: world.wall });

    const [offset] = world.of("offset");
    expect(offset).toMatchObject({ server: "a", leap: 0, stratum: 2 });
    expect(offset?.delay).toBeCloseTo(40, 2);
    expect(offset?.offset).toBeCloseTo(5010, 2);
    expect(world.outputs.slice(-2)).toMatchObject([
      { type: "adjust", how: "step", servers: ["a"] },
      { type: "valid" },
    ]);
    expect(world.of("adjust")[0]?.epoch).toBeCloseTo(TRUTH + 10, 2);
    expect(world.of("adjust")[0]?.error).toBeCloseTo(20 + 5 + 1, 0);
    expect(world.client.isValid).toBe(true);
  });

  test.each([
    [127, "slew"],
    [-127, "slew"],
    [129, "step"],
    [-129, "step"],
  ])("that says we are %i ms off leads to a %s", (offset, how) => {
    const world = new NtpWorld({ error: -offset });
    world.servers("a");

    world.answer("a");

    expect(world.of("adjust")).toMatchObject([{ how }]);
  });

  test("alone may not move the clock by more than ten years, in either direction", () => {
    for (const error of [-10.1 * YEAR, 10.1 * YEAR]) {
      const world = new NtpWorld({ error });
      world.servers("a");

      world.answer("a");

      expect(world.of("undecided")).toMatchObject([{ why: "alone", opinions: [{ server: "a" }] }]);
      expect(world.of("adjust")).toEqual([]);
      expect(world.client.isValid).toBe(false);
    }
  });

  test("alone may move it by less, and by more where the program says that one is enough", () => {
    const near = new NtpWorld({ error: -9.9 * YEAR });
    near.servers("a");
    near.answer("a");
    const allowed = new NtpWorld({ error: -56 * YEAR, ntp: { agreement: 1 } });
    allowed.servers("a");
    allowed.answer("a");

    expect(near.client.isValid).toBe(true);
    expect(allowed.client.isValid).toBe(true);
  });

  test("is lost after seven days without an answer, and valid again with the next one", () => {
    const world = new NtpWorld();
    world.servers("a");
    world.answer("a");

    world.advance(7 * 86_400_000);

    expect(world.of("lost")).toEqual([{ type: "lost", why: "no server has confirmed the time for 7 days" }]);
    expect(world.client.isValid).toBe(false);
    world.next();
    world.answer("a");
    expect(world.of("valid")).toHaveLength(2);
  });
});

describe("a reply (F3)", () => {
  const cases: readonly [string, string, Parameters<NtpWorld["answer"]>[1]][] = [
    ["that repeats another nonce", "originate", { originate: new Uint8Array(8).fill(7) }],
    ["that repeats none", "originate", { originate: new Uint8Array(8) }],
    ["of mode 0", "mode", { mode: 0 }],
    ["of mode 3, our own", "mode", { mode: 3 }],
    ["of mode 5, a broadcast", "mode", { mode: 5 }],
    ["of mode 7", "mode", { mode: 7 }],
    ["of version 0", "version", { version: 0 }],
    ["of version 3", "version", { version: 3 }],
    ["of version 7", "version", { version: 7 }],
    ["of a server that is not synchronised", "unsynchronised", { leap: 3 }],
    ["of stratum 16", "stratum", { stratum: 16 }],
    ["of stratum 255", "stratum", { stratum: 255 }],
    ["without a transmit time", "no-time", { transmit: undefined }],
    ["without a receive time", "no-time", { receive: undefined }],
    ["of a clock that was set after it answered", "reference", { reference: TRUTH + 5000 }],
    ["with a root delay of a second", "root-delay", { rootDelay: 1000 }],
    ["with a negative root delay", "root-delay", { rootDelay: 65_535_990 }],
    ["with a root dispersion of a second", "root-dispersion", { rootDispersion: 1000 }],
    ["that left before it came", "delay", { receive: TRUTH + 10 }],
    ["that says it worked longer than the trip took", "delay", { receive: TRUTH - 10, reference: undefined }],
    ["with a precision of years", "distance", { precision: 30 }],
    [
      "that may be wrong by more than 1.5 s",
      "distance",
      { rootDelay: 999, rootDispersion: 999, precision: 2 },
    ],
  ];

  test.each(cases)("%s is refused as %s and sets no clock", (_, why, fields) => {
    const world = new NtpWorld({ error: 60_000 });
    world.servers("a");

    world.answer("a", fields);

    expect(world.of("refused")).toEqual([{ type: "refused", server: "a", why }]);
    expect(world.of("adjust")).toEqual([]);
    expect(world.of("offset")).toEqual([]);
    expect(world.client.isValid).toBe(false);
  });

  test.each([0, 47, 49, 1028])("of %i bytes is refused as malformed", (length) => {
    const world = new NtpWorld();
    world.servers("a");

    world.bytes("a", new Uint8Array(length));

    expect(world.of("refused")).toEqual([{ type: "refused", server: "a", why: "malformed" }]);
  });

  test.each([48, 68])("of %i bytes is taken", (length) => {
    const world = new NtpWorld();
    world.servers("a");
    const bytes = new Uint8Array(length);
    bytes.set(replyTo(world.request("a").bytes, TRUTH));

    world.bytes("a", bytes);

    expect(world.client.isValid).toBe(true);
  });

  test("whose seconds are those of 1900 means 2036, and one server alone does not take us there", () => {
    const world = new NtpWorld();
    world.servers("a");
    const in1900 = Date.UTC(1900, 0, 1) + 1000;

    world.answer("a", { receive: in1900, transmit: in1900, reference: undefined });

    expect(world.of("undecided")[0]?.opinions[0]?.offset).toBeCloseTo(
      Date.UTC(2036, 1, 7, 6, 28, 17) - TRUTH,
      0,
    );
    expect(world.of("adjust")).toEqual([]);
  });

  test("across the change of the era is taken from one server alone where it is the next day", () => {
    const eve = Date.UTC(2036, 1, 7);
    const world = new NtpWorld({ error: eve - TRUTH });
    world.servers("a");
    const after = eve + 8 * 3_600_000;

    world.answer("a", { receive: after, transmit: after, reference: after });

    expect(world.of("adjust")[0]?.offset).toBeCloseTo(8 * 3_600_000, 0);
  });

  test.each([2036, 2037, 2106, 2161])("of the year %i is right, from both sides", (year) => {
    const time = Date.UTC(year, 5, 1);
    for (const error of [-5000, 5000]) {
      const world = new NtpWorld({ error: time - TRUTH + error });
      world.servers("a");

      world.answer("a", { receive: time, transmit: time, reference: time });

      expect(world.of("adjust")[0]?.offset).toBeCloseTo(-error, 0);
    }
  });

  test("of a year in the past cannot be told: the last of December 2025 is read as 2162", () => {
    const world = new NtpWorld();
    world.servers("a");
    const before = Date.UTC(2025, 11, 31);

    world.answer("a", { receive: before, transmit: before, reference: before });

    expect(world.of("undecided")).toMatchObject([{ why: "alone" }]);
  });

  test("that is forged does not use up the request: the true one still counts", () => {
    const world = new NtpWorld({ error: 60_000 });
    world.servers("a");
    for (let count = 0; count < 1000; count++) world.answer("a", { originate: new Uint8Array(8) });

    world.answer("a");

    expect(world.client.isValid).toBe(true);
    expect(world.of("adjust")[0]?.offset).toBeCloseTo(-60_000, 1);
  });

  test("counts once: a repetition, one from another server, and a late one are not heard", () => {
    const world = new NtpWorld();
    world.servers("a", "b");
    const { bytes, id } = world.request("a");
    const reply = replyTo(bytes, TRUTH);

    expect(world.feed({ type: "reply", server: "b", id, bytes: reply, wall: world.wall })).toEqual([]);
    world.feed({ type: "reply", server: "a", id, bytes: reply, wall: world.wall });
    expect(world.feed({ type: "reply", server: "a", id, bytes: reply, wall: world.wall })).toEqual([]);

    world.advance(600_000);
    expect(world.feed({ type: "reply", server: "a", id, bytes: reply, wall: world.wall })).toEqual([]);
  });

  test("asks with a nonce that never comes twice", () => {
    const world = new NtpWorld();
    world.servers("a", "b", "c");

    world.advance(40 * 86_400_000);

    const nonces = world.sent.map(({ bytes }) => bytes.subarray(40).join());
    expect(nonces.length).toBeGreaterThan(5000);
    expect(new Set(nonces).size).toBe(nonces.length);
  });
});

describe("several servers", () => {
  test("are asked at once, and the first answer waits a second for the others", () => {
    const world = new NtpWorld();
    world.servers("a", "b", "c");
    expect(world.sent.map(({ server }) => server)).toEqual(["a", "b", "c"]);
    world.now = 20;

    world.answer("a");
    expect(world.of("adjust")).toEqual([]);
    world.now = 900;
    world.answer("b");
    expect(world.client.deadline).toBe(1020);
    world.next();

    expect(world.of("adjust")).toMatchObject([{ servers: ["a", "b"] }]);
  });

  test("that have all answered are compared at once", () => {
    const world = new NtpWorld();
    world.servers("a", "b");

    world.answer("a");
    world.answer("b");

    expect(world.of("adjust")).toMatchObject([{ servers: ["a", "b"] }]);
  });

  test("outvote one that lies, by any amount", () => {
    for (const lie of [-50 * YEAR, -60_000, -200, 200, 60_000, 5 * YEAR]) {
      const world = new NtpWorld({ error: 40 });
      world.servers("a", "liar", "c");

      world.answer("a");
      world.answer("liar", {}, lie);
      world.answer("c");

      expect(world.of("adjust")).toMatchObject([{ servers: ["a", "c"], how: "slew" }]);
      expect(world.of("adjust")[0]?.offset).toBeCloseTo(-40, 2);
    }
  });

  test("that differ without a majority set no clock, not even by little", () => {
    const world = new NtpWorld();
    world.servers("a", "b");

    world.answer("a");
    world.answer("b", {}, 5000);

    expect(world.of("adjust")).toEqual([]);
    const [{ why, opinions } = expect.fail()] = world.of("undecided");
    expect(why).toBe("disagreement");
    expect(opinions.map(({ server, offset }) => [server, Math.round(offset)])).toEqual([
      ["a", 0],
      ["b", 5000],
    ]);
  });

  test("of which two of three agree may move the clock by decades", () => {
    const world = new NtpWorld({ error: -56 * YEAR });
    world.servers("a", "b", "liar");

    world.answer("liar", {}, 30 * YEAR);
    world.answer("a");
    world.answer("b");

    expect(world.of("adjust")).toMatchObject([{ how: "step", servers: ["a", "b"] }]);
    expect(world.of("adjust")[0]?.offset).toBeCloseTo(56 * YEAR, 0);
  });

  test("of which one of three answers may not", () => {
    const world = new NtpWorld({ error: -56 * YEAR });
    world.servers("a", "b", "c");

    world.answer("a");
    world.advance(2000);

    expect(world.of("undecided")).toMatchObject([{ why: "alone" }]);
    expect(world.client.isValid).toBe(false);
  });

  test("give the opinion of the sharpest, kept inside what all may be right about", () => {
    const world = new NtpWorld();
    world.servers("near", "far");

    world.answer("near", { rootDelay: 0, rootDispersion: 10 }, 15);
    world.answer("far", { rootDelay: 0, rootDispersion: 12 }, 0);

    expect(world.of("adjust")[0]?.offset).toBeCloseTo(12, 1);
  });

  test("are eight at the most, each once", () => {
    const world = new NtpWorld();

    world.servers("a", "a", "b", "c", "d", "e", "f", "g", "h", "i");

    expect(world.client.servers).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
  });

  test("that are replaced are forgotten, those that stay are not asked anew", () => {
    const world = new NtpWorld();
    world.servers("a", "b");
    world.answer("a");

    const outputs = world.feed({ type: "servers", servers: ["a", "c"] });

    expect(outputs).toMatchObject([
      { type: "forget", server: "b" },
      { type: "send", server: "c" },
    ]);
    world.advance(1000);
    expect(world.of("adjust")).toMatchObject([{ servers: ["a"] }]);
  });

  test("that are all replaced while their answers are compared have no say", () => {
    const world = new NtpWorld();
    world.servers("a", "b");
    world.answer("a");

    world.servers("c");
    world.advance(5000);

    expect(world.of("adjust")).toEqual([]);
  });

  test("of which none is left is said", () => {
    const world = new NtpWorld();

    world.servers();

    expect(world.outputs).toEqual([{ type: "undecided", why: "no-servers", opinions: [] }]);
    expect(world.client.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("Kiss-o'-Death", () => {
  test.each(["DENY", "RSTR"])("%s ends the server for good, even when it is named again", (code) => {
    const world = new NtpWorld();
    world.servers("a", "b");

    world.answer("a", { stratum: 0, referenceId: code });
    world.servers("a", "b");
    world.advance(86_400_000);

    expect(world.of("kissed")).toEqual([{ type: "kissed", server: "a", code, isDropped: true }]);
    expect(world.sent.filter(({ server }) => server === "a")).toHaveLength(1);
    expect(world.client.servers).toEqual(["b"]);
  });

  test("DENY of the last server is said to leave none", () => {
    const world = new NtpWorld();
    world.servers("a");

    world.answer("a", { stratum: 0, referenceId: "DENY" });

    expect(world.of("undecided")).toMatchObject([{ why: "no-servers" }]);
  });

  test("RATE makes the gap to that server grow, each time", () => {
    const world = new NtpWorld();
    world.servers("a");
    const gaps: number[] = [];
    for (let round = 0; round < 15; round++) {
      const { at } = world.sent.at(-1) ?? expect.fail();
      world.answer("a", { stratum: 0, referenceId: "RATE" });
      world.next();
      gaps.push((world.sent.at(-1)?.at ?? 0) - at);
    }

    for (const [index, gap] of gaps.slice(0, 10).entries()) {
      expect(gap).toBeGreaterThanOrEqual(128_000 * 2 ** index);
    }
    expect(Math.max(...gaps)).toBeLessThanOrEqual(131_072_000 * 1.1);
    world.feed({ type: "poll" });
    expect(world.client.deadline).toBeGreaterThanOrEqual(world.now + 131_072_000);
  });

  test("with another code is no answer", () => {
    const world = new NtpWorld();
    world.servers("a");

    world.answer("a", { stratum: 0, referenceId: "INIT" });

    expect(world.of("kissed")).toEqual([{ type: "kissed", server: "a", code: "INIT", isDropped: false }]);
    expect(world.of("adjust")).toEqual([]);
    expect(world.client.deadline).toBeGreaterThanOrEqual(15_000);
  });

  test("with another nonce is not obeyed: it may be forged", () => {
    const world = new NtpWorld();
    world.servers("a");

    world.answer("a", { stratum: 0, referenceId: "DENY", originate: new Uint8Array(8) });

    expect(world.client.servers).toEqual(["a"]);
    world.answer("a");
    expect(world.client.isValid).toBe(true);
  });

  test("of more servers than can be remembered forgets the oldest", () => {
    const world = new NtpWorld();
    for (let index = 0; index < 65; index++) {
      world.servers(`s${index}`);
      world.answer(`s${index}`, { stratum: 0, referenceId: "DENY" });
    }

    world.servers("s0", "s1");

    expect(world.client.servers).toEqual(["s0"]);
  });
});

describe("asking", () => {
  test("goes on after silence with longer and longer waits, never under 15 s", () => {
    const world = new NtpWorld();
    world.servers("a");

    world.advance(10_000_000);

    const gaps = world.sent.slice(1).map(({ at }, index) => at - (world.sent[index]?.at ?? 0));
    for (const [index, gap] of gaps.entries()) {
      const wait = Math.min(15_000 * 2 ** index, 1_024_000);
      expect(gap).toBeGreaterThanOrEqual(wait);
      expect(gap).toBeLessThanOrEqual(wait * 1.1);
    }
    expect(gaps.length).toBeGreaterThan(10);
  });

  test("is regular between 64 s and 1024 s while the clock agrees, and begins anew after a step", () => {
    const world = new NtpWorld();
    world.servers("a");
    const gaps: number[] = [];
    for (let round = 0; round < 8; round++) {
      world.answer("a");
      const before = world.now;
      world.next();
      gaps.push(world.now - before);
      if (round === 6) world.error = 1000;
    }

    for (const [index, wait] of [64, 128, 256, 512, 1024, 1024, 1024, 1024].entries()) {
      expect(gaps[index]).toBeGreaterThanOrEqual(wait * 1000);
      expect(gaps[index]).toBeLessThanOrEqual(wait * 1100);
    }
    world.error = 0;
    world.answer("a");
    world.next();
    expect(world.now - (world.sent.at(-2)?.at ?? 0)).toBeLessThanOrEqual(70_400);
  });

  test("on demand is at once, but not before 15 s have passed since the last time", () => {
    const world = new NtpWorld();
    world.servers("a");
    world.answer("a");
    world.now = 5000;

    world.feed({ type: "poll" });
    expect(world.sent).toHaveLength(1);
    expect(world.client.deadline).toBe(15_000);

    world.now = 40_000;
    world.feed({ type: "poll" });
    expect(world.sent).toHaveLength(2);
  });

  test("that fails at once is tried again when it is due, and needs no reply any more", () => {
    const world = new NtpWorld();
    world.servers("a");
    const { id } = world.request("a");

    expect(world.feed({ type: "failed", server: "a", id })).toEqual([{ type: "forget", server: "a", id }]);
    expect(world.feed({ type: "failed", server: "a", id })).toEqual([]);

    expect(world.client.deadline).toBeGreaterThanOrEqual(15_000);
  });

  test("after sleep is at once, and what was said before it no longer counts", () => {
    const world = new NtpWorld();
    world.servers("a");
    world.answer("a");
    world.now = 10_000;

    const outputs = world.feed({ type: "slept", span: 3_600_000 });

    expect(outputs).toMatchObject([{ type: "send", server: "a" }]);
    expect(world.client.isValid).toBe(true);
    world.answer("a");
    expect(world.of("adjust")).toHaveLength(2);
  });

  test("after a sleep longer than the time stays valid finds it lost", () => {
    const world = new NtpWorld();
    world.feed({ type: "slept", span: 1000 });
    world.servers("a");
    world.answer("a");

    world.feed({ type: "slept", span: 8 * 86_400_000 });

    expect(world.of("lost")).toHaveLength(1);
  });

  test("forgets what a server said longer ago than 40 minutes", () => {
    const world = new NtpWorld();
    world.servers("a", "b");
    world.answer("a");
    world.answer("b");

    world.advance(3_000_000);
    while (world.request("a").at !== world.now) world.next();
    world.answer("a");
    world.advance(2000);

    expect(world.of("adjust").at(-1)).toMatchObject({ servers: ["a"] });
  });

  test("ends with stop: nothing is sent or said any more", () => {
    const world = new NtpWorld();
    world.servers("a");

    expect(world.feed({ type: "stop" })).toMatchObject([{ type: "forget", server: "a" }]);

    expect(world.client.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.feed({ type: "poll" })).toEqual([]);
  });
});

test("an input that does not exist is misuse", () => {
  const world = new NtpWorld();

  expect(() => world.feed({ type: "nonsense" } as never)).toThrow("Cannot handle: unexpected value");
});
