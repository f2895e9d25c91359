import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Bus, type Delivery } from "./bus.ts";
import {
  type BusMessage,
  isPortalCheck,
  MESSAGE_CLASSES,
  policyMessage,
  portalCheckMessage,
  portalMessage,
  routeMessage,
  stateMessage,
  userClass,
} from "./messages.ts";

const { network, interaction } = MESSAGE_CLASSES;
const ALL = 0xffff_ffff;
const TO_ALL = {};

describe("a message", () => {
  test("goes to every peer that wants its class, in the order of sending", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    const b = bus.register({ classes: network | interaction });
    bus.register({ classes: userClass(0) });

    expect(bus.send(note(1), TO_ALL, 5)).toBe("queued");
    expect(bus.send(note(2, interaction), TO_ALL, 6)).toBe("queued");

    expect(drain(bus, 7)).toEqual([
      [a, "1"],
      [b, "1"],
      [b, "2"],
    ]);
  });

  test("is delivered one for each peer in each round", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    const b = bus.register({ classes: network });
    for (const number of [1, 2, 3]) bus.send(note(number), TO_ALL, 0);

    expect(bus.round(0).map(told)).toEqual([
      [a, "1"],
      [b, "1"],
    ]);
    expect(bus.round(0).map(told)).toEqual([
      [a, "2"],
      [b, "2"],
    ]);
    expect(bus.length).toBe(1);
  });

  test("comes back to its sender, unless the sender leaves itself out", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    const b = bus.register({ classes: network });

    bus.send(note(1), TO_ALL, 0);
    bus.send(note(2), { except: a }, 0);

    expect(drain(bus, 0)).toEqual([
      [a, "1"],
      [b, "1"],
      [b, "2"],
    ]);
  });

  test("that nobody wants is not kept", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });

    expect(bus.send(note(1, interaction), TO_ALL, 0)).toBe("nobody");
    expect(bus.send(note(1), { except: a }, 0)).toBe("nobody");

    expect(bus.length).toBe(0);
    expect(bus.deadline).toBe(Number.POSITIVE_INFINITY);
  });

  test("larger than 384 bytes of UTF-8 is refused, and one of 384 is not", () => {
    const bus = new Bus();
    bus.register({ classes: network });

    expect(bus.send({ class: network, text: "\u00fc".repeat(192) }, TO_ALL, 0)).toBe("queued");
    expect(bus.send({ class: network, text: `${"\u00fc".repeat(192)}x` }, TO_ALL, 0)).toBe("too-large");
  });

  test.each([0, 3, network | interaction])("of the classes %i is misuse", (bits) => {
    expect(() => new Bus().send({ class: bits, text: "" }, TO_ALL, 0)).toThrow("exactly one class");
  });

  test("of the highest user class is delivered", () => {
    const bus = new Bus();
    const a = bus.register({ classes: userClass(7) });

    bus.send({ class: userClass(7), text: "x" }, TO_ALL, 0);

    expect(userClass(7)).toBe(0x8000_0000);
    expect(drain(bus, 0)).toEqual([[a, "x"]]);
  });
});

describe("the queue", () => {
  test("holds 40 messages, whoever sends them", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    bus.pause(a);
    for (let number = 0; number < 40; number++) expect(bus.send(note(number), TO_ALL, 0)).toBe("queued");

    expect(bus.send(note(40), TO_ALL, 1999)).toBe("full");
    expect(bus.send(note(40), TO_ALL, 2000)).toBe("queued");
  });

  test("tells a peer that is busy what waited more than 2 s for it", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    bus.pause(a);
    bus.send(note(1), TO_ALL, 0);
    bus.send(note(2), TO_ALL, 1500);
    expect(bus.round(10)).toEqual([]);
    expect(bus.deadline).toBe(2000);

    expect(bus.round(2000)).toEqual([{ type: "missed", peer: a, count: 1, why: "expired" }]);

    bus.resume(a);
    expect(bus.deadline).toBe(0);
    expect(drain(bus, 2001)).toEqual([[a, "2"]]);
  });

  test("is due at once where something is to be told, even to a peer that is busy", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    bus.pause(a);
    bus.send(note(1), TO_ALL, 0);
    bus.register({ classes: network });

    expect(bus.deadline).toBe(0);
  });

  test("a peer that is busy does not hold up the others", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    const b = bus.register({ classes: network });
    bus.pause(a);

    bus.send(note(1), TO_ALL, 0);

    expect(drain(bus, 0)).toEqual([[b, "1"]]);
    expect(bus.length).toBe(1);
  });
});

