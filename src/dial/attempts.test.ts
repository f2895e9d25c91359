import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reason } from "../lib/errors.ts";
import { TIMEOUT } from "../lib/machine.ts";
import { NEVER } from "../lib/millis.ts";
import type { Candidate } from "./address-order.ts";
import { Attempts, type AttemptsInput, type AttemptsOutput, MOST_ADDRESSES } from "./attempts.ts";

const SIX = "2001:db8::1";
const SIX_TOO = "2001:db8::2";
const FOUR = "192.0.2.1";
const FOUR_TOO = "192.0.2.2";
const REFUSED: Reason = {
  layer: "tcp",
  code: "connection-refused",
  message: "Cannot connect: nobody listens",
};
const NO_DATA: Reason = { layer: "dns", code: "no-data", message: "Cannot resolve: no address" };

describe("Attempts", () => {
  test("DNS-54 tries IPv6 first when both families are known, then alternates every 250 ms", () => {
    const attempts = new Attempts();

    expect(attempts.handle(addresses(SIX, SIX_TOO), 0)).toEqual([start(1, SIX)]);
    expect(attempts.handle(addresses(FOUR, FOUR_TOO), 1)).toEqual([]);
    expect(attempts.deadline).toBe(250);
    expect(attempts.handle(TIMEOUT, 249)).toEqual([]);
    expect(attempts.handle(TIMEOUT, 250)).toEqual([start(2, FOUR)]);
    expect(attempts.handle(TIMEOUT, 500)).toEqual([start(3, SIX_TOO)]);
    expect(attempts.handle(TIMEOUT, 750)).toEqual([start(4, FOUR_TOO)]);
    expect(attempts.deadline).toBe(NEVER);
  });

  test("DNS-54 waits 50 ms for IPv6 when IPv4 comes first, and no longer", () => {
    const attempts = new Attempts();

    expect(attempts.handle(addresses(FOUR), 10)).toEqual([]);
    expect(attempts.deadline).toBe(60);
    expect(attempts.handle(addresses(FOUR_TOO), 30)).toEqual([]);
    expect(attempts.deadline).toBe(60);
    expect(attempts.handle(TIMEOUT, 60)).toEqual([start(1, FOUR)]);
  });

  test("DNS-54 takes IPv6 that comes within the 50 ms", () => {
    const attempts = new Attempts();

    attempts.handle(addresses(FOUR), 10);

    expect(attempts.handle(addresses(SIX), 40)).toEqual([start(1, SIX)]);
    expect(attempts.deadline).toBe(290);
  });

  test("DNS-54 does not wait once the name is known to have no IPv6 address", () => {
    const before = new Attempts();
    const after = new Attempts();

    before.handle(resolved(6, NO_DATA), 0);
    after.handle(addresses(FOUR), 0);

    expect(before.handle(addresses(FOUR), 5)).toEqual([start(1, FOUR)]);
    expect(after.handle(resolved(6, NO_DATA), 5)).toEqual([start(1, FOUR)]);
  });

  test("DNS-54 starts with IPv4 where there is no IPv6 route", () => {
    const attempts = new Attempts();

    attempts.handle(addresses(FOUR, FOUR_TOO), 0);

    expect(attempts.handle({ type: "addresses", candidates: [noRoute(SIX)] }, 10)).toEqual([start(1, FOUR)]);
    expect(attempts.handle(TIMEOUT, 260)).toEqual([start(2, FOUR_TOO)]);
    expect(attempts.handle(TIMEOUT, 510)).toEqual([start(3, SIX)]);
  });

  test("DNS-54 a failure starts the next attempt at once", () => {
    const attempts = new Attempts();
    attempts.handle(addresses(SIX), 0);
    attempts.handle(addresses(FOUR), 0);

    expect(attempts.handle(failed(1), 3)).toEqual([start(2, FOUR)]);
    expect(attempts.deadline).toBe(NEVER);
  });

  test("DNS-54 an IPv6 black hole costs 250 ms", () => {
    const attempts = new Attempts();
    attempts.handle(addresses(SIX), 0);
    attempts.handle(addresses(FOUR), 0);
    attempts.handle(TIMEOUT, 250);

    expect(attempts.handle({ type: "connected", id: 2 }, 251)).toEqual([
      { type: "abandon", id: 1 },
      { type: "connected", id: 2, address: FOUR },
    ]);
    expect(attempts.deadline).toBe(NEVER);
  });

  test("DNS-54 ten dead addresses and one good one end in the good one", () => {
    const attempts = new Attempts();
    const dead = Array.from({ length: 10 }, (_, index) => `192.0.2.${index + 1}`);
    attempts.handle(resolved(6, NO_DATA), 0);
    attempts.handle(addresses(...dead, "192.0.2.99"), 0);

    for (let id = 1; id <= 10; id++) {
      expect(attempts.handle(failed(id), id)).toEqual([start(id + 1, dead[id] ?? "192.0.2.99")]);
    }

    expect(attempts.handle({ type: "connected", id: 11 }, 20)).toEqual([
      { type: "connected", id: 11, address: "192.0.2.99" },
    ]);
  });

  test("DNS-54 addresses that come late join, and start at once where all before have failed", () => {
    const attempts = new Attempts();
    attempts.handle(addresses(SIX), 0);
    attempts.handle(resolved(6, undefined), 0);

    expect(attempts.handle(failed(1), 5)).toEqual([]);
    expect(attempts.handle(addresses(FOUR), 400)).toEqual([start(2, FOUR)]);
  });

  test("fails with every reason once nothing is left", () => {
    const attempts = new Attempts();
    attempts.handle(addresses(FOUR), 0);
    attempts.handle(resolved(6, NO_DATA), 0);
    attempts.handle(resolved(4, undefined), 0);

    expect(attempts.handle(failed(1), 1)).toEqual([ended({ reasons: [REFUSED, NO_DATA] })]);
  });

  test("fails when neither family has an address", () => {
    const attempts = new Attempts();

    expect(attempts.handle(resolved(6, NO_DATA), 0)).toEqual([]);
    expect(attempts.handle(resolved(4, NO_DATA), 0)).toEqual([ended({ reasons: [NO_DATA, NO_DATA] })]);
  });

  test("gives up at its deadline and says who had not answered", () => {
    const attempts = new Attempts({ deadline: 300 });
    attempts.handle(addresses(SIX), 0);
    attempts.handle(addresses(FOUR), 0);
    attempts.handle(TIMEOUT, 250);

    expect(attempts.deadline).toBe(300);
    expect(attempts.handle(TIMEOUT, 300)).toEqual([
      { type: "abandon", id: 1 },
      { type: "abandon", id: 2 },
      ended({ unanswered: [SIX, FOUR], isResolving: true, isTimeout: true }),
    ]);
  });

  test("DNS-54 a stagger is kept between 100 and 2000 ms", () => {
    for (const [asked, kept] of [
      [1, 100],
      [9999, 2000],
      [300, 300],
    ] as const) {
      const attempts = new Attempts({ stagger: asked });
      attempts.handle(addresses(SIX, SIX_TOO), 0);
      expect(attempts.deadline).toBe(kept);
    }
  });

  test("the same address is tried once, and of each family only so many", () => {
    const attempts = new Attempts();
    const many = Array.from({ length: MOST_ADDRESSES + 10 }, (_, index) => `10.0.0.${index}`);
    attempts.handle(resolved(6, NO_DATA), 0);
    attempts.handle(addresses(...many, ...many), 0);
    attempts.handle(resolved(4, undefined), 0);

    let tried = 1;
    while (attempts.handle(failed(tried), tried).some(({ type }) => type === "start")) tried += 1;

    expect(tried).toBe(MOST_ADDRESSES);
    expect(attempts.deadline).toBe(NEVER);
  });

  test("ignores what is stale, twice or after the end", () => {
    const attempts = new Attempts();
    attempts.handle(addresses(SIX), 0);

    expect(attempts.handle(failed(7), 1)).toEqual([]);
    expect(attempts.handle({ type: "connected", id: 7 }, 1)).toEqual([]);
    expect(attempts.handle(resolved(6, undefined), 1)).toEqual([]);
    expect(attempts.handle(resolved(6, NO_DATA), 1)).toEqual([]);
    attempts.handle({ type: "connected", id: 1 }, 2);
    expect(attempts.handle(failed(1), 3)).toEqual([]);
    expect(attempts.handle(TIMEOUT, 9999)).toEqual([]);
  });

  test("throws for an input that does not exist", () => {
    expect(() => new Attempts().handle({ type: "nonsense" } as unknown as AttemptsInput, 0)).toThrow(
      TypeError,
    );
  });

  test("keeps the six promises of a machine whatever happens", () => {
    const address = fc.constantFrom(SIX, SIX_TOO, FOUR, FOUR_TOO, "nonsense");
    const input: fc.Arbitrary<AttemptsInput | typeof TIMEOUT> = fc.oneof(
      fc.constant(TIMEOUT),
      fc.record({
        type: fc.constant("addresses" as const),
        candidates: fc.array(fc.oneof(address.map(routed), address.map(noRoute)), { maxLength: 4 }),
      }),
      fc.record({
        type: fc.constant("resolved" as const),
        family: fc.constantFrom(4 as const, 6 as const),
        reason: fc.constantFrom(undefined, NO_DATA),
      }),
      fc.record({ type: fc.constant("connected" as const), id: fc.integer({ min: 1, max: 6 }) }),
      fc.record({
        type: fc.constant("failed" as const),
        id: fc.integer({ min: 1, max: 6 }),
        reason: fc.constant(REFUSED),
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.integer({ min: 0, max: 300 })), { maxLength: 30 }), (steps) => {
        const attempts = new Attempts({ deadline: 3000 });
        const twin = new Attempts({ deadline: 3000 });
        const open = new Set<number>();
        let now = 0;
        let ends = 0;
        for (const [step, wait] of [...steps, [TIMEOUT, 3000] as const]) {
          now += wait;
          const isEarly = step.type === "timeout" && now < attempts.deadline;
          const outputs = attempts.handle(step, now);
          expect(twin.handle(step, now)).toEqual(outputs);
          if (isEarly || ends > 0) expect(outputs).toEqual([]);
          if (step.type === "timeout") expect(attempts.deadline).toBeGreaterThan(now);
          if (step.type === "failed") open.delete(step.id);
          for (const output of outputs) ends += follow(output, open);
        }
        expect(ends).toBe(1);
        expect(open.size).toBe(0);
        expect(attempts.deadline).toBe(NEVER);
      }),
    );
  });
});

/** Keeps book of open attempts; 1 for an ending output. */
function follow(output: AttemptsOutput, open: Set<number>): number {
  switch (output.type) {
    case "start":
      open.add(output.id);
      return 0;
    case "abandon":
    case "connected":
      expect(open.delete(output.id)).toBe(true);
      return output.type === "connected" ? 1 : 0;
    case "failed":
      return 1;
  }
}

function addresses(...list: readonly string[]): AttemptsInput {
  return { type: "addresses", candidates: list.map(routed) };
}

function routed(address: string): Candidate {
  return {
    address,
    source: { address: address.includes(":") ? "2001:db8:9::9" : "198.51.100.9", prefixLength: 0 },
  };
}

function noRoute(address: string): Candidate {
  return { address, source: undefined };
}

function resolved(family: 4 | 6, reason: Reason | undefined): AttemptsInput {
  return { type: "resolved", family, reason };
}

function failed(id: number): AttemptsInput {
  return { type: "failed", id, reason: REFUSED };
}

function start(id: number, address: string): AttemptsOutput {
  return { type: "start", id, address };
}

function ended(differences: object): object {
  return {
    type: "failed",
    reasons: [],
    unanswered: [],
    isResolving: false,
    isTimeout: false,
    ...differences,
  };
}
