import { describe, expect, test } from "vitest";
import { SimTime } from "../../test/system/sim-time.ts";
import { SeededRandom, SimClock } from "../testing/index.ts";
import { createSystemOver } from "./system.ts";
import type { TimeEvent } from "./system-events.ts";
import { type TimeOptions, TimePart } from "./time-part.ts";

const YEAR = 365.25 * 86_400_000;

describe("the time", () => {
  test("holds TIME_VALID until a server has told it, and sets the clock where that is permitted", async () => {
    const { system, clock, time, part, events } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    time.error = -3_600_000;
    await clock.run(0);
    expect(system.state).toBe("CPD_PRE_TIME");
    expect(system.heldBy).toMatchObject([
      { state: "TIME_VALID", by: "time", why: "the time is not known yet" },
    ]);

    await clock.run(100);

    expect(system.state).toBe("OPERATIONAL");
    expect(events).toMatchObject([{ type: "adjusted", how: "step", set: true }, { type: "valid" }]);
    expect(time.error).toBeCloseTo(0, 1);
    expect(part.offset).toBeCloseTo(0, 1);
    expect(part.isValid).toBe(true);
    expect(time.open).toBe(0);
  });

  test("is kept where the clock may not be set, and goes on being right", async () => {
    const { clock, time, part, events } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    time.isPermitted = false;
    time.error = -9 * YEAR;
    await clock.run(100);
    expect(events).toMatchObject([{ type: "adjusted", set: false }, { type: "valid" }]);

    await clock.run(3 * 3_600_000);

    expect(Math.abs(part.now() - time.truth())).toBeLessThan(10);
    expect(Math.abs(part.offset - 9 * YEAR)).toBeLessThan(10);
    time.error += 5 * YEAR;
    expect(Math.abs(part.now() - time.truth())).toBeLessThan(10);
  });

  test("stays right through a sleep in which the monotonic clock stood still", async () => {
    const { clock, time, part } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    time.isPermitted = false;
    time.error = -5 * YEAR;
    await clock.run(100);
    const before = part.now();

    part.slept(3_600_000);

    expect(part.now() - before).toBeCloseTo(3_600_000, 0);
  });

  test("is not known before anything was heard: the wall clock's is as good", () => {
    const { part, time } = world({ servers: [] });
    time.error = 77;

    part.slept(1000);

    expect(part.offset).toBe(0);
    expect(part.now()).toBe(time.wall());
    expect(part.isValid).toBe(false);
  });

  test("is lost after seven days of silence and comes back", async () => {
    const { system, clock, time, part } = world({ servers: ["192.0.2.1"] });
    const server = time.server("192.0.2.1");
    await clock.run(100);
    server.mode = "silent";

    await clock.run(7 * 86_400_000 + 1000);
    expect(system.state).toBe("CPD_PRE_TIME");
    expect(system.heldBy[0]?.why).toBe("no server has confirmed the time for 7 days");
    expect(part.isValid).toBe(false);

    server.mode = "up";
    await clock.run(2_000_000);
    expect(system.state).toBe("OPERATIONAL");
  });

  test("of one lying server among three is not believed", async () => {
    const { clock, time, part } = world({ servers: ["192.0.2.1", "192.0.2.2", "192.0.2.3"] });
    time.server("192.0.2.1");
    time.server("192.0.2.2").error = -20 * YEAR;
    time.server("192.0.2.3");
    await clock.run(100);

    expect(Math.abs(part.now() - time.truth())).toBeLessThan(10);
  });

  test("that nobody may be believed about says why it is held", async () => {
    const differ = world({ servers: ["192.0.2.1", "192.0.2.2"] });
    differ.time.server("192.0.2.1");
    differ.time.server("192.0.2.2").error = 60_000;
    await differ.clock.run(100);
    expect(differ.system.heldBy[0]?.why).toBe("the time servers do not agree");

    const alone = world({ servers: ["192.0.2.1"] });
    alone.time.server("192.0.2.1");
    alone.time.error = -56 * YEAR;
    await alone.clock.run(100);
    expect(alone.system.heldBy[0]?.why).toBe("one time server alone asks for a jump of more than ten years");

    const none = world({ servers: [] });
    await none.clock.run(100);
    expect(none.system.heldBy[0]?.why).toBe("no time server is left to ask");
  });

  test("that cannot be set for a fault is kept all the same", async () => {
    const { clock, time, raised, part } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    time.setClock = () => {
      throw new Error("EPERM");
    };
    await clock.run(100);

    expect(raised).toEqual([new Error("EPERM")]);
    expect(part.isValid).toBe(true);
  });
});