describe("a peer", () => {
  test("that joins late is told how many it missed, and gets what is sent from then on", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    bus.send(note(1), TO_ALL, 0);
    bus.send(note(2), TO_ALL, 0);

    const late = bus.register({ classes: ALL });
    const elsewhere = bus.register({ classes: interaction });
    bus.send(note(3), TO_ALL, 0);

    expect(bus.round(0)).toEqual([
      { type: "message", peer: a, message: note(1), at: 0 },
      { type: "missed", peer: late, count: 2, why: "joined" },
    ]);
    expect(drain(bus, 0)).toEqual([
      [a, "2"],
      [late, "3"],
      [a, "3"],
    ]);
    expect(bus.isRegistered(elsewhere)).toBe(true);
  });

  test("that joins late and wants to catch up gets what waits", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    bus.send(note(1), TO_ALL, 0);

    const late = bus.register({ classes: network, catchUp: true });

    expect(drain(bus, 0)).toEqual([
      [a, "1"],
      [late, "1"],
    ]);
    expect(bus.length).toBe(0);
  });

  test("that leaves gets nothing more, and nothing waits for it", () => {
    const bus = new Bus();
    const a = bus.register({ classes: network });
    const b = bus.register({ classes: network });
    bus.send(note(1), TO_ALL, 0);

    bus.unregister(a);
    bus.unregister(a);
    bus.pause(a);
    bus.resume(a);

    expect(drain(bus, 0)).toEqual([[b, "1"]]);
    bus.send(note(2), TO_ALL, 0);
    bus.unregister(b);
    expect(bus.length).toBe(0);
  });
});

test("every message is got or missed by everybody who wants it, once and in order (property)", () => {
  const step = fc.record({
    do: fc.constantFrom("join", "catch-up", "leave", "send", "round", "pause", "resume"),
    which: fc.nat({ max: 5 }),
    wait: fc.nat({ max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const bus = new Bus({ depth: 8 });
      const got = new Map<number, string[]>();
      const owed = new Map<number, number>();
      let now = 0;
      let sent = 0;
      const take = (deliveries: readonly Delivery[]): void => {
        expect(new Set(deliveries.map(({ peer }) => peer)).size).toBe(deliveries.length);
        for (const delivery of deliveries) {
          const { peer } = delivery;
          if (delivery.type === "message") got.get(peer)?.push(delivery.message.text);
          owed.set(peer, (owed.get(peer) ?? 0) - (delivery.type === "message" ? 1 : delivery.count));
        }
      };
      for (const { do: what, which, wait } of steps) {
        now += wait;
        const peer = [...got.keys()][which] ?? 0;
        if (what === "join" || what === "catch-up") {
          if (got.size > 5) continue;
          const waiting = bus.length;
          const id = bus.register({ classes: network, catchUp: what === "catch-up" });
          got.set(id, []);
          owed.set(id, waiting);
        } else if (what === "leave") {
          bus.unregister(peer);
          got.delete(peer);
          owed.delete(peer);
        } else if (what === "send") {
          if (bus.send(note(sent), TO_ALL, now) !== "queued") continue;
          sent += 1;
          for (const id of got.keys()) owed.set(id, (owed.get(id) ?? 0) + 1);
        } else if (what === "pause") bus.pause(peer);
        else if (what === "resume") bus.resume(peer);
        else take(bus.round(now));
        expect(bus.length).toBeLessThanOrEqual(8);
      }
      for (const id of got.keys()) bus.resume(id);
      while (bus.deadline <= now) take(bus.round(now));
      expect(bus.length).toBe(0);
      for (const texts of got.values()) {
        const numbers = texts.map(Number);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
      }
      expect([...owed.values()].every((count) => count === 0)).toBe(true);
    }),
    { numRuns: 400, seed: 11 },
  );
});

describe("the shapes of libwebsockets", () => {
  test.each<[BusMessage, number, string]>([
    [stateMessage("OPERATIONAL"), 2, '{"state":"OPERATIONAL"}'],
    [stateMessage("CONTEXT_DESTROYING"), 2, '{"state":"DESTROYING"}'],
    [portalMessage("ok"), 4, '{"type":"cpd","result":"OK"}'],
    [portalMessage("captive"), 4, '{"type":"cpd","result":"Captive"}'],
    [portalMessage("no-internet"), 4, '{"type":"cpd","result":"No internet"}'],
    [portalMessage("unknown"), 4, '{"type":"cpd","result":"Unknown"}'],
    [routeMessage("add"), 4, '{"rt":"add"}'],
    [routeMessage("del"), 4, '{"rt":"del"}'],
    [portalCheckMessage(), 4, '{"trigger":"cpdcheck"}'],
    [portalCheckMessage("gw-change"), 4, '{"trigger":"cpdcheck","src":"gw-change"}'],
    [policyMessage(1234.6), 2, '{"policy":"updated","ts":1235}'],
  ])("are what %j says", ({ class: bit, text }, wantedBit, wanted) => {
    expect([bit, text]).toEqual([wantedBit, wanted]);
  });

  test("of a portal check is known when it comes from somebody else", () => {
    expect(isPortalCheck(portalCheckMessage("me"))).toBe(true);
    expect(isPortalCheck({ class: network, text: '{ "trigger" : "cpdcheck" }' })).toBe(true);
    expect(isPortalCheck({ class: interaction, text: '{"trigger":"cpdcheck"}' })).toBe(false);
    expect(isPortalCheck(routeMessage("add"))).toBe(false);
  });
});

function note(number: number, bit: number = network): BusMessage {
  return { class: bit, text: String(number) };
}

function told(delivery: Delivery): [number, string] {
  return [delivery.peer, delivery.type === "message" ? delivery.message.text : `missed ${delivery.count}`];
}

function drain(bus: Bus, now: number): [number, string][] {
  const all: [number, string][] = [];
  for (let round = bus.round(now); round.length > 0; round = bus.round(now)) all.push(...round.map(told));
  return all;
}