describe("servers", () => {
  test("may be names, each with several addresses, and one that does not resolve is left out", async () => {
    const { system, clock, time } = world({ servers: ["pool.test", "gone.test", "192.0.2.9"] });
    time.names.set("pool.test", ["192.0.2.1", "192.0.2.2"]);
    for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.9"]) time.server(address);

    await clock.run(100);

    expect([...time.asked].sort()).toEqual(["192.0.2.1", "192.0.2.2", "192.0.2.9"]);
    expect(system.state).toBe("OPERATIONAL");
  });

  test("of which no name resolves are tried again, later and later", async () => {
    const { system, clock, time } = world({ servers: ["pool.test"] });
    time.server("192.0.2.1");
    await clock.run(100);
    expect(system.heldBy[0]?.why).toBe("none of the time servers has an address");

    await clock.run(10_000);
    time.names.set("pool.test", ["192.0.2.1"]);
    await clock.run(15_000);

    expect(system.state).toBe("OPERATIONAL");
  });

  test("are replaced by those of a lease, and an old lookup has no say", async () => {
    const { clock, time, part } = world({ servers: ["pool.test"] });
    time.names.set("pool.test", ["192.0.2.1"]);
    time.server("192.0.2.1");
    time.server("192.0.2.7");
    clock.advance(0);

    part.useServers(["192.0.2.7"]);
    await clock.run(100);

    expect(time.asked).toEqual(["192.0.2.7"]);
  });

  test("that refuse, send us away or forge are told of", async () => {
    const { clock, time, events } = world({ servers: ["192.0.2.1", "192.0.2.2", "192.0.2.3"] });
    time.server("192.0.2.1").fields = { mode: 3 };
    time.server("192.0.2.2").fields = { stratum: 0, referenceId: "DENY" };
    time.server("192.0.2.3").mode = "failing";

    await clock.run(100);

    expect(events).toEqual([
      { type: "refused", server: "192.0.2.1", why: "mode" },
      { type: "refused", server: "192.0.2.2", why: "DENY" },
    ]);
  });

  test("are asked on demand, with manners", async () => {
    const { clock, time, part } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    part.poll();
    await clock.run(100);

    part.poll();
    await clock.run(1000);
    expect(time.asked).toHaveLength(1);
    await clock.run(15_000);
    expect(time.asked).toHaveLength(2);
  });

  test("are asked again when the network comes back, and not once the system has ended", async () => {
    const { system, clock, time, part } = world({ servers: ["192.0.2.1"] });
    time.server("192.0.2.1");
    await clock.run(60_000);

    const release = system.hold("DHCP", "dhcp", "gone");
    release();
    await clock.run(100);
    expect(time.asked).toHaveLength(2);

    await system.stop();
    part.poll();
    await clock.run(10_000_000);
    expect(time.asked).toHaveLength(2);
    expect(time.open).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("whose names are looked for in vain are not looked for once the system has ended", async () => {
    const { system, clock } = world({ servers: ["gone.test"] });
    await clock.run(100);

    await system.stop();

    expect(clock.pending).toBe(0);
  });
});

function world(options: TimeOptions) {
  const clock = new SimClock(Date.UTC(2026, 5, 1));
  const raised: unknown[] = [];
  const time = new SimTime(clock);
  const part = new TimePart(time, options);
  const ports = { clock, random: new SeededRandom(1), raise: (error: unknown) => raised.push(error) };
  const system = createSystemOver(ports, { parts: [part] });
  const events: TimeEvent[] = [];
  system.on("time", (event) => events.push(event));
  return { system, clock, time, part, events, raised };
}
